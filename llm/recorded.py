"""Reads a table of recorded texts, plain or compressed."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

from data.errors import DataError

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
    packing = endings.pop() if endings and endings[-1] in {".zst", ".gz"} else ""
    kind = endings[-1] if endings else ""
    if kind not in READERS:
        raise DataError(
            f"{path} is not a kind of file that can be replayed. Name a {', '.join(READERS)} "
            "file, which may be compressed as .zst or .gz."
        )
    content = _unpacked(path, packing)
    if not content.strip():
        raise DataError(f"The replay file {path} is empty. It must hold a row an entity: id, text.")
    try:
        return content, READERS[kind](io.BytesIO(content))
    except Exception as error:
        where = _bad_line(content) if kind in {".jsonl", ".ndjson"} else None
        place = f"line {where} of {path} is not a JSON object" if where else f"{path} is damaged"
        raise DataError(f"Cannot replay: {place} ({error}). Correct or remove it.") from error


def _unpacked(path: Path, packing: str) -> bytes:
    try:
        content = path.read_bytes()
        if packing == ".zst":
            return _unpacked_zst(content)
        return gzip.decompress(content) if packing == ".gz" else content
    except FileNotFoundError:
        raise DataError(
            f"The replay file {path} does not exist. Paths are taken from the folder the command "
            "runs in; correct llm.user.path or llm.item.path."
        ) from None
    except Exception as error:
        raise DataError(
            f"The replay file {path} cannot be read ({error}). Get an undamaged copy of it."
        ) from error


def _unpacked_zst(content: bytes) -> bytes:
    """All frames; a stream reader would take a file that was cut off for a shorter one."""
    import zstandard

    frames = []
    while content:
        frame = zstandard.ZstdDecompressor().decompressobj()
        frames.append(frame.decompress(content))
        if not frame.eof:
            raise EOFError("it ends in the middle of the compressed data")
        content = frame.unused_data
    return b"".join(frames)


def _bad_line(content: bytes) -> int | None:
    """The first line, from 1, that is not a JSON object."""
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return number
        except ValueError:
            return number
    return None
