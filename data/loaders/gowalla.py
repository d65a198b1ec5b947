"""Gowalla: places where people checked in, in the split that LightGCN published.

The form is that of an artifact of ContextGNN: a Parquet table a part, with a row a user and a list
of numbers of items. There are no times in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from data.columns import ITEM, ITEM_ID, TIME, USER, USER_ID, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset
from data.errors import DataError
from data.held_out import HeldOut
from data.loaders.raw import Reading, ids_in
from data.loaders.source import Source, unreadable
from data.preprocess import Raw
from data.relation import Relation

NAME = "gowalla"
PARTS = {"train": "train_df.parquet", "valid": "val_df.parquet", "test": "test_df.parquet"}


def load(reading: Reading) -> Raw:
    """All parts, one after another: `time` is an item's place in its user's lists, from 1.

    Raises:
        DataError: a file or a column is missing.
    """
    pairs = pl.concat([_pairs(reading.source, part) for part in PARTS])
    ratings = pairs.select(
        pl.col(USER).cast(pl.String).alias(USER_ID),
        pl.col(ITEM).cast(pl.String).alias(ITEM_ID),
        pl.lit(1.0, pl.Float32).alias(WEIGHT),
        pl.int_range(1, pl.len() + 1).over(USER).cast(pl.Int64).alias(TIME),
    )
    return Raw(ids_in(ratings, USER_ID), ids_in(ratings, ITEM_ID), ratings)


def held_out(folder: Path) -> HeldOut:
    """The published split as it is; users and items in the order of their numbers.

    Raises:
        DataError: a file or a column is missing, ids are neither whole numbers nor texts, a part
            is empty, or an item stands in two parts of one user.
    """
    source = Source(folder)
    pairs = {part: _checked(_pairs(source, part), part, folder) for part in PARTS}
    _check_alike(pairs, folder)
    every = pl.concat(pairs.values())
    numbers = {name: every[name].unique().sort() for name in (USER, ITEM)}
    place = {
        name: pl.DataFrame({name: some, "place": range(len(some))})
        for name, some in numbers.items()
    }
    ends = {}
    for part, table in pairs.items():
        found = [
            table.select(name).join(place[name], on=name, how="left", maintain_order="left")[
                "place"
            ]
            for name in (USER, ITEM)
        ]
        ends[part] = [one.to_numpy() for one in found]
    sizes = len(numbers[USER]), len(numbers[ITEM])
    training = pl.DataFrame(
        {USER: ends["train"][0], ITEM: ends["train"][1], TIME: 0, WEIGHT: 1.0}
    ).sort(USER, maintain_order=True)
    dataset = Dataset(
        NAME,
        pl.DataFrame({USER_ID: numbers[USER].cast(pl.String)}),
        pl.DataFrame({ITEM_ID: numbers[ITEM].cast(pl.String)}),
        training.select(pl.col(name).cast(dtype) for name, dtype in INTERACTION_SCHEMA.items()),
    )
    valid, test = (
        Relation.between(ends[part][0], ends[part][1], sizes[0], sizes[1])
        for part in ("valid", "test")
    )
    return HeldOut(dataset, valid, test)


def _pairs(source: Source, part: str) -> pl.DataFrame:
    """Numbers of users and items of one part, in the order of its lists."""
    path = source.need(PARTS[part])
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from error
    lacking = [name for name in (USER_ID, ITEM_ID) if name not in table.columns]
    if lacking:
        raise DataError(
            f"{path} has no column {' nor '.join(lacking)}; there is {', '.join(table.columns)}."
        )
    lists = table.select(pl.col(USER_ID).alias(USER), pl.col(ITEM_ID).alias(ITEM))
    return lists.explode(ITEM).drop_nulls()


def _checked(pairs: pl.DataFrame, part: str, folder: Path) -> pl.DataFrame:
    """Pairs of a part, each once, of whole numbers or of texts.

    Raises:
        DataError: they are neither, or there is none.
    """
    path = folder / PARTS[part]
    if not pairs.height:
        raise DataError(f"{path} holds no item of anybody, and each part of a split has to.")
    for name, called, what in ((USER, USER_ID, "holds"), (ITEM, ITEM_ID, "is a list of")):
        if not (pairs[name].dtype.is_integer() or pairs[name].dtype == pl.String):
            raise DataError(
                f"{path}: the column {called} {what} {pairs[name].dtype}, and has to "
                f"{'hold' if name == USER else 'be a list of'} whole numbers or texts."
            )
    whole = [
        pl.col(name).cast(pl.Int64) for name in pairs.columns if pairs[name].dtype.is_integer()
    ]
    return pairs.with_columns(whole).unique(maintain_order=True)


def _check_alike(pairs: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Nothing, where ids are of one type in all parts.

    Raises:
        DataError: they are not.
    """
    for name, called in ((USER, USER_ID), (ITEM, ITEM_ID)):
        if len({table[name].dtype for table in pairs.values()}) > 1:
            types = ", ".join(f"{table[name].dtype} in {PARTS[p]}" for p, table in pairs.items())
            raise DataError(f"{folder}: {called} is not of one type: {types}. Make them alike.")
