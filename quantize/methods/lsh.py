"""Codes from random hyperplanes: nothing is learnt but the mean."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Self

import numpy as np

from data import atomic
from quantize.codes import decode
from quantize.methods import storage
from quantize.settings import LshConfig
from quantize.train import Progress


class LshQuantizer:
    """Locality sensitive hashing: on which side of log2(k) random hyperplanes a vector lies.

    Each level has hyperplanes of its own, all through the mean of the vectors: sentence vectors
    share a direction, and planes through zero would leave most of them on one side. For a k that
    is no power of two one more plane divides as many cells as it takes to have k of them. Every
    code can occur, and neighbouring cells are never joined by remainder.

    Source: Charikar, Similarity estimation techniques from rounding algorithms, 2002; AutoGraph,
    section 4.4.2.
    """

    def __init__(
        self, planes: np.ndarray, centre: np.ndarray, codebooks: np.ndarray, config: LshConfig
    ) -> None:
        self.planes, self.centre, self.codebooks = planes, centre, codebooks
        self.config, self.curves = config, np.zeros((0, 0))

    @classmethod
    def fit(
        cls,
        matrix: np.ndarray,
        config: LshConfig,
        *,
        seed: int,
        scratch: Path,  # noqa: ARG003
        on_progress: Progress | None = None,
    ) -> Self:
        """Random planes (T, bits, width) and what the cells of `matrix` (n, width) share."""
        k, width = config.codes_for(len(matrix)), matrix.shape[1]
        bits = math.ceil(math.log2(k))
        rng = np.random.default_rng(seed)
        planes = rng.normal(size=(config.levels, bits, width)).astype(np.float32)
        centre = matrix.mean(0, dtype=np.float64).astype(np.float32)
        found = cls(planes, centre, np.zeros((config.levels, k, width), np.float32), config)
        found.codebooks = storage.mean_books(matrix - centre, found.assign(matrix), k)
        if on_progress:
            on_progress(config.levels, config.levels, "levels of hyperplanes")
        return found

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) float32, the vectors less their mean."""
        centred: np.ndarray = storage.checked(matrix, len(self.centre)) - self.centre
        return centred

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes; the same for a vector alone and in a batch."""
        centred, k = self.encode(matrix), self.codebooks.shape[1]
        planes = self.planes.astype(np.float64).reshape(-1, len(self.centre))
        codes = np.empty((len(centred), len(self.planes)), dtype=np.int32)
        for start in range(0, len(centred), storage.ROWS):
            rows = slice(start, start + storage.ROWS)
            above = centred[rows].astype(np.float64) @ planes.T > 0
            codes[rows] = cells(above.reshape(len(above), *self.planes.shape[:2]), k)
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, width) float32 vectors for codes of the first levels (n, t)."""
        vectors: np.ndarray = decode(codes, self.codebooks[: codes.shape[1]]) + self.centre
        return vectors

    def save(self, directory: Path) -> None:
        """Planes, mean, code vectors and settings in `directory`."""
        arrays = {"planes": self.planes, "centre": self.centre, "codebooks": self.codebooks}
        storage.save(directory, arrays, self.config)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Self:
        """The quantiser stored by `save`."""
        config = LshConfig.model_validate(atomic.read_json(directory / storage.ABOUT))
        arrays = atomic.read_arrays(directory / storage.WEIGHTS)
        return cls(arrays["planes"], arrays["centre"], arrays["codebooks"], config)


def cells(bits: np.ndarray, k: int) -> np.ndarray:
    """(…) int32 numbers below k for bits (…, ⌈log2 k⌉), the first bit the most significant.

    Where k is no power of two, the last bit counts only in the last cells of the bits before it,
    as in a truncated binary code.

    >>> cells(np.array([[0, 0, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1]]), 6)
    array([0, 3, 4, 5], dtype=int32)
    """
    whole = k.bit_length() - 1
    prefix = bits[..., :whole] @ (1 << np.arange(whole - 1, -1, -1))
    if 1 << whole == k:
        return np.asarray(prefix, dtype=np.int32)
    undivided = (2 << whole) - k
    divided = 2 * prefix + bits[..., whole] - undivided
    return np.asarray(np.where(prefix < undivided, prefix, divided), dtype=np.int32)
