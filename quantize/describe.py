"""What each code means: its members, its distinguishing terms and a short label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import atomic
from quantize.codes import Codes
from quantize.contrast import Telling, least_score, telling
from quantize.terms import Terms, read_terms

_LABEL_TERMS = 3
_LEAST_SHARE_OF_NAMES = 0.3
"""A person or place that fewer members share gives a code its label only for want of better."""
_STEM = 5
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
        table: level, code, label ("" where no term stands out more than it would by chance),
            terms and their weights (scores of `quantize.contrast.telling`), size (members),
            exemplars (ids of the members that hold most of the terms, then those nearest to the
            code vector).
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
    titles: Sequence[str | None] | None = None,
    gaps: np.ndarray | None = None,
    n_terms: int = 10,
    n_exemplars: int = 5,
) -> FactorDescriptions:
    """Label, terms, size and exemplars of every code of every level.

    Args:
        codes: Of one side.
        texts: (n) knowledge texts in the order of `codes`; None where there is none.
        titles: (n) names of the entities: no term of any text, nor their words of the own one.
        gaps: (n, T) distance of each entity to its code vector, `quantize.members.gaps`; without
            it exemplars that hold as many of the terms stand in the order of their ids.
        n_terms: Most terms a code.
        n_exemplars: Most exemplars a code.
    """
    terms = read_terms(texts, titles)
    closeness = np.zeros(codes.codes.shape) if gaps is None else gaps
    rows = []
    for level in range(codes.levels):
        groups = codes.codes[:, level]
        tells, least = telling(terms, groups, codes.k), least_score(terms, groups, codes.k)
        for code in range(codes.k):
            members = np.flatnonzero(groups == code)
            told, words = _words(terms, tells.of(code), least, n_terms)
            holding = terms.holds[members][:, told].sum(1)
            order = np.lexsort((closeness[members, level], -np.asarray(holding).ravel()))
            nearest = [codes.ids[m] for m in members[order[:n_exemplars]]]
            about = {"level": level, "code": code, "size": len(members), "exemplars": nearest}
            rows.append({**about, **words})
    return FactorDescriptions(pl.DataFrame(rows, schema=_SCHEMA), codes.k)


def _words(
    terms: Terms, tells: Telling, least: float, n_terms: int
) -> tuple[list[int], dict[str, object]]:
    """Numbers of the terms of one code; its label, terms and weights."""
    score = dict(zip(tells.terms.tolist(), tells.scores.tolist(), strict=True))
    share = dict(zip(tells.terms.tolist(), tells.shares.tolist(), strict=True))
    told = _without_repeats(terms, [t for t in score if score[t] > least])[:n_terms]
    named = [t for t in told if " " not in terms.names[t] or share[t] >= _LEAST_SHARE_OF_NAMES]
    return told, {
        "label": ", ".join(terms.names[t] for t in (named or told)[:_LABEL_TERMS]),
        "terms": [terms.names[t] for t in told],
        "weights": [score[t] for t in told],
    }


def _without_repeats(terms: Terms, ranked: Sequence[int]) -> list[int]:
    """The terms that share no word, by its first letters, with a better one."""
    seen: set[str] = set()
    kept = []
    for term in ranked:
        stems = {word.lower()[:_STEM] for word in re.split(r"[\s-]", terms.names[term])}
        if not stems & seen:
            kept.append(term)
            seen |= stems
    return kept
