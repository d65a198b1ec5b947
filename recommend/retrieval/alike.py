"""Graphs of what is alike by its vectors: item–item, user–user."""

from __future__ import annotations

import numpy as np

from data.errors import ConfigError, DataError
from data.relation import Relation
from recommend.nearest import Nearest


def unit(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float32 vectors of length 1, so that products are cosines; of length 0 stays 0."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: np.ndarray = vectors / np.where(lengths > 0, lengths, 1)
    return units


def nearest_graph(vectors: np.ndarray, k: int, among: np.ndarray | None = None) -> Relation:
    """Edges from each of n to the k others whose cosine with it is largest, that first.

    Weights are the cosines. What is at a right angle or beyond is not alike, so a vector of length
    0 has no edges, and none lead to it. It is exact: all pairs are looked at.

    Args:
        vectors: (n, d), of items or of users.
        k: Most edges of each.
        among: (m,) numbers that edges may lead to; all unless given.

    Raises:
        ConfigError: k is less than 1.
        DataError: a vector has numbers that are not finite.

    >>> edges = nearest_graph(np.array([[1, 0], [2, 0.1], [0, 1]], dtype=np.float32), k=1)
    >>> edges.targets.tolist(), edges.weights.astype(float).round(2).tolist()
    ([1, 0, 1], [1.0, 1.0, 0.05])
    """
    if k < 1:
        raise ConfigError(f"k is {k}; each is joined with 1 or more that are alike.")
    units = unit(vectors)
    n = len(units)
    among = np.arange(n) if among is None else np.asarray(among)
    if not len(among):
        return Relation(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), n, weights=_NONE)
    scores, found = Nearest(units[among], among).search(units, min(k + 1, len(among)))
    alike = (found != np.arange(n)[:, None]) & (scores > 0)
    alike &= alike.cumsum(1) <= k
    sources = np.repeat(np.arange(n), alike.sum(1))
    return Relation.between(sources, found[alike], n, n, weights=scores[alike])


_NONE = np.zeros(0, np.float32)


def similar(vectors: np.ndarray, one: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(k,) numbers and cosines of what is most like one of n, most alike first; itself left out.

    There are fewer where fewer have a cosine above 0.

    Args:
        vectors: (n, d).
        one: Its number.
        k: How many.

    Raises:
        DataError: there is no such number.
    """
    if not 0 <= one < len(vectors):
        raise DataError(f"There is no number {one} among {len(vectors)} vectors.")
    units = unit(vectors)
    cosines = units @ units[one]
    cosines[one] = 0
    best = np.argsort(-cosines, kind="stable")[:k]
    best = best[cosines[best] > 0]
    return best, cosines[best]
