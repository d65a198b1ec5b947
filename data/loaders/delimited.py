"""Text tables, separated or quoted, with the line of every row kept."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from data.errors import DataError
from data.loaders.raw import LINE, REASON, BadRows
from data.loaders.source import read_text

FEW_MARKS = 4
"""Separators inside a quoted field that could as well be those of rows, from which on they are."""
SEPARATORS = (",", ";", "\t", "|")
ROWS_AT_A_TIME = 100_000
Number = type[pl.Float32 | pl.Float64 | pl.Int32 | pl.Int64]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        line: Where it starts, from 1.
        fields: What it holds; None if it cannot be read.
        reason: Why it cannot.
    """

    line: int
    fields: list[str] | None
    reason: str = ""


def read_fields(
    lines: Iterable[str], separator: str, *, strict: bool = False
) -> Iterator[list[str]]:
    """The fields of each row, however long they are; an iterator of the module csv.

    Raises:
        csv.Error: from the iterator, where quotes are broken.
    """
    csv.field_size_limit(sys.maxsize)  # of the whole process; 131,072 unless somebody says more
    return csv.reader(lines, delimiter=separator, strict=strict)


def quoted_rows(text: str, separator: str, n_fields: int) -> Iterator[Row]:
    """Every row, the header first; a quoted field may run over several lines.

    Where a quote is opened and swallows lines that are rows themselves, the row in which it is
    opened cannot be read, and the lines after it are read as rows.
    """
    lines = [f"{line}\n" for line in text.split("\n")]
    start = 0
    while start < len(lines):
        restart = None
        for row, last in _read_rows(lines, start, separator):
            swallowed = lines[row.line : last]  # the lines after the first of the row
            if swallowed and _are_rows(swallowed, row.fields, separator, n_fields):
                yield Row(row.line, None, _quote_reason(row.line, last, len(lines), row.fields))
                restart = row.line
                break
            yield _with_reason(row, last, separator, n_fields)
        if restart is None:
            return
        start = restart


def _read_rows(lines: Sequence[str], start: int, separator: str) -> Iterator[tuple[Row, int]]:
    """Each row from a line on (counted from 0), and the last line of it, from 1."""
    reader = read_fields(lines[start:], separator, strict=True)
    while True:
        line = start + reader.line_num + 1  # type: ignore[attr-defined]
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = Row(line, None, f"broken quotes ({error})")
        else:
            row = Row(line, fields)
        if row.fields != []:
            yield row, start + reader.line_num  # type: ignore[attr-defined]


def _are_rows(
    swallowed: Sequence[str], fields: list[str] | None, separator: str, n_fields: int
) -> bool:
    """Whether lines inside a quoted field are rows, of which the quote was never meant to be.

    In a row that has the right number of fields all of them have to be, and to be no chance; in any
    other row half of them.
    """
    if n_fields < 2:
        return False
    inner = [line for line in swallowed if line.strip()]
    alike = sum(_n_fields(line, separator) == n_fields for line in inner)
    if fields is not None and len(fields) == n_fields:
        return alike == len(inner) and alike * (n_fields - 1) >= FEW_MARKS
    return alike * 2 >= len(inner) and alike > 0


def _n_fields(line: str, separator: str) -> int:
    try:
        return len(next(read_fields([line], separator), []))
    except csv.Error:
        return 0


def _quote_reason(line: int, last: int, n_lines: int, fields: list[str] | None) -> str:
    closed = "never closed" if last >= n_lines and fields is None else f"closed on line {last} only"
    return (
        f"a quote is opened and {closed}; the lines from {line + 1} on are read as rows of their "
        "own. Close it, or double it if it belongs to the text"
    )


def _with_reason(row: Row, last: int, separator: str, n_fields: int) -> Row:
    """The row, with the reason why it cannot be read if there is one."""
    span = f", lines {row.line} to {last}" if last > row.line else ""
    if row.fields is None:
        reason = row.reason
        if "end of data" in reason:
            reason = "a quote is opened and never closed. Close it, or double it"
        return Row(row.line, None, f"{reason}{span}")
    if len(row.fields) != n_fields:
        found = f"{len(row.fields)} fields instead of {n_fields} between {separator!r}"
        return Row(row.line, None, f"{found}{span}")
    return row


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
        table = _quoted_table(path, text, header, separator, bad_rows)
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


def guess_separator(header: str) -> str | None:
    r"""What most likely stands between the fields of a header; None where it has one field only.

    >>> guess_separator("user;item;a, b")
    ';'
    """
    fields = {mark: len(next(read_fields([header], mark), [])) for mark in SEPARATORS}
    best = max(SEPARATORS, key=lambda mark: fields[mark])
    return best if fields[best] > 1 else None


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


def _quoted_table(
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
