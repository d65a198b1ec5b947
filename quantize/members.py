"""How closely each entity belongs to its codes."""

from __future__ import annotations

import numpy as np

from quantize.fit import FittedCodes


def residuals(fitted: FittedCodes, matrix: np.ndarray) -> np.ndarray:
    """(T + 1, n, d_q) float32, what is left of each vector before each level and after the last.

    Args:
        fitted: Codes of these vectors and their quantiser.
        matrix: (n, width) float32 vectors, in the order of the codes.

    Source: AutoGraph, eq. 4.
    """
    codes = fitted.codes
    left = [fitted.quantizer.encode(matrix)]
    for level, book in enumerate(codes.codebooks):
        left.append(left[-1] - book[codes.codes[:, level]])
    return np.stack(left)


def gaps(left: np.ndarray) -> np.ndarray:
    """(n, T) Euclidean distance of each entity to its code vector, level by level.

    What is left after a level is what separates the entity from its code on that level.

    Args:
        left: What `residuals` gives.
    """
    distances: np.ndarray = np.linalg.norm(left[1:], axis=2).T
    return distances
