"""A control of claims about meaning: vectors of no text at all, as many, as wide and as large."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from llm.vectors import Vectors


def scattered(vectors: Vectors, side: str, seed: int) -> Vectors:
    """Random vectors in the place of those of texts: normal, alike in every direction.

    They keep the mean of the texts' vectors and their mean square distance from it, their length
    where all have length 1, and nothing else. Shuffled texts keep groups and directions, too, only
    not whose they are. So a gain that survives both controls is one of any fixed vectors, such as a
    random projection gives, and one that survives shuffling alone comes of how texts lie, whoever
    has them. An entity without a text keeps the mean.

    Args:
        vectors: A row an entity.
        side: "user" or "item"; each has draws of its own.
        seed: Draws them.
    """
    matrix = vectors.matrix
    mean = matrix.mean(0)
    deviation = np.sqrt(np.square(matrix - mean).mean())
    rng = np.random.default_rng([seed, zlib.crc32(side.encode()), 1])
    drawn = mean + deviation * rng.standard_normal(matrix.shape, dtype=np.float32)
    if np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-3):
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn[list(vectors.missing)] = matrix[list(vectors.missing)]
    return replace(vectors, matrix=drawn.astype(np.float32))
