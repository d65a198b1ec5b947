"""All latent factors of one side, to look at one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from data.errors import ConfigError
from quantize.codes import Codes
from quantize.describe import FactorDescriptions
from quantize.terms import Mentions


@dataclass(frozen=True)
class Lexicon:
    """What is known of every factor, a factor being a level and a code on it.

    Attributes:
        codes: Of all users or all items.
        descriptions: What their factors mean.
        gaps: (n, T) what `quantize.fit.gaps` gives.
        mentions: Of the texts that the codes come from.
    """

    codes: Codes
    descriptions: FactorDescriptions
    gaps: np.ndarray
    mentions: Mentions

    def name(self, level: int, code: int) -> str:
        """What a factor is called: `FactorDescriptions.names`."""
        return self._names[level * self.codes.k + code]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self.descriptions.names

    def factor(self, written: str) -> tuple[int, int]:
        """Level and code of a factor that is written as "level-code".

        Raises:
            ConfigError: there is no such factor.
        """
        codes, (level, dash, code) = self.codes, written.partition("-")
        if level.isdecimal() and dash and code.isdecimal():
            found = int(level), int(code)
            if found[0] < codes.levels and found[1] < codes.k:
                return found
        raise ConfigError(
            f"There is no factor {written!r}. A factor is written LEVEL-CODE, with levels 0 to "
            f"{codes.levels - 1} and codes 0 to {codes.k - 1}, for instance 0-1."
        )

    def told(self, level: int, code: int) -> str:
        """In how many of its texts each word of a label stands; "" where there is no label.

        A label says what is commoner in the texts of a factor, and not of each of its members.
        """
        about = self.descriptions.of(level, code)
        words = [word for word in str(about["label"]).split(", ") if word]
        members = self.codes.codes[:, level] == code
        counts = [int(self.mentions.of(word)[members].sum()) for word in words]
        parts = [f"‘{word}’ in {n:,}" for word, n in zip(words, counts, strict=True)]
        return f"{', '.join(parts)} of {int(members.sum()):,} texts" if parts else ""

    def rows(self, level: int, code: int) -> np.ndarray:
        """Numbers of the members, the most typical first: nearest to the code vector."""
        members = np.flatnonzero(self.codes.codes[:, level] == code)
        return members[np.argsort(self.gaps[members, level], kind="stable")]

    def members(self, level: int, code: int) -> pl.DataFrame:
        """`row`, `id`, `codes` (on all levels) and `distance` to the code vector, nearest first."""
        rows = self.rows(level, code)
        written = ["-".join(map(str, codes)) for codes in self.codes.codes[rows].tolist()]
        return pl.DataFrame(
            {
                "row": rows,
                "id": pl.Series([self.codes.ids[row] for row in rows], dtype=pl.String),
                "codes": pl.Series(written, dtype=pl.String),
                "distance": self.gaps[rows, level],
            }
        )

    def terms(self, level: int, code: int) -> pl.DataFrame:
        """Distinguishing terms: `term`, `score`, and the share of texts that mention it.

        `here` is the share among the members' texts and `everywhere` that of all texts.
        `quantize.terms.telling` explains the score.

        Source: AutoGraph, figure 6.
        """
        about = self.descriptions.table.row(level * self.codes.k + code, named=True)
        members = self.codes.codes[:, level] == code
        found = [self.mentions.of(term) for term in about["terms"]]
        here = [float(holds[members].mean()) for holds in found]
        return pl.DataFrame(
            {
                "term": pl.Series(about["terms"], dtype=pl.String),
                "score": pl.Series(about["weights"], dtype=pl.Float64),
                "here": pl.Series(here, dtype=pl.Float64),
                "everywhere": pl.Series([float(f.mean()) for f in found], dtype=pl.Float64),
            }
        )

    def neighbours(self, level: int, code: int, limit: int = 8) -> pl.DataFrame:
        """The codes of the same level that lie nearest: `code`, `label`, `size`, `distance`."""
        book = self.codes.codebooks[level]
        distance = np.linalg.norm(book - book[code], axis=1)
        sizes = np.bincount(self.codes.codes[:, level], minlength=self.codes.k)
        order = np.argsort(distance, kind="stable")
        near = order[(order != code) & (sizes[order] > 0)][:limit]
        return pl.DataFrame(
            {
                "code": near,
                "label": pl.Series([self.name(level, int(c)) for c in near], dtype=pl.String),
                "size": sizes[near],
                "distance": distance[near],
            }
        )

    def beside(self, level: int, code: int) -> pl.DataFrame:
        """Factors that members have on other levels, with how many of them, most first.

        Columns: `level`, `code`, `label`, `shared`.
        """
        members = self.codes.codes[self.codes.codes[:, level] == code]
        tables = []
        for other in (t for t in range(self.codes.levels) if t != level):
            found, shared = np.unique(members[:, other], return_counts=True)
            names = [self.name(other, int(c)) for c in found]
            labels = pl.Series(names, dtype=pl.String)
            columns = {"code": found, "label": labels, "shared": shared}
            table = pl.DataFrame(columns).with_columns(level=pl.lit(other))
            tables.append(table.select("level", "code", "label", "shared"))
        schema = {"level": pl.Int32, "code": pl.Int32, "label": pl.String, "shared": pl.Int64}
        whole = pl.concat([pl.DataFrame(schema=schema), *(t.cast(schema) for t in tables)])  # type: ignore[arg-type]
        return whole.sort("shared", descending=True, maintain_order=True)

    def contrast(self, level: int, codes: Sequence[int], terms_each: int = 4) -> pl.DataFrame:
        """The best terms of several factors in all of them: `term`, `code`, `share` of members.

        A row a term and factor; the terms of the first factor come first.

        Source: AutoGraph, figure 6.
        """
        table = self.descriptions.table
        of = {code: table.row(level * self.codes.k + code, named=True)["terms"] for code in codes}
        terms = dict.fromkeys(term for code in codes for term in of[code][:terms_each])
        rows = []
        for term in terms:
            holds = self.mentions.of(term)
            for code in codes:
                members = self.codes.codes[:, level] == code
                share = float(holds[members].mean()) if members.any() else 0.0
                rows.append({"term": term, "code": code, "share": share})
        schema = {"term": pl.String, "code": pl.Int32, "share": pl.Float64}
        return pl.DataFrame(rows, schema=schema)
