"""What every loader gets: a folder, and a place for rows that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from data.columns import ITEM_ID, USER_ID
from data.errors import DataError
from data.loaders.source import Source

LINE = "\nline"
"""Column of the number of a row's line in its file, from 1; no header has a newline in a name."""
REASON = "reason"
"""Why a row cannot be used."""
BAD_ROW_SCHEMA = {"file": pl.String, "line": pl.Int64, REASON: pl.String}


@dataclass(slots=True)
class BadRows:
    """Collects rows that cannot be used, or stops at the first."""

    on_bad_row: Literal["stop", "skip"]
    tables: list[pl.DataFrame] = field(default_factory=list)

    def report(
        self, file: Path, rows: pl.DataFrame, *, expected: bool = False, of: int | None = None
    ) -> None:
        """Take in `rows` (columns LINE and REASON) of `file`.

        Args:
            file: Where they stand.
            rows: LINE and REASON; others are ignored.
            expected: A known defect of the publication: listed, and never a reason to stop.
            of: How many rows there are, if known: half of them bad are no slips in rows, and to
                leave them out is no advice.

        Raises:
            DataError: there are rows, unexpected ones, and the policy is "stop", or they are all.
        """
        if rows.is_empty():
            return
        rows = rows.sort(LINE, maintain_order=True)
        every = rows.height == of
        if not expected and (self.on_bad_row == "stop" or every):
            more = f" ({rows.height - 1:,} more like it)" if rows.height > 1 else ""
            cure = "Mend the row, or use --on-bad-row skip to leave such rows out and list them."
            if rows.height > 1 and of and rows.height * 2 >= of:
                cure = (
                    f"So it is with {'every row' if every else f'{rows.height:,} of {of:,} rows'}: "
                    "check that the right column is named and how it is written."
                )
            raise DataError(f"{file}:{rows[LINE][0]}: {rows[REASON][0]}{more}. {cure}")
        line = pl.col(LINE).cast(pl.Int64).alias("line")
        self.tables.append(rows.select(pl.lit(file.name).alias("file"), line, REASON))

    def drop(
        self,
        file: Path,
        rows: pl.DataFrame,
        bad: pl.Expr,
        reason: pl.Expr,
        *,
        expected: bool = False,
    ) -> pl.DataFrame:
        """`rows` without those where `bad` holds; these are reported."""
        marked = rows.filter(bad)
        if marked.is_empty():
            return rows
        told = marked.select(LINE, reason.alias(REASON))
        self.report(file, told, expected=expected, of=rows.height)
        return rows.filter(~bad)

    def table(self) -> pl.DataFrame:
        """One row a bad row: `file`, `line` (Int64, from 1) and `reason`."""
        return pl.concat([pl.DataFrame(schema=BAD_ROW_SCHEMA), *self.tables])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a loader is asked to read.

    Attributes:
        source: Folder with the files.
        bad_rows: Takes the rows that cannot be used.
        min_rating: Ratings below are dropped later; a loader may drop them at once.
        enrich: Add what a third party published about the items, if the loader knows how.
    """

    source: Source
    bad_rows: BadRows
    min_rating: float
    enrich: bool = False


def without_repeats(
    table: pl.DataFrame, column: str, file: Path, bad_rows: BadRows
) -> pl.DataFrame:
    """`table` with the first row of each id in `column`; empty and repeated ids are reported."""
    table = with_ids(table, column, file, bad_rows)
    repeated = ~pl.col(column).is_first_distinct()
    reason = pl.format(f"{column} {{}} stands twice", column)
    return bad_rows.drop(file, table, repeated, reason)


def with_ids(table: pl.DataFrame, column: str, file: Path, bad_rows: BadRows) -> pl.DataFrame:
    """`table` without the rows whose id in `column` is empty; these are reported."""
    empty = pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")
    return bad_rows.drop(file, table, empty, pl.lit(f"{column} is empty"))


def with_known_ids(
    ratings: pl.DataFrame,
    column: str,
    table: pl.DataFrame,
    file: Path,
    bad_rows: BadRows,
    *,
    expected: bool = False,
) -> pl.DataFrame:
    """`ratings` whose id in `column` stands in `table`; the others are reported."""
    what = {USER_ID: "user table", ITEM_ID: "item table"}[column]
    unknown = ~pl.col(column).is_in(table[column].implode())
    reason = pl.format(f"{column} {{}} is not in the {what}", column)
    return bad_rows.drop(file, ratings, unknown, reason, expected=expected)


def ids_in(ratings: pl.DataFrame, column: str) -> pl.DataFrame:
    """One column of the ids in `ratings`, in order of their first appearance."""
    return ratings.select(pl.col(column).unique(maintain_order=True))
