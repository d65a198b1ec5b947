"""Codes of a set of entities, the codebooks they point into, and the tree that codes make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import atomic


@dataclass(frozen=True, slots=True)
class Codes:
    """What quantisation gives; row k is the entity with dense number k.

    Attributes:
        ids: External ids.
        codes: (n, T) int32, one code a level, each in 0 … K - 1.
        codebooks: (T, K, d_q) float32 code vectors.
        statistics: JSON-able usage figures, see `quantize.diagnostics`.
    """

    ids: tuple[str, ...]
    codes: np.ndarray
    codebooks: np.ndarray
    statistics: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def levels(self) -> int:
        """Number of codebooks, T."""
        return int(self.codebooks.shape[0])

    @property
    def k(self) -> int:
        """Codes a level, K."""
        return int(self.codebooks.shape[1])

    def decode(self, levels: int | None = None) -> np.ndarray:
        """(n, d_q) float32 quantised vectors: the sum of the selected code vectors.

        Args:
            levels: How many levels to add up, from the first; all of them by default.

        Source: AutoGraph, section 3.2.2.
        """
        return decode(self.codes, self.codebooks[:levels])

    def save(self, directory: Path) -> None:
        """A table of ids and codes, the codebooks, and the figures in `directory`."""
        columns = {f"level_{t}": self.codes[:, t] for t in range(self.levels)}
        table = pl.DataFrame({"id": pl.Series(self.ids, dtype=pl.String), **columns})
        atomic.write_parquet(directory / "codes.parquet", table)
        atomic.write_arrays(directory / "codebooks.safetensors", {"codebooks": self.codebooks})
        atomic.write_json(directory / "statistics.json", dict(self.statistics))

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Codes:
        """The codes stored by `save`."""
        table = atomic.read_parquet(directory / "codes.parquet")
        return cls(
            ids=tuple(table["id"]),
            codes=np.ascontiguousarray(table.drop("id").to_numpy().astype(np.int32)),
            codebooks=atomic.read_arrays(directory / "codebooks.safetensors")["codebooks"],
            statistics=atomic.read_json(directory / "statistics.json"),
        )


def decode(codes: np.ndarray, codebooks: np.ndarray) -> np.ndarray:
    """(n, d_q) float32 sums of the code vectors that `codes` selects, a level each.

    >>> books = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.1, 0.1], [0.2, 0.0]]], dtype=np.float32)
    >>> decode(np.array([[0, 1]]), books)
    array([[1.2, 0. ]], dtype=float32)
    """
    chosen = (codebooks[t][codes[:, t]] for t in range(len(codebooks)))
    return sum(chosen, np.zeros((len(codes), codebooks.shape[2]), dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Branch:
    """Entities whose codes begin alike.

    Attributes:
        codes: The codes that they share, from the first column; none for the root.
        size: How many there are.
        children: By their next code, the largest first; none where the tree was cut.
    """

    codes: tuple[int, ...]
    size: int
    children: tuple[Branch, ...] = ()


def hierarchy(codes: np.ndarray, depth: int | None = None) -> Branch:
    """The tree of codes.

    Args:
        codes: (n, t) codes of some entities on some levels, in the order in which they divide.
        depth: Columns that divide; all by default.
    """
    return _branch(codes[:, :depth], ())


def _branch(rows: np.ndarray, begin: tuple[int, ...]) -> Branch:
    if len(begin) >= rows.shape[1]:
        return Branch(begin, len(rows))
    column = rows[:, len(begin)]
    found, counts = np.unique(column, return_counts=True)
    order = np.lexsort((found, -counts))
    children = (_branch(rows[column == code], (*begin, code)) for code in found[order].tolist())
    return Branch(begin, len(rows), tuple(children))
