"""What each code means: its members, its distinguishing terms and a short label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import atomic
from quantize.codes import Codes
from quantize.terms import Terms, log_odds, read_terms

_SCHEMA: dict[str, Any] = {
    "level": pl.Int32,
    "code": pl.Int32,
    "label": pl.String,
    "terms": pl.List(pl.String),
    "weights": pl.List(pl.Float64),
    "size": pl.Int32,
    "exemplars": pl.List(pl.String),
}


@dataclass(frozen=True, slots=True)
class FactorDescriptions:
    """One row a code, level by level: row `level * k + code`.

    Attributes:
        table: level, code, label ("" where no text tells it apart), terms and their weights (z
            scores of log odds against the whole), size (members), exemplars (ids of the members
            nearest to what the code stands for).
        k: Codes a level.
    """

    table: pl.DataFrame
    k: int

    @property
    def labels(self) -> tuple[str, ...]:
        """(T * K) labels; an unused code has ""."""
        return tuple(self.table["label"])

    def of(self, level: int, code: int) -> dict[str, object]:
        """The description of one code."""
        return self.table.row(level * self.k + code, named=True)

    def save(self, directory: Path) -> None:
        """One Parquet table in `directory`."""
        atomic.write_parquet(directory / "factors.parquet", self.table)

    @classmethod
    def load(cls, directory: Path) -> FactorDescriptions:
        """The descriptions stored by `save`."""
        table = atomic.read_parquet(directory / "factors.parquet")
        levels = int(table["level"].max() or 0) + 1  # type: ignore[arg-type]
        return cls(table, table.height // levels)


def describe_factors(
    codes: Codes,
    texts: Sequence[str | None],
    *,
    titles: Sequence[str] | None = None,
    n_terms: int = 10,
    n_exemplars: int = 5,
) -> FactorDescriptions:
    """Label, terms, size and exemplars of every code of every level.

    Args:
        codes: Of one side.
        texts: (n) knowledge texts in the order of `codes`; None where there is none.
        titles: (n) names of the entities, whose words never describe a code by themselves.
        n_terms: Most terms a code.
        n_exemplars: Most exemplars a code.
    """
    terms = read_terms(texts, titles)
    closeness = _closeness(codes)
    rows = []
    for level in range(codes.levels):
        weights = log_odds(terms, codes.codes[:, level], codes.k)
        order = np.lexsort((closeness[:, level], codes.codes[:, level]))
        starts = np.searchsorted(codes.codes[order, level], np.arange(codes.k + 1))
        for code in range(codes.k):
            members = order[starts[code] : starts[code + 1]]
            rows.append(
                {
                    "level": level,
                    "code": code,
                    **_words(terms, weights[code], n_terms),
                    "size": len(members),
                    "exemplars": [codes.ids[m] for m in members[:n_exemplars]],
                }
            )
    return FactorDescriptions(pl.DataFrame(rows, schema=_SCHEMA), codes.k)


def _words(terms: Terms, weights: np.ndarray, n_terms: int) -> dict[str, object]:
    ranked = [int(i) for i in np.argsort(-weights, kind="stable")[: 4 * n_terms] if weights[i] > 0]
    kept = terms.without_repeats(ranked)[:n_terms]
    names = [terms.names[i] for i in kept]
    return {
        "label": ", ".join(names[:3]),
        "terms": names,
        "weights": [float(weights[i]) for i in kept],
    }


def _closeness(codes: Codes) -> np.ndarray:
    """(n, T) squared distance of what is left after each level: small for typical members."""
    left = codes.decode()
    gaps = []
    for level in range(codes.levels):
        left = left - codes.codebooks[level][codes.codes[:, level]]
        gaps.append(np.square(left).sum(1))
    return np.stack(gaps, 1)
