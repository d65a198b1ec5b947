"""The part of a graph that a view shows, with an honest count of what it does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graph.explore.flat import FlatGraph, Node
from graph.explore.pick import drawn_edges, pick
from graph.explore.route import shortest_path
from graph.explore.steps import Ground, everywhere, filtered
from graph.explore.view import View
from graph.metapath import NODE_TYPES


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
        nodes: Those asked for by name first.
        named: How many those are.
        degrees: (n,) int64 neighbours of each in the whole graph.
        levels: (n,) int16 level of factors, -1 of users and items.
        parents: (n,) int32 index of the node that brought each in, -1 for what was asked for by
            name and is not on a path.
        edges: (m, 2) int32 pairs of indices into `nodes`, the most relevant first.
        relations: (m,) int8 indices into `RELATIONS`.
        edges_hidden: Edges between visible nodes that are not drawn.
        path: Indices of the nodes along the path that was asked for; empty where nothing joins
            its ends, or none was asked for.
        counts: Of what the view is about, by type.
    """

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
    gone = flat.places(view.dismissed)
    free = everywhere(flat).without(gone)
    ground = filtered(flat, view.filters).without(gone)
    path = _path(ground, view)
    picked = pick(ground, view, path)
    edges, relations, hidden = drawn_edges(ground, picked, path)
    index = {place: at for at, place in enumerate(picked.places.tolist())}
    parents = [index.get(place, -1) for place in picked.parents.tolist()]
    return Subgraph(
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
        np.bincount(flat.types[mask], minlength=len(NODE_TYPES)).tolist() for mask in masks
    )
    seen = np.bincount(flat.types[shown], minlength=len(NODE_TYPES)).tolist()
    return {
        kind: Count(s, c - s, b - c, a - b)
        for kind, a, b, c, s in zip(NODE_TYPES, every, kept, left, seen, strict=True)
    }


def _about(ground: Ground, view: View) -> np.ndarray:
    """(n,) bool what the view would show if nothing limited how much."""
    flat = ground.flat
    if view.overview:
        return ground.nodes.copy()
    seen = ground.reach(flat.places(view.starts), view.hops)
    for node, towards in set(view.expansions):
        _, target = ground.steps(flat.places([node]))
        seen[target[flat.types[target] == NODE_TYPES.index(towards)]] = True
    return seen
