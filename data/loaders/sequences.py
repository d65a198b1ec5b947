"""Sequences: the items of each user in order, and beside them what the items are.

The form in which LETTER, APAO and others publish shops: one JSON object user → items, another one
item → title, description, brand, categories. S3-Rec writes a line a user, and the items' attributes
by number. There is no clock in either: `time` is an item's place in its user's sequence, from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from data.columns import ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError
from data.ids import canonical_id
from data.loaders.amazon import plain_text
from data.loaders.delimited import SEPARATORS, read_csv
from data.loaders.raw import (
    LINE,
    REASON,
    BadRows,
    Reading,
    ids_in,
    with_ids,
    with_known_ids,
    without_repeats,
)
from data.loaders.source import ENDINGS, open_bytes, read_text
from data.preprocess import Raw

ATTRIBUTES = "attributes"
"""Column of attributes that have no names, as S3-Rec publishes them."""
NAMED_IN_A_ROW = ("category", "categories")
"""Attributes that stand as a text "Office, Telephones, Corded" in place of a list."""
_FIRST_BYTES = 1 << 16
Pairs = tuple[tuple[str, Any], ...]


def load_numbers(reading: Reading, category: str) -> Raw:
    """`<category>.txt` and `<category>_item2attributes.json`, as S3-Rec publishes them.

    Users, items and attributes have numbers in place of names. Where `<category>_titles.csv`
    (item, title) is beside them, items have a title.

    Raises:
        DataError: a file is missing, or no such file.
    """
    source, bad_rows = reading.source, reading.bad_rows
    ratings = read_sequences(source.need(f"{category}.txt"), bad_rows)
    attributes = _attributes(source.need(f"{category}_item2attributes.json"))
    items = ids_in(ratings, ITEM_ID).join(attributes, on=ITEM_ID, how="left", maintain_order="left")
    none = pl.lit([], pl.List(pl.String))
    items = items.with_columns(pl.col(ATTRIBUTES).fill_null(none))
    if titles := source.find(f"{category}_titles.csv"):
        table = read_csv(titles, bad_rows, ("item", "title")).rename({"item": ITEM_ID})
        table = without_repeats(table, ITEM_ID, titles, bad_rows).select(
            ITEM_ID, pl.Series(TITLE, map(plain_text, table["title"]), pl.String)
        )
        items = items.join(table, on=ITEM_ID, how="left", maintain_order="left")
    return Raw(ids_in(ratings, USER_ID), items, ratings.drop(LINE))


def load_words(reading: Reading, name: str) -> Raw:
    """`<name>.inter.json` and `<name>.item.json`, as LETTER and APAO publish them.

    Raises:
        DataError: a file is missing, or no such file, or names an item that is not there.
    """
    source, bad_rows = reading.source, reading.bad_rows
    path = source.need(f"{name}.inter.json")
    ratings = read_sequences(path, bad_rows)
    items = read_entities(source.need(f"{name}.item.json"), ITEM_ID, bad_rows).drop(LINE)
    ratings = with_known_ids(ratings, ITEM_ID, items, path, bad_rows)
    return Raw(ids_in(ratings, USER_ID), items, ratings.drop(LINE))


def holds_sequences(path: Path) -> bool:
    """Whether a file is of this form: JSON, or a text of ids with blanks between them alone."""
    ending = _ending(path)
    if ending != ".txt":
        return ending == ".json"
    with open_bytes(path) as stream:
        first = stream.read(_FIRST_BYTES).lstrip().partition(b"\n")[0].decode("utf-8", "replace")
    return len(first.split()) > 1 and not any(mark in first for mark in SEPARATORS)


def read_sequences(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    """LINE (a user's number in the file), `user_id`, `item_id`, `weight` 1 and `time`, a place.

    Raises:
        DataError: the file is empty or of another form.
    """
    lines = _of_objects(path, bad_rows) if _ending(path) == ".json" else _of_lines(path)
    lines = lines.with_columns(pl.col(ITEM_ID).list.drop_nulls())
    alone = pl.col(ITEM_ID).list.len() == 0
    reason = pl.format("user {} stands there without an item", USER_ID)
    lines = bad_rows.drop(path, lines, alone, reason)
    lines = without_repeats(with_ids(lines, USER_ID, path, bad_rows), USER_ID, path, bad_rows)
    return lines.explode(ITEM_ID).select(
        LINE,
        USER_ID,
        ITEM_ID,
        pl.lit(1.0, pl.Float32).alias(WEIGHT),
        pl.int_range(1, pl.len() + 1).over(USER_ID).cast(pl.Int64).alias(TIME),
    )


def read_entities(path: Path, external: str, bad_rows: BadRows) -> pl.DataFrame:
    """LINE (an entity's number in the file), its id in the column `external`, and its attributes.

    Texts lose tags and entities of HTML. An attribute is a list where it is one of any entity, and
    categories in a row are; what lies deeper than a list is left out. A list in place of attributes
    is `attributes`, and a text is the `title`.

    Raises:
        DataError: the file is empty or of another form.
    """
    rows, broken = list[dict[str, Any]](), list[tuple[int, str]]()
    for number, (name, value) in enumerate(_pairs(path, "its attributes, for every item"), 1):
        about = _about(value)
        if about is None:
            broken.append((number, f"{external} {name} has no attributes, but {value!r:.60}"))
            continue
        rows.append({LINE: number, external: canonical_id(name), **about})
    bad_rows.report(
        path,
        pl.DataFrame(broken, {LINE: pl.Int64, REASON: pl.String}, orient="row"),
        of=len(rows) + len(broken),
    )
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])
    return without_repeats(table, external, path, bad_rows)


def first_rows(path: Path, rows: int) -> pl.DataFrame:
    """The first rows of a file of this form: users and items, or what the items are.

    Raises:
        DataError: it is of another form.
    """
    bad_rows = BadRows("skip")
    if _ending(path) == ".txt" or isinstance(next(_pairs(path, "sequences"), ("", ()))[1], list):
        return read_sequences(path, bad_rows).select(USER_ID, ITEM_ID).head(rows)
    return read_entities(path, ITEM_ID, bad_rows).drop(LINE).head(rows)


def _ending(path: Path) -> str:
    plain = path.with_suffix("") if path.suffix.lower() in ENDINGS else path
    return plain.suffix.lower()


def _of_lines(path: Path) -> pl.DataFrame:
    """LINE, `user_id` and the list `item_id` of every line."""
    lines = pl.DataFrame({"whole": read_text(path, "utf-8").split("\n")})
    lines = lines.with_row_index(LINE, offset=1).filter(pl.col("whole").str.strip_chars() != "")
    words = pl.col("whole").str.extract_all(r"\S+")
    return lines.select(
        pl.col(LINE).cast(pl.Int64),
        words.list.first().alias(USER_ID),
        words.list.slice(1).alias(ITEM_ID),
    )


def _of_objects(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    """LINE, `user_id` and the list `item_id` of every user of a JSON object."""
    rows, broken = list[tuple[int, str | None, list[str]]](), list[tuple[int, str]]()
    for number, (user, items) in enumerate(_pairs(path, "a list of items, for every user"), 1):
        if not isinstance(items, list):
            broken.append((number, f"user {user} has no list of items, but {items!r:.60}"))
            continue
        ids = [None if isinstance(item, list | tuple) else canonical_id(item) for item in items]
        if None in ids:
            place = ids.index(None)
            broken.append((number, f"item {place + 1} of user {user} is {items[place]!r:.60}"))
            continue
        rows.append((number, canonical_id(user), [one for one in ids if one is not None]))
    schema = pl.Schema({LINE: pl.Int64(), USER_ID: pl.String(), ITEM_ID: pl.List(pl.String())})
    bad_rows.report(
        path,
        pl.DataFrame(broken, {LINE: pl.Int64, REASON: pl.String}, orient="row"),
        of=len(rows) + len(broken),
    )
    return pl.DataFrame(rows, schema, orient="row")


def _pairs(path: Path, what: str) -> Iterator[tuple[str, Any]]:
    """Key and value of everything in a JSON object, a key that stands twice too.

    Raises:
        DataError: it is no JSON, or no object.
    """
    try:
        found = json.loads(read_text(path, "utf-8"), object_pairs_hook=tuple)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno} is no JSON ({error.msg}, column {error.colno}). Write one "
            f"object, with {what}."
        ) from error
    except RecursionError as error:
        raise DataError(f"{path} has too many parts inside each other. Write {what}.") from error
    if not isinstance(found, tuple):
        raise DataError(f"{path} does not hold one JSON object with {what}. Write it so.")
    yield from found


def _about(value: Any) -> dict[str, Any] | None:
    """The attributes of an entity; None where there is nothing of that kind."""
    if isinstance(value, tuple):
        return {name: one for name, one in value if not isinstance(one, tuple)}
    if isinstance(value, list):
        return {ATTRIBUTES: value}
    return {TITLE: value} if isinstance(value, str) else None


def _column(name: str, values: list[Any]) -> pl.Series:
    """An attribute of all entities, as texts or as lists of texts."""
    if name == LINE:
        return pl.Series(name, values, pl.Int64)
    if name in NAMED_IN_A_ROW:
        values = [v.split(",") if isinstance(v, str) else v for v in values]
    if not any(isinstance(value, list) for value in values):
        return pl.Series(name, [_text(value) for value in values], pl.String)
    lists = [value if isinstance(value, list) else [value] for value in values]
    words = [[text for one in parts if (text := _text(one)) is not None] for parts in lists]
    return pl.Series(name, words, pl.List(pl.String))


def _text(value: Any) -> str | None:
    """A value in words; what lies deeper says nothing."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    return None if isinstance(value, list | tuple) else canonical_id(value)


def _attributes(path: Path) -> pl.DataFrame:
    """`item_id` and the list `attributes` of every item in the object."""
    try:
        table = json.loads(read_text(path, "utf-8"))
        rows = [(str(item), [str(attribute) for attribute in of]) for item, of in table.items()]
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{path} does not hold one JSON object with a list of attributes for every item "
            f"({type(error).__name__}: {error}). Fetch the file again."
        ) from error
    items, attributes = zip(*rows, strict=True) if rows else ((), ())
    return pl.DataFrame(
        {
            ITEM_ID: pl.Series(items, dtype=pl.String),
            ATTRIBUTES: pl.Series(attributes, dtype=pl.List(pl.String)),
        }
    )
