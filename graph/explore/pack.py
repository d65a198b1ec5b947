"""Parts of a picture that no edge joins, put beside each other."""

from __future__ import annotations

import numpy as np

from graph.explore.layout import WIDE, Places
from graph.explore.subgraph import Subgraph

_BETWEEN = 1.6
"""Distance between parts; neighbours are about 1 apart."""


def pack(subgraph: Subgraph, places: Places) -> Places:
    """Places within each part that hangs together, and the parts in rows, high ones first.

    Half of the edges are longer than 1 then. Forces drive what nothing joins far apart; the answer
    to a query is often such parts.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n, edges = len(subgraph.nodes), subgraph.edges
    links = csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (n, n))
    count, part = connected_components(links, directed=False)
    if not n:
        return places
    at = np.array([places[node] for node in subgraph.nodes], dtype=float)
    lengths = np.sqrt(((at[edges[:, 0]] - at[edges[:, 1]]) ** 2).sum(1))
    at /= np.median(lengths) if len(lengths) else 1.0
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, part, at)
    np.maximum.at(high, part, at)
    sizes = high - low + _BETWEEN
    moved = at - low[part] + (_corners(sizes)[part] if count > 1 else 0)
    return dict(zip(subgraph.nodes, map(tuple, np.round(moved, 3).tolist()), strict=True))


def _corners(sizes: np.ndarray) -> np.ndarray:
    """(n, 2) where boxes stand in rows that make a picture of the usual shape.

    Args:
        sizes: (n, 2) width and height of each.
    """
    wide = max(float(np.sqrt(sizes.prod(1).sum() * WIDE)), float(sizes[:, 0].max()))
    corners, x, y, row = np.zeros_like(sizes), 0.0, 0.0, 0.0
    for box in np.argsort(-sizes[:, 1], kind="stable").tolist():
        width, height = sizes[box].tolist()
        if x and x + width > wide * 1.05:
            x, y, row = 0.0, y + row, 0.0
        corners[box] = x, y
        x, row = x + width, max(row, height)
    return corners
