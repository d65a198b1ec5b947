"""From a publication to a data set: who and what stays, in which order."""

from __future__ import annotations

import polars as pl

from data.columns import ITEM, ITEM_ID, TIME, USER, USER_ID, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset
from data.errors import DataError
from data.loaders.raw import Raw


def preprocess(raw: Raw, name: str, min_rating: float, min_history: int) -> Dataset:
    """The data set of positive interactions, users and items in the order of the source.

    Ratings below `min_rating` go; of repeated (user, item) pairs the earliest stays; interactions
    are ordered by time, the source's order breaking ties; users with fewer than `min_history`
    interactions go; items that nobody interacts with go. Histories are not cut to a length.

    Raises:
        DataError: nothing is left.

    Source: AutoGraph, appendix B.
    """
    positive = raw.ratings.filter(pl.col(WEIGHT) >= min_rating)
    ordered = positive.sort(TIME, maintain_order=True)
    once = ordered.unique([USER_ID, ITEM_ID], keep="first", maintain_order=True)
    kept = once.filter(pl.len().over(USER_ID) >= min_history)
    if kept.is_empty():
        raise DataError(_nothing_left(name, raw, positive, once, min_rating, min_history))
    users = raw.users.filter(pl.col(USER_ID).is_in(kept[USER_ID].unique().implode()))
    items = raw.items.filter(pl.col(ITEM_ID).is_in(kept[ITEM_ID].unique().implode()))
    return Dataset(name, users, items, _numbered(kept, users, items))


def _numbered(kept: pl.DataFrame, users: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    for table, external, dense in ((users, USER_ID, USER), (items, ITEM_ID, ITEM)):
        numbers = table.select(external).with_row_index(dense)
        kept = kept.join(numbers, on=external, how="left", maintain_order="left")
    numbered = kept.sort(USER, TIME, maintain_order=True)
    return numbered.select(pl.col(name).cast(dtype) for name, dtype in INTERACTION_SCHEMA.items())


def _nothing_left(
    name: str,
    raw: Raw,
    positive: pl.DataFrame,
    once: pl.DataFrame,
    min_rating: float,
    min_history: int,
) -> str:
    longest = 0 if once.is_empty() else int(once.group_by(USER_ID).len()["len"].max())  # type: ignore[arg-type]
    return (
        f"Nothing is left of {name!r}: of {raw.ratings.height:,} interactions {positive.height:,} "
        f"have a rating of at least {min_rating:g}, and the longest history is {longest}, where "
        f"data.min_history asks for {min_history}. Lower data.min_rating or data.min_history, or "
        "check that the right columns were named."
    )
