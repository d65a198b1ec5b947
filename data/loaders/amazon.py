"""Amazon review data of 2014 and 2018: 5-core reviews and product metadata, one record a line."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError
from data.loaders.raw import LINE, REASON, BadRows, Reading, ids_in, with_known_ids
from data.loaders.source import open_bytes, unreadable
from data.preprocess import Raw

REVIEWS = ("reviews_Books_5.json", "Books_5.json")
META = ("meta_Books.json",)
FIELDS = {
    "reviewerID": pl.String,
    "asin": pl.String,
    "overall": pl.Float64,
    "unixReviewTime": pl.Int64,
}
"""Of a review, what is kept."""
KINDS: tuple[tuple[type, ...], ...] = ((str,), (str,), (int, float), (int,))
NAMES = {"reviewerID": USER_ID, "asin": ITEM_ID, "overall": WEIGHT, "unixReviewTime": TIME}
CHUNK_BYTES = 64 << 20
"""How much text is parsed at a time: the whole of it would not fit into memory."""
LONGEST_RECORD = 1 << 20
"""A longer line of metadata is no product."""
ITEM_SCHEMA = pl.Schema(
    {
        ITEM_ID: pl.String(),
        TITLE: pl.String(),
        DESCRIPTION: pl.String(),
        "categories": pl.List(pl.String()),
        "brand": pl.String(),
    }
)
_SCRIPT = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->")
_INLINE = re.compile(r"(?i)</?(?:a|b|big|em|font|i|small|span|strong|sub|sup|u)(?:\s[^<>]*)?/?>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BRAND_PAGE = re.compile(r"^Visit Amazon's (.+) Page$")
_ASIN = re.compile(rb"""['"]asin['"]: ?['"]([^'"]+)['"]""")


def load(reading: Reading) -> Raw:
    """The publication; users have no attributes, books are those of the kept reviews.

    Reviews of books without metadata are listed and left out.

    Raises:
        DataError: a file is missing.
    """
    path = reading.source.need(*REVIEWS)
    meta = reading.source.need(*META)
    ratings, rated_low = _reviews(path, reading.bad_rows, reading.min_rating)
    items = _books(meta, set(ratings[ITEM_ID].unique()), reading.bad_rows)
    ratings = with_known_ids(ratings, ITEM_ID, items, path, reading.bad_rows, expected=True)
    return Raw(ids_in(ratings, USER_ID), items, ratings.drop(LINE), rated_low)


def _reviews(path: Path, bad_rows: BadRows, min_rating: float) -> tuple[pl.DataFrame, int]:
    """The reviews rated well enough, and the number of the others."""
    parts: list[pl.DataFrame] = []
    rated_low = 0
    for first, lines in _chunks(path):
        rows = _review_rows(path, first, lines, bad_rows)
        parts.append(rows.filter(pl.col("overall") >= min_rating))
        rated_low += rows.height - parts[-1].height
    if not parts:
        raise DataError(f"{path} is empty. Fetch the file again, or name another one.")
    kept = pl.concat(parts).rename(NAMES)
    return kept.with_columns(pl.col(WEIGHT).cast(pl.Float32)), rated_low


def _review_rows(path: Path, first: int, lines: list[bytes], bad_rows: BadRows) -> pl.DataFrame:
    """LINE and the kept fields; the fast way if every line is sound, else line by line."""
    numbers = pl.Series(LINE, range(first, first + len(lines)), pl.Int64)
    try:
        rows = pl.read_ndjson(b"".join(lines), schema=FIELDS)
        if rows.height == len(lines) and not sum(rows.null_count().row(0)):
            return rows.select(numbers, *FIELDS)
    except pl.exceptions.PolarsError:
        pass
    read = [(n, _review(line)) for n, line in zip(numbers, lines, strict=True) if line.strip()]
    broken = [(n, r) for n, r in read if isinstance(r, str)]
    bad_rows.report(path, pl.DataFrame(broken, {LINE: pl.Int64, REASON: pl.String}, orient="row"))
    sound = [(n, *r) for n, r in read if not isinstance(r, str)]
    return pl.DataFrame(sound, {LINE: pl.Int64, **FIELDS}, orient="row")


def _review(line: bytes) -> tuple[Any, ...] | str:
    """The kept fields of a review, or the reason why there are none."""
    try:
        record = json.loads(line)
        fields = [record[name] for name in FIELDS]
    except (ValueError, TypeError) as error:
        return f"no JSON record ({error})"
    except KeyError as error:
        return f"no field {error} in the record"
    for name, value, kinds in zip(FIELDS, fields, KINDS, strict=True):
        if not isinstance(value, kinds) or value != value:  # NaN differs from itself
            return f"{name} is {value!r}, not what it should be"
    return tuple(fields)


def _books(path: Path, wanted: set[str], bad_rows: BadRows) -> pl.DataFrame:
    books: dict[str, tuple[Any, ...]] = {}
    broken: list[tuple[int, str]] = []
    for first, lines in _chunks(path):
        for number, line in enumerate(lines, first):
            found = _ASIN.search(line)
            asin = found.group(1).decode() if found else ""
            if asin not in wanted or asin in books:
                continue
            try:
                books[asin] = _book(asin, _record(line))
            except ValueError as error:
                broken.append((number, f"no readable record of {asin} ({error})"))
    bad_rows.report(path, pl.DataFrame(broken, {LINE: pl.Int64, REASON: pl.String}, orient="row"))
    return pl.DataFrame(list(books.values()), ITEM_SCHEMA, orient="row")


def _record(line: bytes) -> dict[str, Any]:
    """A product, written as JSON or, in the publication, as a Python dictionary.

    Raises:
        ValueError: it is neither.
    """
    if len(line) > LONGEST_RECORD:
        raise ValueError(f"{len(line)} bytes long")
    try:
        record = json.loads(line)
    except ValueError:
        try:
            record = ast.literal_eval(line.decode("utf-8").strip())
        except (SyntaxError, RecursionError, MemoryError, TypeError) as error:
            raise ValueError(str(error)) from error
    if not isinstance(record, dict):
        raise ValueError("not a dictionary")
    return record


def _book(asin: str, record: dict[str, Any]) -> tuple[Any, ...]:
    paths = record.get("categories") or record.get("category") or []
    paths = paths if isinstance(paths, list) else [paths]
    levels = [name for path in paths for name in (path if isinstance(path, list) else [path])]
    names = map(plain_text, levels)
    kept = list(dict.fromkeys(name for name in names if name and name != "Books"))
    texts = (plain_text(record.get(key)) for key in ("title", "description"))
    brand = _BRAND_PAGE.sub(r"\1", plain_text(record.get("brand")) or "") or None
    return (asin, *texts, kept, brand)


def plain_text(value: Any) -> str | None:
    """The words of a text or of a list of texts, without tags and entities."""
    joined = " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    for _ in range(2):  # tags may be written as entities
        joined = _TAG.sub(" ", _INLINE.sub("", _SCRIPT.sub(" ", html.unescape(joined))))
    return " ".join(joined.split()) or None


def _chunks(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Number of the first line and the lines, some at a time."""
    number = 1
    with open_bytes(path) as stream:
        while lines := _next_lines(stream, path):
            yield number, lines
            number += len(lines)


def _next_lines(stream: BinaryIO, path: Path) -> list[bytes]:
    try:
        return stream.readlines(CHUNK_BYTES)
    except Exception as error:
        raise unreadable(path, error) from error
