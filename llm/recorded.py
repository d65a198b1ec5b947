"""Reads a table of recorded texts, plain or compressed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

from data.errors import DataError
from data.packed import ENDINGS, open_bytes

READERS: dict[str, Callable[[io.BytesIO], pl.DataFrame]] = {
    ".jsonl": lambda content: pl.read_ndjson(content, infer_schema_length=None),
    ".ndjson": lambda content: pl.read_ndjson(content, infer_schema_length=None),
    ".csv": lambda content: pl.read_csv(content, infer_schema=False),
    ".parquet": pl.read_parquet,
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
        return content, READERS[kind](io.BytesIO(content))
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
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return number
        except ValueError:
            return number
    return None
