"""The first rows of a table that nobody has described yet."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from data.errors import DataError
from data.loaders.delimited import guess_separator, read_fields
from data.loaders.sequences import first_rows, holds_sequences
from data.loaders.source import no_encoding, not_in_encoding, plain_newlines

HEAD_BYTES = 1 << 18
"""How much of a text file is looked at."""
MOST_COLUMNS = 500
"""More are no table that a person describes."""
PACKED = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip file", b"\x28\xb5\x2f\xfd": "zstd"}
PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True)
class Peek:
    """How a table begins.

    Attributes:
        rows: Its first rows; of a text file all columns are String, with null for empty.
        separator: What stands between fields; None where it cannot be told, or is none.
    """

    rows: pl.DataFrame
    separator: str | None

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.rows.columns


def peek(
    path: Path, rows: int = 200, *, separator: str | None = None, encoding: str = "utf-8"
) -> Peek:
    """The first rows of a CSV, Parquet or sequence file; a separator is guessed unless given.

    Raises:
        DataError: it is empty, no such file, in another encoding, or names a column twice.
    """
    if path.suffix == ".parquet":
        return Peek(_parquet(path, rows), None)
    if path.is_file() and holds_sequences(path):
        return Peek(first_rows(path, rows), None)
    text = _head(path, encoding)
    first = text.lstrip("\n").partition("\n")[0]
    found = separator or guess_separator(first)
    lines = read_fields(io.StringIO(text.lstrip("\n")), found or ",")
    header = [name.strip() for name in _sound(lines, 1)[0]]
    if len(header) > MOST_COLUMNS:
        raise DataError(
            f"{path.name} has {len(header):,} columns; {MOST_COLUMNS} are the most. Leave some out."
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        what = f"the column {twice[0]!r} twice" if twice and twice[0] else "a column without a name"
        raise DataError(f"{path.name} has {what} in its first line. Every column needs its own.")
    cells = [_fit_row(row, len(header)) for row in _sound(lines, rows) if row]
    table = pl.DataFrame(cells, dict.fromkeys(header, pl.String), orient="row")
    return Peek(table.with_columns(pl.all().replace("", None)), found)


def _head(path: Path, encoding: str) -> str:
    """Whole lines from the beginning of a text file."""
    try:
        with path.open("rb") as stream:
            content = stream.read(HEAD_BYTES + 1)
    except OSError as error:
        raise DataError(f"Cannot read {path.name}: {error.strerror}.") from error
    if not content.strip():
        raise DataError(f"{path.name} is empty. Choose a file with a header and rows.")
    check_text(path.name, content)
    cut = len(content) > HEAD_BYTES
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(content, final=not cut)
    except UnicodeDecodeError as error:
        raise not_in_encoding(path.name, content, encoding, error) from error
    except (LookupError, ValueError) as error:
        raise no_encoding(path.name, encoding) from error
    text = plain_newlines(text.removeprefix("\ufeff"))
    return text.rpartition("\n")[0] if cut and "\n" in text else text


def check_text(name: str, content: bytes) -> None:
    """Nothing, if a file may be a text.

    Raises:
        DataError: it is packed, Parquet, or binary.
    """
    for mark, what in PACKED.items():
        if content.startswith(mark):
            raise DataError(f"{name} is {what}, not a text. Unpack it first.")
    if content.startswith(PARQUET):
        raise DataError(f"{name} is a Parquet file. Give it the ending .parquet.")
    if b"\0" in content[:HEAD_BYTES]:
        raise DataError(
            f"{name} is no plain text (it holds zero bytes, as UTF-16 and spreadsheets do). Save "
            "it as CSV in UTF-8."
        )


def _sound(lines: Iterator[list[str]], n: int) -> list[list[str]]:
    """The next rows, up to broken quotes."""
    found: list[list[str]] = []
    with suppress(csv.Error):
        found.extend(islice(lines, n))
    return found or [[]]


def _fit_row(row: list[str], n: int) -> list[str | None]:
    """A row with as many cells as the header; the reader itself reports it."""
    return [*row[:n], *([None] * (n - len(row)))]


def _parquet(path: Path, rows: int) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, n_rows=rows)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(f"{path.name} is no Parquet file. Write it again.") from error
