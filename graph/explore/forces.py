"""Nodes that repel each other, and edges that hold them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PIVOTS = 20
_GOLDEN = np.pi * (3 - 5**0.5)
_LEAST = 0.02


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


def settled(
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
