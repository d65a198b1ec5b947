"""Instances of a metapath: how many there are and how far they reach, one by one, in streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np

from data.errors import ConfigError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.metapath import Metapath
from graph.schema import EdgeType

Levels = Sequence[int] | None
"""Levels of codes whose factor nodes are walked; None for all."""
OTHERS = -1
"""Stands for all nodes of a step that are not shown by themselves."""
_EXACT = 2.0**62


@dataclass(frozen=True, slots=True)
class Coverage:
    """Reach of a metapath.

    Attributes:
        metapath: As text.
        instances: All of them.
        starts: Share of start nodes from which at least one instance goes.
        ends: Share of end nodes at which at least one arrives.
        median_per_end: Median number of instances that arrive at an end node.
    """

    metapath: str
    instances: int
    starts: float
    ends: float
    median_per_end: float


def coverage(graph: HeteroGraph, metapath: Metapath, levels: Levels = None) -> Coverage:
    """Instances of a metapath and the shares of nodes it touches."""
    ends = arrivals(graph, metapath, levels)
    starts = arrivals(graph, Metapath(metapath.types[::-1]), levels)
    return Coverage(
        str(metapath),
        int(ends.sum()),
        float((starts > 0).mean()),
        float((ends > 0).mean()),
        float(np.median(ends)),
    )


def count_instances(
    graph: HeteroGraph, metapath: Metapath, levels: Levels = None, start: int | None = None
) -> int:
    """The number of instances: walks along distinct edges that never step straight back.

    Two interactions of one user with one item are one edge. `u > q > u` thus counts ordered pairs
    of different users once for every factor they share.

    Args:
        graph: To walk in.
        metapath: To follow.
        levels: Levels of codes that may be walked; all by default.
        start: Number of the node that they start from; any by default.

    Raises:
        ConfigError: there are more than 2^62.
    """
    return int(arrivals(graph, metapath, levels, start).sum())


def arrivals(
    graph: HeteroGraph, metapath: Metapath, levels: Levels = None, start: int | None = None
) -> np.ndarray:
    """(size of the last type,) int64 instances that end at each node, from `start` if it is given.

    With A the edges of a step and p the walks that end at each node, the next p is Aᵀ p, less the
    walks that would return to where they just came from. A node w that p(w) walks had reached sent
    p(w) * (degree of w) of them on, each but to its own predecessor, and each could return once.
    """
    types = metapath.types
    edges = {pair: _adjacency(graph, *pair, levels) for pair in set(pairwise(types))}
    walks, sent_on = np.ones(graph.size(types[0]), dtype=np.int64), None
    if start is not None:
        walks = (np.arange(len(walks)) == start).astype(np.int64)
    for step, (a, b) in enumerate(pairwise(types)):
        matrix = edges[a, b]
        _check_exact(matrix, walks, metapath)
        may_return = int(step > 0 and types[step - 1] == b)
        after = matrix.T @ walks
        if may_return:
            after = after - sent_on
        sent_on = walks * (np.diff(matrix.indptr) - may_return)
        walks = after
    return walks


def _check_exact(edges: Any, walks: np.ndarray, metapath: Metapath) -> None:
    total = float((edges.T @ walks.astype(float)).sum())
    if total > _EXACT:
        raise ConfigError(
            f"The metapath {str(metapath)!r} has more than 2^62 instances. Count a shorter one."
        )


def instances(
    graph: HeteroGraph,
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
    _check_node(graph, metapath.types[0], start)
    allowed = None
    if end is not None:
        _check_node(graph, metapath.types[-1], end)
        allowed = _towards(graph, metapath, end, levels)
    steps = [list(_edges(graph, a, b, levels)) for a, b in pairwise(metapath.types)]
    return list(islice(_walk(metapath.types, steps, (start,), allowed), limit))


def _walk(
    types: tuple[str, ...],
    steps: list[list[tuple[EdgeType, Relation]]],
    path: tuple[int, ...],
    allowed: list[np.ndarray] | None,
) -> Iterator[tuple[int, ...]]:
    at = len(path)
    if at == len(types):
        yield path
        return
    near = _near(steps[at - 1], path[-1])
    if allowed is not None:
        near = near[allowed[at][near]]
    back = path[-2] if at > 1 and types[at - 2] == types[at] else None
    for node in near.tolist():
        if node != back:
            yield from _walk(types, steps, (*path, node), allowed)


def _towards(graph: HeteroGraph, metapath: Metapath, end: int, levels: Levels) -> list[np.ndarray]:
    """For every type of the path, a mask of the nodes from which the end can be reached."""
    mask = np.zeros(graph.size(metapath.types[-1]), dtype=bool)
    mask[end] = True
    masks = [mask]
    for a, b in pairwise(metapath.types[::-1]):
        reached = np.zeros(graph.size(b), dtype=bool)
        for _, relation in _edges(graph, a, b, levels):
            reached[relation.targets[np.repeat(masks[-1], relation.degrees)]] = True
        masks.append(reached)
    return masks[::-1]


def _check_node(graph: HeteroGraph, node_type: str, node: int) -> None:
    if not 0 <= node < graph.size(node_type):
        raise ConfigError(
            f"There is no {node_type} {node}; the graph has the numbers 0 to "
            f"{graph.size(node_type) - 1}."
        )


def neighbours(graph: HeteroGraph, a: str, b: str, node: int, levels: Levels = None) -> np.ndarray:
    """(degree,) int32 distinct nodes of type `b` next to `node` of type `a`.

    Along edges with times the latest come first; factors come by level, members of a factor by
    number.
    """
    return _near(list(_edges(graph, a, b, levels)), node)


def _near(edges: Sequence[tuple[EdgeType, Relation]], node: int) -> np.ndarray:
    rows = [relation.of(node)[:: -1 if edge.timed else 1] for edge, relation in edges]
    every = rows[0] if len(rows) == 1 else np.concatenate([np.zeros(0, dtype=np.int32), *rows])
    distinct = dict.fromkeys(every.tolist())
    return every if len(distinct) == len(every) else np.array(list(distinct), dtype=np.int32)


def _adjacency(graph: HeteroGraph, a: str, b: str, levels: Levels) -> Any:
    """(size of `a`, size of `b`) scipy CSR matrix of int64 ones, an edge each, none twice."""
    from scipy.sparse import csr_matrix

    relations = [relation for _, relation in _edges(graph, a, b, levels)]
    targets = np.concatenate([np.zeros(0, dtype=np.int32), *(one.targets for one in relations)])
    ones, shape = np.ones(len(targets), dtype=np.int64), (graph.size(a), graph.size(b))
    if len(relations) == 1:
        matrix = csr_matrix((ones, targets, relations[0].offsets.copy()), shape=shape)
        matrix.sum_duplicates()
    else:
        sources = np.concatenate([targets[:0], *(one.sources for one in relations)])
        matrix = csr_matrix((ones, (sources, targets)), shape=shape)
    matrix.data[:] = 1
    return matrix


def _edges(
    graph: HeteroGraph, a: str, b: str, levels: Levels
) -> Iterator[tuple[EdgeType, Relation]]:
    """All relations from one type to another that may be walked.

    Raises:
        ConfigError: the graph has no such level.
    """
    joining = list(graph.joining(a, b))
    known = {edge.level: edge.source for edge, _, _ in joining if edge.level is not None}
    for level in (levels or ()) if known else ():
        if level not in known:
            raise ConfigError(
                f"There is no level {level} of {next(iter(known.values()))} codes; the graph has "
                f"levels 0 to {max(known)}."
            )
    for edge, _, relation in joining:
        if levels is None or edge.level is None or edge.level in levels:
            yield edge, relation


@dataclass(frozen=True, slots=True)
class Flow:
    """How instances run through the steps of a metapath.

    Attributes:
        stops: For every step, numbers of its nodes with the most instances, most first; `OTHERS`
            last if there are more.
        passing: For every step, instances through each of its stops.
        merged: For every step, how many nodes `OTHERS` stands for.
        streams: (step, stop there, stop at the next step, instances), by indices into `stops`.
    """

    stops: tuple[tuple[int, ...], ...]
    passing: tuple[tuple[int, ...], ...]
    merged: tuple[int, ...]
    streams: tuple[tuple[int, int, int, int], ...]


def flow(paths: Sequence[tuple[int, ...]], most: int = 12) -> Flow:
    """The streams of some instances of one metapath, from `instances`.

    Args:
        paths: A node number for every step.
        most: Nodes that a step shows by themselves.

    >>> flow([(0, 5, 1), (0, 5, 2), (0, 6, 2)]).streams
    ((0, 0, 0, 2), (0, 0, 1, 1), (1, 0, 0, 1), (1, 0, 1, 1), (1, 1, 0, 1))
    """
    steps = list(zip(*paths, strict=True))
    through = [Counter(step) for step in steps]
    ranked = [
        [node for node, _ in sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))]
        for count in through
    ]
    kept = [{node: at for at, node in enumerate(nodes[:most])} for nodes in ranked]
    places = [
        [at.get(node, len(at)) for node in step] for at, step in zip(kept, steps, strict=True)
    ]
    streams: Counter[tuple[int, int, int]] = Counter()
    for number, (here, there) in enumerate(pairwise(places)):
        streams.update((number, a, b) for a, b in zip(here, there, strict=True))
    merged = tuple(len(nodes) - len(at) for nodes, at in zip(ranked, kept, strict=True))
    sums = [Counter(place) for place in places]
    return Flow(
        tuple((*at, OTHERS) if more else tuple(at) for at, more in zip(kept, merged, strict=True)),
        tuple(tuple(count[at] for at in range(len(count))) for count in sums),
        merged,
        tuple((*stream, n) for stream, n in sorted(streams.items())),
    )
