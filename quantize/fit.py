"""The stage: vectors in, codes and a fitted quantiser out; and how closely an entity belongs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from data import atomic
from data.errors import DataError
from quantize.codes import Codes
from quantize.diagnostics import curve_table, statistics, usage
from quantize.quantizers import METHODS, Quantizer, load_quantizer
from quantize.settings import AnyConfig
from quantize.train import Progress


class HasVectors(Protocol):
    """What is quantised: `llm.vectors.Vectors`."""

    @property
    def ids(self) -> tuple[str, ...]:
        """External ids, in order of dense numbers."""
        ...

    @property
    def matrix(self) -> np.ndarray:
        """(n, width) float32 vectors."""
        ...

    @property
    def missing(self) -> tuple[int, ...]:
        """Rows of entities that nothing was said about, whose vector is the mean of the others."""
        ...


@dataclass(frozen=True, slots=True)
class FittedCodes:
    """Codes of one side and the quantiser that assigns them to new vectors.

    Attributes:
        codes: Of the entities it was fitted to.
        quantizer: For vectors to come.
    """

    codes: Codes
    quantizer: Quantizer

    def save(self, directory: Path) -> None:
        """Both, side by side, in `directory`, with tables of usage and of training curves."""
        self.quantizer.save(directory)
        atomic.write_parquet(directory / "usage.parquet", usage(self.codes.codes, self.codes.k))
        curves = curve_table(self.quantizer.curves, self.codes.levels)
        atomic.write_parquet(directory / "curves.parquet", curves)
        self.codes.save(directory)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> FittedCodes:
        """What `save` stored."""
        return cls(Codes.load(directory), load_quantizer(directory))


def fit_codes(
    vectors: HasVectors,
    config: AnyConfig,
    scratch: Path,
    seed: int,
    on_progress: Progress | None = None,
) -> FittedCodes:
    """Codes for every vector and the quantiser fitted to those that say something.

    Args:
        vectors: Of users or of items.
        config: Settings of that side, `QuantizeConfig.user` or `.item`.
        scratch: Folder for checkpoints, so that a killed fit continues.
        seed: Of everything random.
        on_progress: Called with what is done, the total and what is counted.

    Raises:
        DataError: there are fewer than two vectors, or one has a value that is no number.
    """
    matrix = np.ascontiguousarray(vectors.matrix, dtype=np.float32)
    said = np.delete(matrix, vectors.missing, axis=0) if vectors.missing else matrix
    _check(matrix, vectors.ids, len(said))
    method = METHODS[config.method][0]
    quantizer: Quantizer = method.fit(
        said, config, seed=seed, scratch=scratch, on_progress=on_progress
    )
    assigned = quantizer.assign(matrix)
    figures = statistics(quantizer, matrix, assigned)
    return FittedCodes(Codes(vectors.ids, assigned, quantizer.codebooks, figures), quantizer)


def _check(matrix: np.ndarray, ids: tuple[str, ...], said: int) -> None:
    if said < 2:
        raise DataError(
            f"There are {said} vectors of texts, and codes need at least 2 to tell apart. "
            "Use a data set with more users and items, or have more of them described."
        )
    blocks = range(0, len(matrix), 8192)
    bad = np.flatnonzero(
        np.concatenate([~np.isfinite(matrix[b : b + 8192]).all(1) for b in blocks])
    )
    if len(bad):
        raise DataError(
            f"The vector of {ids[bad[0]]!r} holds a value that is no number ({len(bad)} such "
            "vectors). Encode its text again, or remove the entity."
        )


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
