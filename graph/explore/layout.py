"""Where the nodes of a subgraph stand: computed once, the same every time, kept when it grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graph.explore.flat import Node
from graph.explore.subgraph import Subgraph

Places = dict[Node, tuple[float, float]]
"""x and y of nodes; neighbours are about 1 apart."""
WIDE = 1.8
"""Width over height of the picture that a layout is for."""
_HUB_STEPS, _STEPS = 120, 30
_HOLD, _ACROSS = 0.5, 0.04
_APART, _SPREAD = 0.8, 1.55
_HUB_GRAVITY, _GRAVITY = 0.03, 0.002
_PIVOTS = 20
_GOLDEN = np.pi * (3 - 5**0.5)
_LEAST = 0.02


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
        places = settle(places, free, springs, _STEPS, 0.5)
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
    places = settle(start, free, springs, _HUB_STEPS, 0.2 * np.sqrt(n) * room)
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


@dataclass(frozen=True, slots=True)
class Springs:
    """What acts on n nodes.

    Attributes:
        edges: (m, 2) indices of nodes that attract each other.
        strength: (m,) float32 of each edge.
        mass: (n,) float32; heavy nodes repel more.
        gravity: Pull of everything towards the middle, by mass.
    """

    edges: np.ndarray
    strength: np.ndarray
    mass: np.ndarray
    gravity: float


def settle(
    places: np.ndarray, free: np.ndarray, springs: Springs, steps: int, reach: float
) -> np.ndarray:
    """(n, 2) places after the forces have moved the free nodes.

    Args:
        places: (n, 2) to begin with.
        free: (n,) bool nodes that may move.
        springs: What acts on them.
        steps: How often all move.
        reach: Longest move in the first step; it falls to nothing.

    Source: Fruchterman and Reingold, "Graph drawing by force-directed placement", 1991; masses as
        in Jacomy et al., "ForceAtlas2", 2014.
    """
    at = places.astype(np.float32)
    weight = springs.mass[free, None]
    for step in range(steps):
        force = _repulsion(at, springs.mass, free) - springs.gravity * weight * at[free]
        force += _attraction(at, springs)[free]
        length = np.sqrt((force**2).sum(1, keepdims=True)) + np.float32(1e-9)
        longest = reach * (1 - step / steps) ** 2 + _LEAST
        at[free] += force / length * np.minimum(length, longest)
    return at


def _repulsion(at: np.ndarray, mass: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(free, 2) force of all nodes on the free ones: the product of the masses over distance."""
    mine = at[free]
    near = (mine**2).sum(1)[:, None] + (at**2).sum(1) - 2 * mine @ at.T
    np.maximum(near, 0.01, out=near)
    np.divide(mass, near, out=near)
    force: np.ndarray = (mine * near.sum(1, keepdims=True) - near @ at) * mass[free, None]
    return force


def _attraction(at: np.ndarray, springs: Springs) -> np.ndarray:
    """(n, 2) force along the edges: their strength times the square of their length."""
    a, b = springs.edges.T
    way = at[b] - at[a]
    pull = way * (np.sqrt((way**2).sum(1)) * springs.strength)[:, None]
    force = np.zeros_like(at)
    for axis in range(2):
        force[:, axis] += np.bincount(a, pull[:, axis], len(at))
        force[:, axis] -= np.bincount(b, pull[:, axis], len(at))
    return force


def pivot_places(n: int, edges: np.ndarray) -> np.ndarray:
    """(n, 2) places, all different, by distances to a few nodes that are far from each other.

    Source: Brandes and Pich, "Eigensolver methods for progressive multidimensional scaling of
        large data", 2007.
    """
    steps = _distances(n, edges)
    squared = steps**2
    centred = squared - squared.mean(0) - squared.mean(1, keepdims=True) + squared.mean()
    _, axes = np.linalg.eigh(centred.T @ centred)
    places = np.zeros((n, 2))
    main = centred @ axes[:, ::-1][:, :2]
    main *= np.where(main[np.abs(main).argmax(0), range(main.shape[1])] < 0, -1, 1)
    places[:, : main.shape[1]] = main / np.maximum(np.abs(main).max(0), 1e-9) * np.sqrt(n) / 2
    apart: np.ndarray = places + sunflower(np.arange(n), 0.05)
    return apart


def _distances(n: int, edges: np.ndarray) -> np.ndarray:
    """(n, pivots) steps from each pivot; what cannot be reached is a step beyond all."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    links = csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (n, n))
    nearest, steps = np.full(n, np.inf), []
    for _ in range(min(_PIVOTS, n)):
        far = dijkstra(links, directed=False, unweighted=True, indices=int(np.argmax(nearest)))
        steps.append(far)
        nearest = np.minimum(nearest, far)
    table = np.stack(steps, 1)
    reached = np.isfinite(table)
    whole: np.ndarray = np.where(reached, table, table[reached].max() + 1)
    return whole


def sunflower(order: np.ndarray, apart: float) -> np.ndarray:
    """(n, 2) places around the middle, evenly spread, the first of `order` innermost."""
    turn, radius = _GOLDEN * order, apart * np.sqrt(order + 1)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1)
