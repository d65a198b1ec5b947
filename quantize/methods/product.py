"""Codes from k-means of parts of the vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch

from data import atomic
from data.errors import ConfigError
from quantize.codes import decode
from quantize.methods import storage
from quantize.residual import kmeans, nearest
from quantize.settings import PqConfig
from quantize.train import Progress


class ProductQuantizer:
    """Product quantisation: a vector is cut into as many parts as there are levels.

    A code vector is zero outside its part. So the sum over the levels puts the parts together,
    and the code of a part is also the nearest code vector to what earlier levels left over.

    Source: Jégou, Douze & Schmid, Product quantization for nearest neighbor search, 2011.
    """

    def __init__(self, codebooks: np.ndarray, centre: np.ndarray, config: PqConfig) -> None:
        self.codebooks, self.centre, self.config = codebooks, centre, config
        self.curves = np.zeros((0, 0))

    @classmethod
    def fit(
        cls,
        matrix: np.ndarray,
        config: PqConfig,
        *,
        seed: int,
        scratch: Path,  # noqa: ARG003
        on_progress: Progress | None = None,
    ) -> Self:
        """Codebooks fitted to `matrix` (n, width).

        Raises:
            ConfigError: the vectors are narrower than there are levels.
        """
        k, width = config.codes_for(len(matrix)), matrix.shape[1]
        if width < config.levels:
            raise ConfigError(
                f"Vectors of width {width} cannot be cut into {config.levels} parts, one a level. "
                f"Set levels to {width} or less, or use another method than pq."
            )
        generator = torch.Generator().manual_seed(seed)
        centre = matrix.mean(0, dtype=np.float64).astype(np.float32)
        centred = torch.from_numpy(matrix - centre)
        books = torch.zeros(config.levels, k, width)
        for level, part in enumerate(parts(width, config.levels)):
            books[level, :, part] = kmeans(
                centred[:, part].contiguous(), k, generator=generator, iterations=config.iterations
            )
            if on_progress:
                on_progress(level + 1, config.levels, "parts of k-means")
        return cls(books.numpy(), centre, config)

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) float32, the vectors less their mean."""
        centred: np.ndarray = storage.checked(matrix, len(self.centre)) - self.centre
        return centred

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes; the same for a vector alone and in a batch."""
        centred = torch.from_numpy(self.encode(matrix))
        books = torch.from_numpy(self.codebooks).double()
        codes = np.empty((len(centred), len(books)), dtype=np.int32)
        for level, part in enumerate(parts(len(self.centre), len(books))):
            for start in range(0, len(centred), storage.ROWS):
                rows = slice(start, start + storage.ROWS)
                codes[rows, level] = nearest(centred[rows, part].double(), books[level, :, part])
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, width) float32 vectors for codes of the first levels (n, t); the mean elsewhere."""
        vectors: np.ndarray = decode(codes, self.codebooks[: codes.shape[1]]) + self.centre
        return vectors

    def save(self, directory: Path) -> None:
        """Codebooks, mean and settings in `directory`."""
        arrays = {"codebooks": self.codebooks, "centre": self.centre}
        storage.save(directory, arrays, self.config)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Self:
        """The quantiser stored by `save`."""
        config = PqConfig.model_validate(atomic.read_json(directory / storage.ABOUT))
        arrays = atomic.read_arrays(directory / storage.WEIGHTS)
        return cls(arrays["codebooks"], arrays["centre"], config)


def parts(width: int, levels: int) -> list[slice]:
    """The coordinates of each level, neighbours; parts differ by one coordinate at most.

    >>> parts(7, 3)
    [slice(0, 3, None), slice(3, 5, None), slice(5, 7, None)]
    """
    ends = np.cumsum([len(part) for part in np.array_split(np.arange(width), levels)]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
