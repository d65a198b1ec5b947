"""Instances of a metapath one by one, from a node and optionally to another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np

from data.errors import ConfigError
from graph.explore.relations import Levels, neighbours, reached
from graph.latent import LatentGraph
from graph.metapath import Metapath


def instances(
    graph: LatentGraph,
    metapath: Metapath,
    start: int,
    end: int | None = None,
    *,
    levels: Levels = None,
    limit: int = 1000,
) -> list[tuple[int, ...]]:
    """At most `limit` instances, each a node number for every type of the metapath.

    Those through the latest interactions come first. What counts as an instance is what
    `count_instances` counts.

    Args:
        graph: To walk in.
        metapath: To follow.
        start: Number of a node of the first type.
        end: Number of a node of the last type; any by default.
        levels: Levels of codes that may be walked; all by default.
        limit: Most instances.

    Raises:
        ConfigError: the graph has no such node.
    """
    _check(graph, metapath.types[0], start)
    allowed = None
    if end is not None:
        _check(graph, metapath.types[-1], end)
        allowed = _towards(graph, metapath, end, levels)
    return list(islice(_walk(graph, metapath, (start,), allowed, levels), limit))


def _walk(
    graph: LatentGraph,
    metapath: Metapath,
    path: tuple[int, ...],
    allowed: list[np.ndarray] | None,
    levels: Levels,
) -> Iterator[tuple[int, ...]]:
    if len(path) == len(metapath.types):
        yield path
        return
    a, b = metapath.types[len(path) - 1], metapath.types[len(path)]
    steps = neighbours(graph, a, b, path[-1], levels)
    if allowed is not None:
        steps = steps[allowed[len(path)][steps]]
    back = path[-2] if len(path) > 1 and metapath.types[len(path) - 2] == b else None
    for node in steps.tolist():
        if node != back:
            yield from _walk(graph, metapath, (*path, node), allowed, levels)


def _towards(graph: LatentGraph, metapath: Metapath, end: int, levels: Levels) -> list[np.ndarray]:
    """For every type of the path, a mask of the nodes from which the end can be reached."""
    mask = np.zeros(graph.size(metapath.types[-1]), dtype=bool)
    mask[end] = True
    masks = [mask]
    for a, b in pairwise(metapath.types[::-1]):
        masks.append(reached(graph, a, b, masks[-1], levels))
    return masks[::-1]


def _check(graph: LatentGraph, node_type: str, node: int) -> None:
    if not 0 <= node < graph.size(node_type):
        raise ConfigError(
            f"There is no {node_type} {node}; the graph has the numbers 0 to "
            f"{graph.size(node_type) - 1}."
        )
