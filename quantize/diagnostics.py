"""How well codes are used and how much they keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from quantize.quantizers import Quantizer


def active_ratio(codes: np.ndarray, k: int) -> list[float]:
    """Share of the k codes of each level that some entity has.

    >>> active_ratio(np.array([[0, 1], [0, 2]]), 4)
    [0.25, 0.5]
    """
    return [len(np.unique(column)) / k for column in codes.T]


def perplexity(codes: np.ndarray, k: int) -> list[float]:
    """exp(entropy) of each level's usage: k where all codes are used alike, 1 for a single one.

    >>> perplexity(np.array([[0], [1]]), 8)
    [2.0]
    """
    shares = (np.bincount(column, minlength=k) / len(column) for column in codes.T)
    return [float(np.round(np.exp(-np.sum(p[p > 0] * np.log(p[p > 0]))), 6)) for p in shares]


def collisions(codes: np.ndarray) -> float:
    """Share of entities whose full code is also another entity's.

    >>> collisions(np.array([[0, 1], [0, 1], [0, 2], [1, 1]]))
    0.5
    """
    _, counts = np.unique(codes, axis=0, return_counts=True)
    return float(counts[counts > 1].sum() / len(codes))


def reconstruction(quantizer: Quantizer, matrix: np.ndarray, codes: np.ndarray) -> list[float]:
    """Squared error left after each level, as a share of the variance: 1 is nothing kept."""
    books = quantizer.codebooks
    partial = np.zeros((len(codes), books.shape[2]), dtype=np.float32)
    spread = float(np.square(matrix - matrix.mean(0)).sum(dtype=np.float64))
    left = []
    for level, book in enumerate(books):
        partial += book[codes[:, level]]
        gap = matrix - quantizer.reconstruct(partial)
        left.append(float(np.square(gap).sum(dtype=np.float64)) / max(spread, 1e-12))
    return left


def statistics(quantizer: Quantizer, matrix: np.ndarray, codes: np.ndarray) -> dict[str, Any]:
    """JSON-able figures: entities, k, active ratio, perplexity, collisions, error by level."""
    k = int(quantizer.codebooks.shape[1])
    return {
        "entities": len(codes),
        "k": k,
        "levels": int(codes.shape[1]),
        "active_ratio": active_ratio(codes, k),
        "perplexity": perplexity(codes, k),
        "collisions": collisions(codes),
        "error_left": reconstruction(quantizer, matrix, codes),
    }
