"""What all methods share: their files, the check of what they are given, and code vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data import atomic
from data.config import Config
from data.errors import ConfigError

WEIGHTS = "quantizer.safetensors"
ABOUT = "quantizer.json"
ROWS = 8192
"""Vectors a block, so that memory stays bounded."""


def save(directory: Path, arrays: dict[str, np.ndarray], config: Config) -> None:
    """Write arrays and settings of a fitted quantiser."""
    atomic.write_arrays(directory / WEIGHTS, arrays)
    atomic.write_json(directory / ABOUT, config.model_dump(mode="json"))


def checked(matrix: np.ndarray, width: int) -> np.ndarray:
    """The matrix as float32, if its vectors have the width that the codebooks were fitted to.

    Raises:
        ConfigError: they have another.
    """
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise ConfigError(
            f"These vectors have the shape {matrix.shape}, and the codebooks were fitted to "
            f"(n, {width}). Encode the texts with the same encoder as in the run."
        )
    return np.ascontiguousarray(matrix, dtype=np.float32)


def mean_books(matrix: np.ndarray, codes: np.ndarray, k: int) -> np.ndarray:
    """(T, k, width) float32: what the members of a code have in common, beyond earlier levels.

    For methods that find codes without code vectors. Level by level it is the mean of what is
    left of the members, so that the sum over the levels is the best guess that is built this way;
    a code without members has zeros.

    >>> mean_books(np.array([[1.0], [3.0], [8.0]]), np.array([[0, 0], [0, 1], [1, 1]]), 2)[:, :, 0]
    array([[ 2. ,  8. ],
           [-1. ,  0.5]], dtype=float32)
    """
    left, books = np.array(matrix, dtype=np.float64), []
    for column in codes.T:
        sums = np.zeros((k, left.shape[1]))
        np.add.at(sums, column, left)
        members = np.bincount(column, minlength=k)
        books.append(sums / np.maximum(members, 1)[:, None])
        left -= books[-1][column]
    return np.stack(books).astype(np.float32)
