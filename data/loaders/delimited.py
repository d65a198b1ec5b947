"""Text tables whose lines are split at a separator, with line numbers kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from data.loaders.raw import LINE, BadRows
from data.loaders.source import read_text

Number = type[pl.Float32 | pl.Int64]


def read_lines(
    path: Path, separator: str, columns: Sequence[str], bad_rows: BadRows, encoding: str = "utf-8"
) -> pl.DataFrame:
    """`line` (Int64, from 1) and the named String columns; lines of other lengths are reported.

    Blank lines are passed over. Nothing is quoted in such files.
    """
    text = read_text(path, encoding)
    lines = pl.DataFrame({"whole": pl.Series([text]).str.split("\n").explode()})
    lines = lines.with_row_index(LINE, offset=1).filter(pl.col("whole") != "")
    lines = lines.with_columns(
        pl.col(LINE).cast(pl.Int64), pl.col("whole").str.split(separator).alias("fields")
    )
    found = pl.col("fields").list.len()
    lines = bad_rows.drop(
        path,
        lines,
        found != len(columns),
        pl.format(f"{{}} fields instead of {len(columns)} between {separator!r}", found),
    )
    fields = [pl.col("fields").list.get(i).alias(name) for i, name in enumerate(columns)]
    return lines.select(LINE, *fields)


def with_numbers(
    table: pl.DataFrame, path: Path, types: Mapping[str, Number], bad_rows: BadRows
) -> pl.DataFrame:
    """`table` with String columns made numbers; rows where one is no finite number are reported."""
    for column, dtype in types.items():
        value = pl.col(column).str.strip_chars().cast(pl.Float64, strict=False)
        bad = value.is_null() | ~value.is_finite()
        shown = pl.col(column).fill_null("nothing")
        reason = pl.format(f"{column} is {{}}, not a number", shown)
        table = bad_rows.drop(path, table, bad, reason)
        table = table.with_columns(value.cast(dtype).alias(column))
    return table
