"""Reads a table of recorded texts, plain or compressed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from data.errors import DataError
from data.ids import canonical_id
from data.loaders.source import ENDINGS, open_bytes
from llm.cache import storable

MARK = b"\xef\xbb\xbf"
"""The byte order mark that some programs put before a text in UTF-8."""


def _json_lines(content: bytes) -> pl.DataFrame:
    """A column a key, String unless it holds lists or objects.

    Numbers are kept digit by digit, whole ones without a fraction, and halves of characters become
    the sign for what cannot be read: both are beyond a reader that wants one type a column.
    """
    rows = [json.loads(line) for line in content.split(b"\n") if line.strip()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    if any(isinstance(value, list | dict) for value in values):
        return pl.Series(name, values, strict=False)
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return storable(value) if isinstance(value, str) else canonical_id(value)


READERS: dict[str, Callable[[bytes], pl.DataFrame]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": lambda content: pl.read_csv(io.BytesIO(content), infer_schema=False),
    ".parquet": lambda content: pl.read_parquet(io.BytesIO(content)),
}
"""How each kind of file is read, by its ending."""


def read_recorded(path: Path) -> tuple[bytes, pl.DataFrame]:
    """The uncompressed content of a file, and the table in it.

    Raises:
        DataError: the file is missing, empty, of an unknown kind, or damaged.
    """
    endings = [ending.lower() for ending in path.suffixes]
    kind = next((ending for ending in reversed(endings) if ending not in ENDINGS), "")
    if kind not in READERS:
        raise DataError(
            f"{path} is not a kind of file that can be replayed. Name a {', '.join(READERS)} "
            "file, which may be compressed as .zst or .gz."
        )
    content = _unpacked(path)
    if not content.strip():
        raise DataError(f"The replay file {path} is empty. It must hold a row an entity: id, text.")
    try:
        return content, READERS[kind](content.removeprefix(MARK))
    except (Exception, pl.exceptions.PanicException) as error:
        where = _bad_line(content) if kind in {".jsonl", ".ndjson"} else None
        place = f"line {where} of {path} is not a JSON object" if where else f"{path} is damaged"
        raise DataError(f"Cannot replay: {place} ({error}). Correct or remove it.") from error


def _unpacked(path: Path) -> bytes:
    try:
        with open_bytes(path) as stream:
            return stream.read()
    except FileNotFoundError:
        raise DataError(
            f"The replay file {path} does not exist. Paths are taken from the folder of the "
            "experiment's file; correct llm.user.path or llm.item.path."
        ) from None
    except Exception as error:
        raise DataError(
            f"The replay file {path} cannot be read ({error}). Get an undamaged copy of it."
        ) from error


def _bad_line(content: bytes) -> int | None:
    """The first line, from 1, that is not a JSON object."""
    for number, line in enumerate(content.removeprefix(MARK).split(b"\n"), start=1):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return number
        except ValueError:
            return number
    return None
