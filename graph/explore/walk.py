"""Walking a flat graph from many nodes at once: allowed steps, reach, the shortest path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.explore.flat import FlatGraph
from graph.explore.view import Filters
from graph.schema import Schema


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a walk may set foot.

    Attributes:
        flat: The graph.
        nodes: (n,) bool nodes that may be entered.
        relations: (types, types) bool pairs of types that may be joined.
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
    return filter_ground(flat, Filters())


def filter_ground(flat: FlatGraph, filters: Filters) -> Ground:
    """Where the filters of a view let walks go."""
    schema = flat.schema
    kinds = np.array([filters.types is None or kind in filters.types for kind in schema.types])
    least, most = filters.degree
    nodes = kinds[flat.types] & (flat.degrees >= least)
    if most is not None:
        nodes &= flat.degrees <= most
    if filters.levels is not None:
        nodes &= (flat.levels < 0) | np.isin(flat.levels, filters.levels)
    links = schema.links if filters.relations is None else filters.relations
    wanted = [schema.links.index(link) for link in links]
    return Ground(flat, nodes, np.isin(link_table(schema), wanted))


def link_table(schema: Schema) -> np.ndarray:
    """(types, types) int8 which of the schema's links joins two types, -1 where none does."""
    table = np.full((len(schema.types),) * 2, -1, dtype=np.int8)
    for number, (a, b) in enumerate(schema.pairs):
        one, other = schema.index(a), schema.index(b)
        table[one, other] = table[other, one] = number
    return table


def ranks(flat: FlatGraph, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(e,) int64 how many steps of the same source to the same type stand before each step."""
    if not len(source):
        return np.zeros(0, dtype=np.int64)
    group = source * len(flat.sizes) + flat.types[target]
    first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    return np.arange(len(group)) - np.repeat(first, np.diff(np.append(first, len(group))))


def shortest_path(ground: Ground, a: int, b: int) -> list[int]:
    """Places from `a` to `b`, both included; empty where nothing joins them.

    Searches from both ends, a whole step at a time from the side with fewer edges ahead. Of
    several paths of one length it gives one through the node with fewest neighbours among those
    where the two searches meet, for it says most, and always the same one.

    Args:
        ground: Where the path may go; its ends are free.
        a: Place of one end.
        b: Place of the other.
    """
    if a == b:
        return [a]
    ground = ground.without(np.array([], dtype=np.int64))
    ground.nodes[[a, b]] = True
    sides = [_Search(ground, a), _Search(ground, b)]
    while all(len(side.front) for side in sides):
        near, far = sorted(sides, key=_Search.edges_ahead)
        near.step()
        met = near.front[far.seen(near.front)]
        if len(met):
            middle = int(met[np.lexsort((met, ground.flat.degrees[met]))[0]])
            back, forth = (side.way(middle) for side in sides)
            return back[::-1] + forth[1:]
    return []


class _Search:
    """Breadth first from one node."""

    def __init__(self, ground: Ground, start: int) -> None:
        self.ground = ground
        self.parent = np.full(len(ground.flat), -1, dtype=np.int64)
        self.parent[start] = start
        self.front = np.array([start], dtype=np.int64)

    def edges_ahead(self) -> int:
        return int(self.ground.flat.degrees[self.front].sum())

    def seen(self, places: np.ndarray) -> np.ndarray:
        known: np.ndarray = self.parent[places] >= 0
        return known

    def step(self) -> None:
        source, target = self.ground.steps(self.front)
        fresh = ~self.seen(target)
        places, first = np.unique(target[fresh], return_index=True)
        self.parent[places] = self.front[source[fresh][first]]
        self.front = places.astype(np.int64)

    def way(self, place: int) -> list[int]:
        """From a place back to the start."""
        way = [place]
        while (parent := int(self.parent[way[-1]])) != way[-1]:
            way.append(parent)
        return way
