"""Where the nodes of a subgraph stand: computed once, the same every time, kept when it grows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graph.explore.flat import Node
from graph.explore.forces import Springs, pivot_places, settled, sunflower
from graph.explore.subgraph import Subgraph

Places = dict[Node, tuple[float, float]]
"""x and y of nodes; neighbours are about 1 apart."""
WIDE = 1.8
"""Width over height of the picture that a layout is for."""
_HUB_STEPS, _STEPS = 120, 30
_HOLD, _ACROSS = 0.5, 0.04
_APART, _SPREAD = 0.8, 1.55
_HUB_GRAVITY, _GRAVITY = 0.03, 0.002


def layout(subgraph: Subgraph, before: Mapping[Node, tuple[float, float]] | None = None) -> Places:
    """A place for every node.

    Nodes that brought others in are hubs. They are placed first, those whose surroundings are
    joined by more edges closer together; then every node is put beside the one that brought it
    in, and forces along these edges alone even everything out. So each hub keeps its own around
    it, however many other edges there are. Nothing is left to chance.

    Args:
        subgraph: What to place.
        before: Places that nodes already have; those do not move.
    """
    if not subgraph.nodes:
        return {}
    fixed = np.array([node in (before or {}) for node in subgraph.nodes], dtype=bool)
    places = np.zeros((len(fixed), 2))
    if before and fixed.any():
        places[fixed] = [before[node] for node in subgraph.nodes if node in before]
        placed, free = fixed, ~fixed
    else:
        owner = _owners(subgraph)
        placed, free = owner == np.arange(len(owner)), np.ones(len(owner), dtype=bool)
        places[placed] = _hub_places(subgraph, owner, np.flatnonzero(placed))
    _put_beside(places, placed, subgraph)
    if free.any():
        own = _is_own(subgraph)
        hold = np.full(own.sum(), _HOLD, dtype=np.float32)
        mass = np.ones(len(places), dtype=np.float32)
        springs = Springs(subgraph.edges[own], hold, mass, _GRAVITY * np.sqrt(len(places) / 30))
        places = settled(places, free, springs, _STEPS, 0.5)
    at = map(tuple, np.round(places.astype(float), 3).tolist())
    return dict(zip(subgraph.nodes, at, strict=True)) | {
        node: before[node] for node in subgraph.nodes if before and node in before
    }


def _owners(subgraph: Subgraph) -> np.ndarray:
    """(n,) hub of each node: the one that brought it in, or itself if it is a hub."""
    parents, every = subgraph.parents, np.arange(len(subgraph.nodes))
    return np.where((parents < 0) | np.isin(every, parents), every, parents)


def _is_own(subgraph: Subgraph) -> np.ndarray:
    """(m,) bool edges between a node and the one that brought it in."""
    a, b = subgraph.edges.T
    own: np.ndarray = (subgraph.parents[a] == b) | (subgraph.parents[b] == a)
    return own


def _hub_places(subgraph: Subgraph, owner: np.ndarray, hubs: np.ndarray) -> np.ndarray:
    """(len(hubs), 2) places: each hub stands for all its own, and needs room for them."""
    n = len(hubs)
    index = np.searchsorted(hubs, owner)
    pairs = np.sort(index[subgraph.edges], 1)
    strength = np.where(_is_own(subgraph), 1, _ACROSS)
    across = pairs[:, 0] != pairs[:, 1]
    edges, inverse = np.unique(pairs[across], axis=0, return_inverse=True)
    size = np.bincount(index, minlength=n).astype(np.float32)
    joined = np.bincount(inverse.ravel(), strength[across], len(edges))
    joined = np.minimum(joined / np.sqrt(size[edges].prod(1)), 1).astype(np.float32)
    mass, room = np.sqrt(size), np.sqrt(size.mean())
    springs = Springs(edges, joined, mass, _HUB_GRAVITY * np.sqrt(mass.sum() / 30))
    free = np.ones(n, dtype=bool)
    start = pivot_places(n, edges) * room
    places = settled(start, free, springs, _HUB_STEPS, 0.2 * np.sqrt(n) * room)
    spread = _SPREAD if (strength[across] == 1).any() else 1.0
    stretch = spread * np.array([WIDE, 1 / WIDE]) ** 0.5
    stretched: np.ndarray = (places - places.mean(0)) * stretch
    return stretched


def _put_beside(places: np.ndarray, placed: np.ndarray, subgraph: Subgraph) -> None:
    """Puts each node without a place around the one that brought it in, on the side that is free.

    Nodes that nobody brought in go beyond all others.
    """
    parents, known = subgraph.parents, np.flatnonzero(placed)
    middle = places[known].mean(0)
    edge = np.sqrt(((places[known] - middle) ** 2).sum(1)).max() + 2
    brood: dict[int, int] = {}
    total = np.bincount(parents[~placed & (parents >= 0)], minlength=len(places))
    for at in np.flatnonzero(~placed).tolist():
        parent = int(parents[at])
        order = brood[parent] = brood.get(parent, -1) + 1
        if parent < 0:
            turn = sunflower(np.array([order]), 1.0)[0]
            places[at] = middle + turn / np.sqrt((turn**2).sum()) * edge
            continue
        outwards = places[parent] - places[parents[parent]] * (parents[parent] >= 0)
        outwards = outwards * (parents[parent] >= 0) / (np.sqrt((outwards**2).sum()) + 1e-9)
        away = outwards * _APART * np.sqrt(total[parent])
        places[at] = places[parent] + away + sunflower(np.array([order]), _APART)[0]
