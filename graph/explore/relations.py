"""Neighbours along one relation: of a node, of a set of nodes, and as a sparse matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.errors import ConfigError
from data.relation import Relation
from graph.latent import LatentGraph

Levels = Sequence[int] | None
"""Levels of codes whose factor nodes are walked; None for all."""


def neighbours(graph: LatentGraph, a: str, b: str, node: int, levels: Levels = None) -> np.ndarray:
    """(degree,) int32 distinct nodes of type `b` next to `node` of type `a`.

    Users and items come latest interaction first, factors by level, members of a factor by number.
    """
    if {a, b} == {"user", "item"}:
        latest = interactions(graph, a).of(node)[::-1]
        _, first = np.unique(latest, return_index=True)
        return latest[np.sort(first)]
    if b == f"{a}_factor":
        return graph.factors(a)[node, wanted(graph, a, levels)]
    level, code = divmod(node, graph.k(b))
    if level not in wanted(graph, b, levels):
        return np.zeros(0, dtype=np.int32)
    return np.flatnonzero(graph.codes(b)[:, level] == code).astype(np.int32)


def reached(
    graph: LatentGraph, a: str, b: str, mask: np.ndarray, levels: Levels = None
) -> np.ndarray:
    """(size of `b`,) bool, the nodes of type `b` next to any node of type `a` in `mask`."""
    out = np.zeros(graph.size(b), dtype=bool)
    if {a, b} == {"user", "item"}:
        edges = interactions(graph, a)
        out[edges.targets[np.repeat(mask, edges.degrees)]] = True
    elif b == f"{a}_factor":
        out[graph.factors(a)[mask][:, wanted(graph, a, levels)]] = True
    else:
        out[:] = mask[graph.factors(b)[:, wanted(graph, b, levels)]].any(1)
    return out


def adjacency(graph: LatentGraph, a: str, b: str, levels: Levels = None) -> Any:
    """(size of `a`, size of `b`) scipy CSR matrix of int64 ones, an edge each, none twice."""
    from scipy.sparse import csr_matrix

    shape = (graph.size(a), graph.size(b))
    if {a, b} == {"user", "item"}:
        edges = interactions(graph, a)
        ones = np.ones(len(edges.targets), dtype=np.int64)
        matrix = csr_matrix((ones, edges.targets.copy(), edges.offsets.copy()), shape=shape)
        matrix.sum_duplicates()
        matrix.data[:] = 1
        return matrix
    if b != f"{a}_factor":
        return adjacency(graph, b, a, levels).T.tocsr()
    factors = graph.factors(a)[:, wanted(graph, a, levels)]
    offsets = np.arange(len(factors) + 1) * factors.shape[1]
    return csr_matrix((np.ones(factors.size, dtype=np.int64), factors.ravel(), offsets), shape)


def interactions(graph: LatentGraph, source: str) -> Relation:
    """Training interactions by `source`, "user" or "item"."""
    return graph.user_item if source == "user" else graph.item_user


def wanted(graph: LatentGraph, side: str, levels: Levels) -> list[int]:
    """The levels to walk on one side.

    Raises:
        ConfigError: the graph has no such level.
    """
    every = range(graph.levels(side))
    if levels is None:
        return list(every)
    for level in levels:
        if level not in every:
            raise ConfigError(
                f"There is no level {level} of {side} codes; the graph has levels 0 to {every[-1]}."
            )
    return sorted(set(levels))
