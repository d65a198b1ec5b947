"""How many instances a metapath has and how far it reaches, without listing them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data.errors import ConfigError
from graph.explore.relations import Levels, adjacency
from graph.latent import LatentGraph
from graph.metapath import Metapath

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


def count_instances(
    graph: LatentGraph, metapath: Metapath, levels: Levels = None, start: int | None = None
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


def coverage(graph: LatentGraph, metapath: Metapath, levels: Levels = None) -> Coverage:
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


def arrivals(
    graph: LatentGraph, metapath: Metapath, levels: Levels = None, start: int | None = None
) -> np.ndarray:
    """(size of the last type,) int64 instances that end at each node, from `start` if it is given.

    With A the edges of a step and p the walks that end at each node, the next p is Aᵀ p, less the
    walks that would return to where they just came from. A node w that p(w) walks had reached sent
    p(w) * (degree of w) of them on, each but to its own predecessor, and each could return once.
    """
    types = metapath.types
    edges = {pair: adjacency(graph, *pair, levels) for pair in set(pairwise(types))}
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


def _check_exact(edges: object, walks: np.ndarray, metapath: Metapath) -> None:
    total = float((edges.T @ walks.astype(float)).sum())  # type: ignore[attr-defined]
    if total > _EXACT:
        raise ConfigError(
            f"The metapath {str(metapath)!r} has more than 2^62 instances. Count a shorter one."
        )
