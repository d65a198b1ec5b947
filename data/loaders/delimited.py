"""Text tables, separated or quoted, with the line of every row kept."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import polars as pl

from data.errors import DataError
from data.loaders.peek import guess_separator
from data.loaders.quoted import quoted_rows, read_fields
from data.loaders.raw import LINE, REASON, BadRows
from data.loaders.source import read_text

ROWS_AT_A_TIME = 100_000
Number = type[pl.Float32 | pl.Float64 | pl.Int32 | pl.Int64]


def read_lines(
    path: Path, separator: str, columns: Sequence[str], bad_rows: BadRows, encoding: str = "utf-8"
) -> pl.DataFrame:
    """LINE (Int64, from 1) and the named String columns of a file without header or quotes.

    Lines with another number of fields are reported; blank lines are passed over.

    Raises:
        DataError: the file is empty or in another encoding.
    """
    lines = _split(read_text(path, encoding), separator)
    return _fields(lines, columns, separator, path, bad_rows)


def read_csv(
    path: Path,
    bad_rows: BadRows,
    needed: Sequence[str] = (),
    *,
    separator: str = ",",
    encoding: str = "utf-8",
) -> pl.DataFrame:
    """LINE (Int64, from 1) and all columns, String with null for empty, of a file with a header.

    Rows with another number of fields or broken quotes are reported.

    Raises:
        DataError: the file is empty, in another encoding, has no header, lacks a column or names
            one twice.
    """
    text = read_text(path, encoding)
    first, _, rest = text.lstrip("\n").partition("\n")
    header = _header(path, first, separator)
    check_columns(path, header, needed)
    if '"' in rest:
        table = _quoted(path, text, header, separator, bad_rows)
    else:
        table = _fields(_split(text, separator)[1:], header, separator, path, bad_rows)
    return table.with_columns(pl.col(header).replace("", None))


def _header(path: Path, first: str, separator: str) -> list[str]:
    try:
        return [name.strip() for name in next(read_fields([first], separator))]
    except csv.Error as error:
        raise DataError(
            f"The first line of {path} names no columns ({error}). Begin the file with a header."
        ) from error


def check_columns(path: Path, found: Sequence[str], needed: Sequence[str]) -> None:
    """Nothing, if a table has every needed column, once.

    Raises:
        DataError: it has not.
    """
    missing = [name for name in needed if name not in found]
    if missing:
        mark = guess_separator(found[0]) if len(found) == 1 else None
        parted = (
            f"If {mark!r} stands between them, say so in data.files.separator. " if mark else ""
        )
        raise DataError(
            f"{path} has no column {', '.join(map(repr, missing))}; its columns are "
            f"{', '.join(map(repr, found))}. {parted}Name the right column, or mend the header."
        )
    repeated = sorted({name for name in found if found.count(name) > 1})
    if repeated:
        raise DataError(
            f"{path} has more than one column {', '.join(map(repr, repeated))}. Rename all but one."
        )


def with_numbers(
    table: pl.DataFrame, path: Path, types: Mapping[str, Number], bad_rows: BadRows
) -> pl.DataFrame:
    """`table` with String columns made numbers; rows where one is no finite number are reported."""
    for column, dtype in types.items():
        value = pl.col(column).str.strip_chars().cast(pl.Float64, strict=False)
        table = table.with_columns(value.alias("_value"))
        bad = pl.col("_value").is_null() | ~pl.col("_value").is_finite()
        shown = pl.col(column).fill_null("nothing")
        reason = pl.format(f"{column} is {{}}, not a number", shown)
        table = bad_rows.drop(path, table, bad, reason)
        table = table.with_columns(pl.col("_value").cast(dtype).alias(column)).drop("_value")
    return table


def _split(text: str, separator: str) -> pl.DataFrame:
    lines = pl.DataFrame({"whole": pl.Series([text]).str.split("\n").explode()})
    lines = lines.with_row_index(LINE, offset=1).filter(pl.col("whole") != "")
    return lines.select(
        pl.col(LINE).cast(pl.Int64), pl.col("whole").str.split(separator).alias("fields")
    )


def _quoted(
    path: Path, text: str, header: Sequence[str], separator: str, bad_rows: BadRows
) -> pl.DataFrame:
    """LINE where a row starts and its columns; a quoted field may run over several lines."""
    schema = {LINE: pl.Int64, **dict.fromkeys(header, pl.String)}
    broken: list[tuple[int, str]] = []
    sound = [pl.DataFrame(schema=schema)]
    rows = quoted_rows(text, separator, len(header))
    next(rows)
    while some := list(islice(rows, ROWS_AT_A_TIME)):
        broken += [(row.line, row.reason) for row in some if row.fields is None]
        read = [(row.line, *row.fields) for row in some if row.fields is not None]
        if read:
            sound.append(pl.DataFrame(list(zip(*read, strict=True)), schema, orient="col"))
    bad_rows.report(path, pl.DataFrame(broken, {LINE: pl.Int64, REASON: pl.String}, orient="row"))
    return pl.concat(sound)


def _fields(
    rows: pl.DataFrame, columns: Sequence[str], separator: str, path: Path, bad_rows: BadRows
) -> pl.DataFrame:
    found = pl.col("fields").list.len()
    reason = pl.format(f"{{}} fields instead of {len(columns)} between {separator!r}", found)
    rows = bad_rows.drop(path, rows, found != len(columns), reason)
    return rows.select(
        LINE, *(pl.col("fields").list.get(k).alias(name) for k, name in enumerate(columns))
    )
