"""Rows of text tables with quotes, also where a quote is opened and not closed."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

FEW_MARKS = 4
"""Separators inside a quoted field that could as well be those of rows, from which on they are."""


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
        for row, last in _read(lines, start, separator):
            swallowed = lines[row.line : last]  # the lines after the first of the row
            if swallowed and _are_rows(swallowed, row.fields, separator, n_fields):
                yield Row(row.line, None, _unclosed(row.line, last, len(lines), row.fields))
                restart = row.line
                break
            yield _checked(row, last, separator, n_fields)
        if restart is None:
            return
        start = restart


def _read(lines: Sequence[str], start: int, separator: str) -> Iterator[tuple[Row, int]]:
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


def _unclosed(line: int, last: int, n_lines: int, fields: list[str] | None) -> str:
    closed = "never closed" if last >= n_lines and fields is None else f"closed on line {last} only"
    return (
        f"a quote is opened and {closed}; the lines from {line + 1} on are read as rows of their "
        "own. Close it, or double it if it belongs to the text"
    )


def _checked(row: Row, last: int, separator: str, n_fields: int) -> Row:
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
