"""What every loader gives: three tables as published, and the rows that could not be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from data.columns import ITEM_ID, USER_ID
from data.errors import DataError

LINE = "line"
"""Number of a row's line in its file, from 1."""
REASON = "reason"
"""Why a row cannot be used."""
BAD_ROW_SCHEMA = {"file": pl.String, LINE: pl.Int64, REASON: pl.String}


@dataclass(frozen=True, slots=True)
class Raw:
    """A publication as it is, before preprocessing.

    Attributes:
        users: `user_id` (String, unique) and attributes, in the order of the source.
        items: `item_id` (String, unique) and attributes, in the order of the source.
        ratings: `user_id`, `item_id`, `weight` Float32, `time` Int64, in the order of the source.
    """

    users: pl.DataFrame
    items: pl.DataFrame
    ratings: pl.DataFrame


@dataclass(slots=True)
class BadRows:
    """Collects rows that cannot be used, or stops at the first."""

    on_bad_row: Literal["stop", "skip"]
    tables: list[pl.DataFrame] = field(default_factory=list)

    def report(self, file: Path, rows: pl.DataFrame, *, expected: bool = False) -> None:
        """Take in `rows` (columns line and reason) of `file`.

        Args:
            file: Where they stand.
            rows: `line` and `reason`; others are ignored.
            expected: A known defect of the publication: listed, and never a reason to stop.

        Raises:
            DataError: there are rows, unexpected ones, and the policy is "stop".
        """
        if rows.is_empty():
            return
        rows = rows.sort(LINE)
        if self.on_bad_row == "stop" and not expected:
            more = f" ({rows.height - 1:,} more in this file)" if rows.height > 1 else ""
            raise DataError(
                f"{file}:{rows[LINE][0]}: {rows[REASON][0]}{more}. Mend the row, or use "
                "--on-bad-row skip to leave such rows out and list them."
            )
        self.tables.append(
            rows.select(pl.lit(file.name).alias("file"), pl.col(LINE).cast(pl.Int64), REASON)
        )

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
        self.report(file, marked.select(LINE, reason.alias(REASON)), expected=expected)
        return rows.filter(~bad)

    def table(self) -> pl.DataFrame:
        """One row a bad row: `file`, `line` (Int64, from 1) and `reason`."""
        empty = pl.DataFrame(schema=BAD_ROW_SCHEMA)
        return pl.concat([empty, *self.tables])


def without_repeats(
    table: pl.DataFrame, column: str, file: Path, bad_rows: BadRows
) -> pl.DataFrame:
    """`table` with the first row of each id in `column`; empty and repeated ids are reported."""
    empty = pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")
    table = bad_rows.drop(file, table, empty, pl.lit(f"{column} is empty"))
    repeated = ~pl.col(column).is_first_distinct()
    reason = pl.format(f"{column} {{}} stands twice; the first row is kept", column)
    return bad_rows.drop(file, table, repeated, reason)


def with_known_ids(
    ratings: pl.DataFrame,
    users: pl.DataFrame,
    items: pl.DataFrame,
    file: Path,
    bad_rows: BadRows,
    *,
    expected: bool = False,
) -> pl.DataFrame:
    """`ratings` whose user and item stand in their tables; the others are reported."""
    for column, table in ((USER_ID, users), (ITEM_ID, items)):
        unknown = ~pl.col(column).is_in(table[column].implode())
        reason = pl.format(f"{column} {{}} is not in the table of {column[:-3]}s", column)
        ratings = bad_rows.drop(file, ratings, unknown, reason, expected=expected)
    return ratings
