"""The part of a graph that a view shows, with an honest count of what it does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from graph.explore.flat import FlatGraph, Node
from graph.explore.view import View
from graph.explore.walk import (
    Ground,
    everywhere,
    filter_ground,
    link_table,
    ranks,
    shortest_path,
)
from graph.schema import Schema

EDGES_PER_NODE = 3
"""Edges that are drawn for every node that is, on average; more would be a ball of wool."""
_PER_HUB = 12
"""Nodes of an overview for every hub, itself included."""


@dataclass(frozen=True, slots=True)
class Count:
    """Nodes of one type that a view is about: shown, or hidden for one reason.

    Attributes:
        shown: Visible.
        cap: Left out because of `View.cap` or `View.each`.
        filter: Filtered out, or behind what is.
        dismissed: Dismissed, or behind what is.
    """

    shown: int
    cap: int
    filter: int
    dismissed: int

    @property
    def total(self) -> int:
        """Shown or not."""
        return self.shown + self.cap + self.filter + self.dismissed


@dataclass(frozen=True)
class Subgraph:
    """What is visible.

    Attributes:
        schema: Of the graph.
        nodes: Those asked for by name first.
        named: How many those are.
        degrees: (n,) int64 neighbours of each in the whole graph.
        levels: (n,) int16 level of factors, -1 of users and items.
        parents: (n,) int32 index of the node that brought each in, -1 for what was asked for by
            name and is not on a path.
        edges: (m, 2) int32 pairs of indices into `nodes`, the most relevant first.
        relations: (m,) int8 indices into the schema's `links`.
        edges_hidden: Edges between visible nodes that are not drawn.
        path: Indices of the nodes along the path that was asked for; empty where nothing joins
            its ends, or none was asked for.
        counts: Of what the view is about, by type.
    """

    schema: Schema
    nodes: tuple[Node, ...]
    named: int
    degrees: np.ndarray
    levels: np.ndarray
    parents: np.ndarray
    edges: np.ndarray
    relations: np.ndarray
    edges_hidden: int
    path: tuple[int, ...]
    counts: Mapping[str, Count]

    def around(self, index: int) -> np.ndarray:
        """Indices of the visible neighbours of a visible node."""
        a, b = self.edges.T
        return np.unique(np.concatenate([b[a == index], a[b == index]]))


def look(flat: FlatGraph, view: View) -> Subgraph:
    """The nodes and edges that a view shows.

    What was asked for by name (start nodes, nodes that were opened, paths) always shows, in this
    order until `View.cap`; then what was opened; then hop by hop what surrounds the start nodes.
    Within a hop every node brings in its most relevant neighbour of each type, then every node
    its second, and so on, `View.each` at most; what is relevant says `FlatGraph`. An overview has
    the largest factors of the lowest level as its hubs, and their members.

    A hidden node counts once: as dismissed if it shows up when nothing is dismissed, else as
    filtered if it shows up without filters, else as left out by the cap.

    Raises:
        ConfigError: the view names a node that the graph does not have.
    """
    view.check(flat.schema)
    gone = flat.places(view.dismissed)
    free = everywhere(flat).without(gone)
    ground = filter_ground(flat, view.filters).without(gone)
    path = _path(ground, view)
    picked = _pick(ground, view, path)
    edges, relations, hidden = _drawn_edges(ground, picked, path)
    index = {place: at for at, place in enumerate(picked.places.tolist())}
    parents = [index.get(place, -1) for place in picked.parents.tolist()]
    return Subgraph(
        schema=flat.schema,
        nodes=tuple(map(flat.node, picked.places.tolist())),
        named=picked.named,
        degrees=flat.degrees[picked.places],
        levels=flat.levels[picked.places],
        parents=np.array(parents, dtype=np.int32),
        edges=edges,
        relations=relations,
        edges_hidden=hidden,
        path=tuple(index[place] for place in path if place in index),
        counts=_counts(view, picked.places, gone, (everywhere(flat), free, ground)),
    )


def _path(ground: Ground, view: View) -> list[int]:
    if view.ends is None:
        return []
    a, b = ground.flat.places(view.ends)
    return shortest_path(ground, int(a), int(b))


def _counts(
    view: View, shown: np.ndarray, gone: np.ndarray, grounds: tuple[Ground, Ground, Ground]
) -> dict[str, Count]:
    """Nodes of each type, by what hides them; `grounds` grow smaller."""
    flat = grounds[0].flat
    masks = []
    for ground in grounds:
        mask = _about(ground, view)
        mask[shown] = True
        masks.append(mask)
    masks[0][gone] = True
    every, kept, left = (
        np.bincount(flat.types[mask], minlength=len(flat.sizes)).tolist() for mask in masks
    )
    seen = np.bincount(flat.types[shown], minlength=len(flat.sizes)).tolist()
    return {
        kind: Count(s, c - s, b - c, a - b)
        for kind, a, b, c, s in zip(flat.schema.types, every, kept, left, seen, strict=True)
    }


def _about(ground: Ground, view: View) -> np.ndarray:
    """(n,) bool what the view would show if nothing limited how much."""
    flat = ground.flat
    if view.overview:
        return ground.nodes.copy()
    seen = ground.reach(flat.places(view.starts), view.hops)
    for node, towards in set(view.expansions):
        _, target = ground.steps(flat.places([node]))
        seen[target[flat.types[target] == flat.schema.index(towards)]] = True
    return seen


class _Picked:
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
        types, schema = self.ground.flat.types, self.ground.flat.schema
        source, target = self.ground.steps(front)
        fresh = ~self._shown[target]
        if towards is not None:
            fresh &= types[target] == schema.index(towards)
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


def _pick(ground: Ground, view: View, path: list[int]) -> _Picked:
    """The nodes of a view, see `look`."""
    flat = ground.flat
    starts = flat.places(view.starts)
    named = [*starts, *flat.places([node for node, _ in view.expansions])]
    named += path or [*flat.places(view.ends or ())]
    picked = _Picked(ground, [int(place) for place in named], view.cap)
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
    """The largest groups that may show, of the lowest level, each type alike; else anything."""
    flat = ground.flat
    kinds = [node.name for node in reversed(flat.schema.nodes) if node.groups]
    hubs = []
    for kind in kinds:
        mine = np.flatnonzero(ground.nodes & (flat.types == flat.schema.index(kind)))
        mine = mine[flat.levels[mine] == flat.levels[mine].min(initial=np.iinfo(np.int16).max)]
        hubs.append(_largest(flat, mine, max(1, cap // (len(kinds) * _PER_HUB))))
    if not any(map(len, hubs)):
        return _largest(flat, np.flatnonzero(ground.nodes), max(1, cap // _PER_HUB))
    return np.concatenate(hubs)


def _largest(flat: FlatGraph, places: np.ndarray, n: int) -> np.ndarray:
    return places[np.lexsort((places, -flat.degrees[places]))[:n]]


def _drawn_edges(
    ground: Ground, picked: _Picked, path: list[int]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Edges to draw between nodes, their relations, and how many others there are.

    Those along the path come first, then those that brought a node in, then the rest by how
    relevant they are to the end that they matter to more.

    Returns:
        (m, 2) int32 indices into `picked.places`, (m,) int8 indices into the schema's `links`,
        a number.
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
    kinds = flat.types[picked.places[drawn]]
    relations = link_table(flat.schema)[kinds[:, 0], kinds[:, 1]]
    return drawn.astype(np.int32), relations, len(kept) - len(drawn)
