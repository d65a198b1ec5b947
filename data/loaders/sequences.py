"""Amazon 5-core in the form of S3-Rec: a line a user, the items in order; attributes beside it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from data.columns import ITEM_ID, TIME, USER_ID, WEIGHT
from data.errors import DataError
from data.loaders.raw import LINE, BadRows, Reading, ids_in, with_ids, without_repeats
from data.loaders.source import read_text
from data.preprocess import Raw


def load(reading: Reading, category: str) -> Raw:
    """`<category>.txt` and `<category>_item2attributes.json`.

    There is no clock in them: `time` is an item's place in its user's line, from 1. Users and items
    have numbers in place of names, and so have the items' attributes.

    Raises:
        DataError: a file is missing, or no such file.
    """
    source, bad_rows = reading.source, reading.bad_rows
    lines = _lines(source.need(f"{category}.txt"), bad_rows)
    ratings = lines.explode(ITEM_ID).select(
        USER_ID,
        ITEM_ID,
        pl.lit(1.0, pl.Float32).alias(WEIGHT),
        pl.int_range(1, pl.len() + 1).over(USER_ID).cast(pl.Int64).alias(TIME),
    )
    attributes = _attributes(source.need(f"{category}_item2attributes.json"))
    items = ids_in(ratings, ITEM_ID).join(attributes, on=ITEM_ID, how="left", maintain_order="left")
    none = pl.lit([], pl.List(pl.String))
    return Raw(
        ids_in(ratings, USER_ID), items.with_columns(pl.col("attributes").fill_null(none)), ratings
    )


def _lines(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    """LINE, `user_id` and the list `item_id` of every user."""
    lines = pl.DataFrame({"whole": read_text(path, "utf-8").split("\n")})
    lines = lines.with_row_index(LINE, offset=1).filter(pl.col("whole").str.strip_chars() != "")
    words = pl.col("whole").str.extract_all(r"\S+")
    lines = lines.select(
        pl.col(LINE).cast(pl.Int64),
        words.list.first().alias(USER_ID),
        words.list.slice(1).alias(ITEM_ID),
    )
    alone = pl.col(ITEM_ID).list.len() == 0
    reason = pl.format("user {} stands there without an item", USER_ID)
    lines = bad_rows.drop(path, lines, alone, reason)
    return without_repeats(with_ids(lines, USER_ID, path, bad_rows), USER_ID, path, bad_rows)


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
            "attributes": pl.Series(attributes, dtype=pl.List(pl.String)),
        }
    )
