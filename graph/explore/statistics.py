"""Figures about a graph: nodes, edges, degrees, what stands alone, memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from graph.explore.relations import interactions
from graph.latent import LatentGraph
from graph.metapath import NODE_TYPES


def statistics(graph: LatentGraph) -> dict[str, Any]:
    """JSON-able figures.

    Keys: `nodes` a type; `edges` a relation (one a level of codes); `degrees`, of each type along
    each relation, as minimum, median, mean, 99th percentile and maximum; `isolated`, users and
    items without a training interaction and factors without a member; `memory_mb`.
    """
    along = _degrees(graph)
    return {
        "nodes": {name: graph.size(name) for name in NODE_TYPES},
        "edges": _edges(graph),
        "degrees": {f"{a} - {b}": _summary(degrees) for (a, b), degrees in along.items()},
        "isolated": {
            a: int((degrees == 0).sum())
            for (a, b), degrees in along.items()
            if not b.endswith("_factor")
        },
        "memory_mb": memory(graph) / 1e6,
    }


def memory(graph: LatentGraph) -> int:
    """Bytes of all arrays."""
    arrays = [graph.user_codes, graph.item_codes]
    for csr in (graph.user_item, graph.item_user):
        arrays += [csr.offsets, csr.targets, csr.moments]
    return sum(array.nbytes for array in arrays)


def _edges(graph: LatentGraph) -> dict[str, int]:
    edges = {"user - item": len(graph.user_item.targets)}
    for side in ("user", "item"):
        for level in range(graph.levels(side)):
            edges[f"{side} - {side}_factor, level {level}"] = len(graph.codes(side))
    return edges


def _degrees(graph: LatentGraph) -> dict[tuple[str, str], np.ndarray]:
    """Degrees of all nodes of the first type along its relation to the second."""
    degrees: dict[tuple[str, str], np.ndarray] = {
        ("user", "item"): interactions(graph, "user").degrees,
        ("item", "user"): interactions(graph, "item").degrees,
    }
    for side in ("user", "item"):
        members = np.bincount(graph.factors(side).ravel(), minlength=graph.size(f"{side}_factor"))
        degrees[f"{side}_factor", side] = members
        degrees[side, f"{side}_factor"] = np.full(graph.size(side), graph.levels(side))
    return degrees


def _summary(degrees: np.ndarray) -> dict[str, float]:
    low, median, high, top = np.quantile(degrees, [0, 0.5, 0.99, 1]) if len(degrees) else [0] * 4
    mean = float(degrees.mean()) if len(degrees) else 0.0
    return {
        "min": float(low),
        "median": float(median),
        "mean": mean,
        "p99": float(high),
        "max": float(top),
    }
