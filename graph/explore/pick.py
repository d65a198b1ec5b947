"""Which nodes and edges a view shows when there is room for some of them only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from graph.explore.flat import FlatGraph, Node
from graph.explore.steps import Ground, ranks
from graph.explore.view import RELATIONS, View
from graph.metapath import NODE_TYPES

EDGES_PER_NODE = 3
"""Edges that are drawn for every node that is, on average; more would be a ball of wool."""
_PER_HUB = 12
"""Nodes of an overview for every hub, itself included."""


class Picked:
    """Nodes picked so far, in order, each with the node that brought it in.

    Attributes:
        places: (n,) int64 nodes.
        parents: (n,) int64 nodes, -1 for those asked for by name and not along a path.
        named: How many were asked for by name; they stand first.
    """

    def __init__(self, ground: Ground, named: list[int], cap: int) -> None:
        self.ground, self.cap = ground, cap
        self.places = np.array(list(dict.fromkeys(named))[:cap], dtype=np.int64)
        self.parents = np.full(len(self.places), -1, dtype=np.int64)
        self.named = len(self.places)
        self._shown = np.zeros(len(ground.flat), dtype=bool)
        self._shown[self.places] = True

    def chain(self, path: list[int]) -> None:
        """Lets every node of a path be brought in by the one before."""
        index = {place: at for at, place in enumerate(self.places.tolist())}
        for a, b in pairwise(path):
            if index.get(a, self.cap) < index.get(b, -1):
                self.parents[index[b]] = a

    def spread(self, starts: np.ndarray, hops: int, each: int) -> None:
        """What lies around some nodes, hop by hop."""
        walked = np.zeros_like(self._shown)
        front = starts
        for _ in range(hops):
            walked[front] = True
            self.take(front, each)
            _, target = self.ground.steps(front)
            front = np.unique(target[self._shown[target] & ~walked[target]])
            front = self.places[np.isin(self.places, front)]

    def take(self, front: np.ndarray, each: int, towards: str | None = None) -> None:
        """What each of some nodes brings in, the best of everyone first."""
        types = self.ground.flat.types
        source, target = self.ground.steps(front)
        fresh = ~self._shown[target]
        if towards is not None:
            fresh &= types[target] == NODE_TYPES.index(towards)
        source, target = source[fresh], target[fresh]
        rank = ranks(self.ground.flat, source, target)
        order = np.lexsort((source, rank))
        order = order[rank[order] < each]
        _, first = np.unique(target[order], return_index=True)
        chosen = order[np.sort(first)]
        self.add(target[chosen].astype(np.int64), front[source[chosen]])

    def add(self, places: np.ndarray, parents: np.ndarray) -> None:
        """As many of these as there is room for."""
        room = max(0, self.cap - len(self.places))
        self.places = np.concatenate([self.places, places[:room]])
        self.parents = np.concatenate([self.parents, parents[:room]])
        self._shown[places[:room]] = True


def pick(ground: Ground, view: View, path: list[int]) -> Picked:
    """The nodes of a view, see `graph.subgraph.look`."""
    flat = ground.flat
    starts = flat.places(view.starts)
    named = [*starts, *flat.places([node for node, _ in view.expansions])]
    named += path or [*flat.places(view.ends or ())]
    picked = Picked(ground, [int(place) for place in named], view.cap)
    picked.chain(path)
    if view.overview:
        hubs = _hubs(ground, view.cap)
        picked.add(hubs, np.full(len(hubs), -1))
        picked.take(hubs, view.cap)
        return picked
    times: dict[tuple[Node, str], int] = {}
    for pair in view.expansions:
        times[pair] = times.get(pair, 0) + 1
    for (node, towards), often in times.items():
        picked.take(flat.places([node]), view.each * often, towards)
    picked.spread(starts, view.hops, view.each)
    return picked


def _hubs(ground: Ground, cap: int) -> np.ndarray:
    """The largest factors of the lowest level that may show, of both sides alike; else anything."""
    flat = ground.flat
    hubs = []
    for kind in ("item_factor", "user_factor"):
        mine = np.flatnonzero(ground.nodes & (flat.types == NODE_TYPES.index(kind)))
        mine = mine[flat.levels[mine] == flat.levels[mine].min(initial=np.iinfo(np.int16).max)]
        hubs.append(_largest(flat, mine, max(1, cap // (2 * _PER_HUB))))
    if not any(map(len, hubs)):
        return _largest(flat, np.flatnonzero(ground.nodes), max(1, cap // _PER_HUB))
    return np.concatenate(hubs)


def _largest(flat: FlatGraph, places: np.ndarray, n: int) -> np.ndarray:
    return places[np.lexsort((places, -flat.degrees[places]))[:n]]


def drawn_edges(
    ground: Ground, picked: Picked, path: list[int]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Edges to draw between nodes, their relations, and how many others there are.

    Those along the path come first, then those that brought a node in, then the rest by how
    relevant they are to the end that they matter to more.

    Returns:
        (m, 2) int32 indices into `picked.places`, (m,) int8 indices into `RELATIONS`, a number.
    """
    flat, n = ground.flat, len(picked.places)
    index = np.full(len(flat), -1, dtype=np.int64)
    index[picked.places] = np.arange(n)
    open_ground = Ground(flat, index >= 0, ground.relations)
    source, target = open_ground.steps(picked.places)
    rank = ranks(flat, source, target)
    ends = np.sort(np.stack([source, index[target]], 1), 1)
    brought = np.stack([index[picked.parents], np.arange(n)], 1)[picked.parents >= 0]
    along = index[np.array([*pairwise(path)], dtype=np.int64).reshape(-1, 2)]
    along = along[(along >= 0).all(1)]
    every = np.sort(np.concatenate([along, brought, ends]), 1)
    weight = np.concatenate([np.full(len(along), -2), np.full(len(brought), -1), rank])
    order = np.lexsort((every[:, 1], every[:, 0], weight))
    _, first = np.unique(every[order] @ np.array([max(n, 1), 1]), return_index=True)
    kept = every[order[np.sort(first)]]
    drawn = kept[: max(EDGES_PER_NODE * n, len(along) + len(brought))]
    return drawn.astype(np.int32), _relations(flat, picked.places[drawn]), len(kept) - len(drawn)


def _relations(flat: FlatGraph, edges: np.ndarray) -> np.ndarray:
    """(m,) int8 relation of each pair of places."""
    table = np.full((len(NODE_TYPES), len(NODE_TYPES)), -1, dtype=np.int8)
    for number, name in enumerate(RELATIONS):
        a, b = (NODE_TYPES.index(kind) for kind in name.split(" - "))
        table[a, b] = table[b, a] = number
    kinds: np.ndarray = table[flat.types[edges[:, 0]], flat.types[edges[:, 1]]]
    return kinds
