"""Texts that were recorded elsewhere: tables of them, plain or compressed, and who replays them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from data.errors import DataError
from data.ids import canonical_id, canonical_ids
from data.loaders.source import ENDINGS, open_bytes
from llm.cache import storable
from llm.protocol import Reply
from llm.settings import ReplayConfig
from prompts.requests import Request

MARK = b"\xef\xbb\xbf"
"""The byte order mark that some programs put before a text in UTF-8."""
KNOWN_TO_LEAK = {
    "ca095a15d97f0139657dac79a825de58013336a858a156925a887e4d2d52e919": (
        "GEAR-Rec's user texts for MovieLens-1M: written from a random 80 % of each user's ratings"
    ),
}
"""SHA-256 of recorded files (uncompressed) that are known to have seen held-out interactions."""
ID_COLUMNS = {
    "user": ("user_id", "userId", "UserID", "User-ID", "reviewerID", "entity", "id"),
    "item": (
        "item_id",
        "movie_id",
        "movieId",
        "MovieID",
        "book_id",
        "ISBN",
        "asin",
        "parent_asin",
        "entity",
        "id",
    ),
}
"""Names under which ids are looked for, by side, in this order."""
TEXT_COLUMNS = ("text", "knowledge", "description", "response", "answer", "output", "content")
"""Names under which texts are looked for, in this order."""


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


def read_recording(path: Path) -> tuple[bytes, pl.DataFrame]:
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
    content = _unpack(path)
    if not content.strip():
        raise DataError(f"The replay file {path} is empty. It must hold a row an entity: id, text.")
    try:
        return content, READERS[kind](content.removeprefix(MARK))
    except (Exception, pl.exceptions.PanicException) as error:
        where = _bad_line(content) if kind in {".jsonl", ".ndjson"} else None
        place = f"line {where} of {path} is not a JSON object" if where else f"{path} is damaged"
        raise DataError(f"Cannot replay: {place} ({error}). Correct or remove it.") from error


def _unpack(path: Path) -> bytes:
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


class ReplayBackend:
    """Answers from a file; a text that is not in it is a failure with a reason."""

    def __init__(self, config: ReplayConfig) -> None:
        content, self._table = read_recording(config.path)
        self._config = config
        self._name = config.path.name
        self._texts: dict[str, dict[str, str | None]] = {}
        digest = hashlib.sha256(content).hexdigest()
        self.model = f"replay {self._name.split('.')[0]} {digest[:12]}"
        self.leaking = config.leaks or digest in KNOWN_TO_LEAK

    def content(self, request: Request) -> Mapping[str, Any]:
        """Side and id: with the file's content, which is in `model`, they settle the answer."""
        return {
            "side": request.side,
            "entity": request.entity,
            "columns": [self._config.id_column, self._config.text_column],
        }

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """The recorded text of each request, in their order.

        Raises:
            DataError: the file has no such columns, they hold no texts, or an id stands twice.
        """
        for request in requests:
            texts, entity = self._of(request.side), canonical_id(request.entity) or ""
            text = (texts.get(entity) or "").strip()
            if text:
                yield Reply(request, text, finish_reason="recorded")
            else:
                what = "an empty text" if entity in texts else "no text"
                error = f"The replay file {self._name} has {what} for {request.entity!r}."
                yield Reply(request, None, finish_reason="error", error=error)

    def check_ids(self, side: str, ids: Sequence[str]) -> None:
        """Nothing, if the file has a text for any of these users or items.

        Raises:
            DataError: it has none, so that it is of other data, or the wrong column is read.
        """
        texts = self._of(side)
        known = {canonical_id(external) for external in ids}
        if ids and known.isdisjoint(texts):
            theirs, ours = (", ".join(map(repr, list(some)[:3])) for some in (texts, ids))
            raise DataError(
                f"The replay file {self._config.path} has a text for none of the {len(ids):,} "
                f"{side}s: its ids are like {theirs or 'nothing'}, those of the data like {ours}. "
                f"Name the right column with llm.{side}.id_column, or the right file with "
                f"llm.{side}.path."
            )

    def _of(self, side: str) -> dict[str, str | None]:
        """Text by id, read when a side is first asked for."""
        if side not in self._texts:
            ids = self._column(self._config.id_column, ID_COLUMNS[side], "id_column")
            texts = self._column(self._config.text_column, TEXT_COLUMNS, "text_column")
            columns = [self._ids(ids).alias("id"), self._strings(texts).alias("text")]
            table = pl.DataFrame(columns).drop_nulls("id")
            twice = table.filter(pl.col("id").is_duplicated())["id"]
            if len(twice):
                raise DataError(
                    f"The id {twice[0]!r} stands more than once in {self._config.path}; "
                    "keep one row of each id."
                )
            self._texts[side] = dict(table.iter_rows())
        return self._texts[side]

    def _ids(self, name: str) -> pl.Series:
        """A column of ids, as all data have them."""
        column = self._table[name]
        return canonical_ids(column if column.dtype.is_float() else self._strings(name))

    def _strings(self, name: str) -> pl.Series:
        """A column as strings."""
        column = self._table[name]
        try:
            if not column.dtype.is_nested():
                return column.cast(pl.String)
        except pl.exceptions.PolarsError:  # bytes that are no UTF-8, or an object
            pass
        raise DataError(
            f"The column {name} of the replay file {self._config.path} holds values of the type "
            f"{column.dtype}, and plain texts are wanted. Write them as texts, or name another "
            "column with id_column or text_column."
        )

    def _column(self, named: str | None, known: Iterable[str], setting: str) -> str:
        found = self._table.columns
        wanted = [named] if named else list(known)
        for name in wanted:
            if name in found:
                return name
        raise DataError(
            f"The replay file {self._config.path} has no column {' or '.join(wanted)}; it has "
            f"{', '.join(found)}. Name the right one with {setting}."
        )
