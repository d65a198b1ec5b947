"""Walking a flat graph from many nodes at once: allowed steps, reach, shortest paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.explore.flat import FlatGraph
from graph.explore.view import RELATIONS, Filters
from graph.metapath import NODE_TYPES


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a walk may set foot.

    Attributes:
        flat: The graph.
        nodes: (n,) bool nodes that may be entered.
        relations: (4, 4) bool pairs of types that may be joined.
    """

    flat: FlatGraph
    nodes: np.ndarray
    relations: np.ndarray

    def steps(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Allowed edges out of some nodes: (e,) index into `places`, (e,) place it leads to."""
        source, target = self.flat.around(places)
        types = self.flat.types
        kept = self.nodes[target] & self.relations[types[places][source], types[target]]
        return source[kept], target[kept]

    def without(self, places: np.ndarray) -> Ground:
        """The same less some nodes."""
        nodes = self.nodes.copy()
        nodes[places] = False
        return Ground(self.flat, nodes, self.relations)

    def reach(self, starts: np.ndarray, hops: int) -> np.ndarray:
        """(n,) bool nodes within so many steps of `starts`, which count themselves."""
        seen = np.zeros(len(self.flat), dtype=bool)
        seen[starts] = True
        front = np.unique(starts)
        for _ in range(hops):
            _, target = self.steps(front)
            fresh = np.zeros_like(seen)
            fresh[target] = True
            front = np.flatnonzero(fresh & ~seen)
            seen[front] = True
        return seen


def everywhere(flat: FlatGraph) -> Ground:
    """No filter at all."""
    return Ground(flat, np.ones(len(flat), dtype=bool), _relations(RELATIONS))


def filtered(flat: FlatGraph, filters: Filters) -> Ground:
    """Where the filters of a view let walks go."""
    kinds = np.array([kind in filters.types for kind in NODE_TYPES])
    least, most = filters.degree
    nodes = kinds[flat.types] & (flat.degrees >= least)
    if most is not None:
        nodes &= flat.degrees <= most
    if filters.levels is not None:
        nodes &= (flat.levels < 0) | np.isin(flat.levels, filters.levels)
    return Ground(flat, nodes, _relations(filters.relations))


def ranks(flat: FlatGraph, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(e,) int64 how many steps of the same source to the same type stand before each step."""
    if not len(source):
        return np.zeros(0, dtype=np.int64)
    group = source * len(NODE_TYPES) + flat.types[target]
    first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    return np.arange(len(group)) - np.repeat(first, np.diff(np.append(first, len(group))))


def _relations(names: tuple[str, ...]) -> np.ndarray:
    allowed = np.zeros((len(NODE_TYPES), len(NODE_TYPES)), dtype=bool)
    for name in names:
        a, b = (NODE_TYPES.index(kind) for kind in name.split(" - "))
        allowed[a, b] = allowed[b, a] = True
    return allowed
