"""Codes from k-means of residuals."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch

from data import atomic
from quantize.codes import decode
from quantize.methods import storage
from quantize.residual import assign, kmeans, nearest
from quantize.settings import RqKMeansConfig
from quantize.train import Progress


class RqKMeansQuantizer:
    """k-means of the vectors, then of the residuals, level by level; no network."""

    def __init__(self, codebooks: np.ndarray, config: RqKMeansConfig) -> None:
        self.codebooks, self.config, self.curves = codebooks, config, np.zeros((0, 0))

    @classmethod
    def fit(
        cls,
        matrix: np.ndarray,
        config: RqKMeansConfig,
        *,
        seed: int,
        scratch: Path,  # noqa: ARG003
        on_progress: Progress | None = None,
    ) -> Self:
        """Codebooks fitted to `matrix` (n, width); quick enough to need no checkpoint."""
        generator = torch.Generator().manual_seed(seed)
        residual, books = torch.from_numpy(np.array(matrix, dtype=np.float32)), []
        for level in range(config.levels):
            k = config.codes_for(len(matrix))
            books.append(kmeans(residual, k, generator=generator, iterations=config.iterations))
            residual = residual - books[-1][nearest(residual, books[-1])]
            if on_progress:
                on_progress(level + 1, config.levels, "levels of k-means")
        return cls(torch.stack(books).numpy(), config)

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) float32, the vectors themselves."""
        return storage.checked(matrix, self.codebooks.shape[2])

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes; the same for a vector alone and in a batch."""
        books = torch.from_numpy(self.codebooks)
        return assign(self.encode(matrix), books, torch.Tensor.float, torch.Tensor.double)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, width) float32 vectors for codes of the first levels (n, t)."""
        return self.reconstruct(decode(codes, self.codebooks[: codes.shape[1]]))

    def reconstruct(self, quantised: np.ndarray) -> np.ndarray:
        """(n, width) float32, the sums of code vectors themselves."""
        return np.asarray(quantised, dtype=np.float32)

    def save(self, directory: Path) -> None:
        """Codebooks and settings in `directory`."""
        storage.save(directory, {"codebooks": self.codebooks}, self.config)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Self:
        """The quantiser stored by `save`."""
        config = RqKMeansConfig.model_validate(atomic.read_json(directory / storage.ABOUT))
        return cls(atomic.read_arrays(directory / storage.WEIGHTS)["codebooks"], config)
