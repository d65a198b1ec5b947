"""What each code means: its members, its distinguishing terms and a short label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import atomic
from quantize.codes import Codes
from quantize.terms import Telling, Terms, least_score, read_terms, telling

_LABEL_TERMS = 3
_LEAST_SHARE_OF_NAMES = 0.3
"""A person or place that fewer members share gives a code its label only for want of better."""
_STEM = 5
NEAR = "near"
_LATER = ("counts", NEAR)
"""Columns that tables of version 2 of the stage lack."""
_SCHEMA: dict[str, Any] = {
    "level": pl.Int32,
    "code": pl.Int32,
    "label": pl.String,
    "terms": pl.List(pl.String),
    "weights": pl.List(pl.Float64),
    "counts": pl.List(pl.Int32),
    "size": pl.Int32,
    "exemplars": pl.List(pl.String),
    NEAR: pl.Int32,
}
_VOCABULARY: dict[str, Any] = {"term": pl.String, "share": pl.Float64}


@dataclass(frozen=True, slots=True)
class FactorDescriptions:
    """One row a code, level by level: row `level * k + code`.

    Attributes:
        table: level, code, label ("" where no term stands out more than it would by chance),
            terms, their weights (scores of `quantize.terms.telling`) and counts (members whose
            texts hold each), size (members), exemplars (ids of the members that hold most of the
            terms, then those nearest to the code vector), near (for a code without a label the
            nearest one on its level that has one; null otherwise).
        k: Codes a level.
        vocabulary: term, and share of all texts that hold it; of whatever may be a term.
    """

    table: pl.DataFrame
    k: int
    vocabulary: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_VOCABULARY))

    @property
    def labels(self) -> tuple[str, ...]:
        """(T * K) labels; an unused code has ""."""
        return tuple(self.table["label"])

    @property
    def names(self) -> tuple[str, ...]:
        """(T * K) what each factor is called where people read: never "".

        The label where there is one, else the nearest factor that has one, with the own number. A
        name stands for what is commoner in its members' texts than elsewhere, not for each member.
        """
        labels, near = self.labels, self.table[NEAR].to_list()
        names = []
        for number, label in enumerate(labels):
            level, code = divmod(number, self.k)
            own, relative = f"{level}-{code}", near[number]
            if label:
                names.append(label)
            elif relative is None:
                names.append(f"factor {own}")
            else:
                first = labels[level * self.k + relative].split(", ")[0]
                names.append(f"near ‘{first}’ ({own})")
        return tuple(names)

    def of(self, level: int, code: int) -> dict[str, object]:
        """The description of one code."""
        return self.table.row(level * self.k + code, named=True)

    def save(self, directory: Path) -> None:
        """Two Parquet tables in `directory`."""
        atomic.write_parquet(directory / "factors.parquet", self.table)
        atomic.write_parquet(directory / "vocabulary.parquet", self.vocabulary)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> FactorDescriptions:
        """The descriptions stored by `save`; what an older version did not know is null."""
        table = atomic.read_parquet(directory / "factors.parquet")
        lacking = [name for name in _LATER if name not in table.columns]
        table = table.with_columns(pl.lit(None, _SCHEMA[name]).alias(name) for name in lacking)
        levels = int(table["level"].max() or 0) + 1  # type: ignore[arg-type]
        words = directory / "vocabulary.parquet"
        vocabulary = (atomic.read_parquet(words),) if words.is_file() else ()
        return cls(table, table.height // levels, *vocabulary)


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
        gaps: (n, T) distance of each entity to its code vector, `quantize.fit.gaps`; without
            it exemplars that hold as many of the terms stand in the order of their ids.
        n_terms: Most terms a code.
        n_exemplars: Most exemplars a code.
    """
    terms = read_terms(texts, titles)
    closeness = np.zeros(codes.codes.shape) if gaps is None else gaps
    rows: list[dict[str, object]] = []
    for level in range(codes.levels):
        groups = codes.codes[:, level]
        tells, least = telling(terms, groups, codes.k), least_score(terms, groups, codes.k)
        found = []
        for code in range(codes.k):
            members = np.flatnonzero(groups == code)
            told, words = _words(terms, tells.of(code), least, n_terms)
            holding = terms.holds[members][:, told]
            counts = np.asarray(holding.sum(0), dtype=int).ravel().tolist()
            order = np.lexsort((closeness[members, level], -np.asarray(holding.sum(1)).ravel()))
            nearest = [codes.ids[m] for m in members[order[:n_exemplars]]]
            about = {"level": level, "code": code, "size": len(members), "exemplars": nearest}
            found.append({**about, **words, "counts": counts})
        near = _nearest(codes.codebooks[level], [bool(row["label"]) for row in found])
        rows += [{**row, NEAR: one} for row, one in zip(found, near, strict=True)]
    shares: np.ndarray = np.asarray(terms.holds.mean(0)).ravel()
    vocabulary = pl.DataFrame({"term": terms.names, "share": shares}, schema=_VOCABULARY)
    return FactorDescriptions(pl.DataFrame(rows, schema=_SCHEMA), codes.k, vocabulary)


def _nearest(book: np.ndarray, labelled: Sequence[bool]) -> list[int | None]:
    """For each code of a level without a label, the nearest one with a label."""
    known = np.flatnonzero(labelled)
    if not len(known):
        return [None] * len(book)
    return [
        None if own else int(known[np.linalg.norm(book[known] - vector, axis=1).argmin()])
        for vector, own in zip(book, labelled, strict=True)
    ]


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
