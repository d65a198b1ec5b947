"""From a publication to a data set: who and what stays, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf

import polars as pl

from data.behaviours import events_of
from data.columns import ITEM, ITEM_ID, TIME, USER, USER_ID, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset
from data.errors import DataError
from data.log import Log, log_of

REPEATED = "repeated interactions"
OF_SHORT_HISTORIES = "interactions of these users"
OF_OTHERS = "rows of the log of users or items that are left out"
TAKEN_AGAIN = "rows of the log of an item that was taken before in that ask"
"""What is left out, as it is told."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A publication as it is, before preprocessing.

    Attributes:
        users: `user_id` (String, unique) and attributes, in the order of the source.
        items: `item_id` (String, unique) and attributes, in the order of the source.
        ratings: `user_id`, `item_id`, `weight` Float32, `time` Int64; every id stands in its table.
            Among equal times their order counts: that of the source, or of a finer clock.
        rated_low: Number of ratings that the loader has dropped for being below the threshold.
        understood: How columns were read whose meaning was told from their values, in sentences.
        counted: Whether repeats say something: rows are what was done, and weigh as much.
        asked: `user_id`, `item_id`, `query`, `time` Int64 and maybe `ask` of what users asked for
            when they took an item, where that is known.
    """

    users: pl.DataFrame
    items: pl.DataFrame
    ratings: pl.DataFrame
    rated_low: int = 0
    understood: tuple[str, ...] = ()
    counted: bool = False
    asked: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set and how much of its source was left out.

    Attributes:
        dataset: Ready to be split.
        left_out: Counts by what was left out and why, in words.
        understood: How columns were read whose meaning was told from their values, in sentences.
    """

    dataset: Dataset
    left_out: Mapping[str, int]
    understood: tuple[str, ...] = ()


def preprocess(raw: Raw, name: str, min_rating: float, min_history: int) -> Prepared:
    """The data set of positive interactions, users and items in the order of the source.

    Ratings below `min_rating` go; of repeated (user, item) pairs the earliest stays; interactions
    are ordered by time, the order of `raw.ratings` breaking ties; users with fewer than
    `min_history` interactions go; items that nobody interacts with go. Histories are not cut to a
    length. Where repeats are counted, all rows of the pairs that stay are kept as `Dataset.events`;
    what was asked for, of users and items that stay, as `Dataset.log`.

    Raises:
        DataError: nothing is left, or nothing of the log.

    Source: AutoGraph, appendix B.
    """
    positive = raw.ratings.filter(pl.col(WEIGHT) >= min_rating)
    by_user = _with_numbers(positive, raw.users, USER_ID, USER)
    numbered = _with_numbers(by_user, raw.items, ITEM_ID, ITEM)
    ordered = numbered.sort(USER, TIME, maintain_order=True)
    once = ordered.unique([USER, ITEM], keep="first", maintain_order=True)
    kept = once.filter(pl.len().over(USER) >= min_history)
    if kept.is_empty():
        raise DataError(_why_empty(name, raw, once, min_rating, min_history))
    users = raw.users[kept[USER].unique().sort()]
    items = raw.items[kept[ITEM].unique().sort()]
    dense = kept.with_columns(pl.col(USER, ITEM).rank("dense") - 1)
    columns = (pl.col(column).cast(dtype) for column, dtype in INTERACTION_SCHEMA.items())
    active = once[USER].n_unique()
    left_out = {
        "interactions rated too low": raw.rated_low + raw.ratings.height - positive.height,
        REPEATED: positive.height - once.height,
        f"users with fewer than {min_history} interactions": active - users.height,
        OF_SHORT_HISTORIES: once.height - kept.height,
        "users without an interaction": raw.users.height - active,
        "items without an interaction": raw.items.height - items.height,
    }
    events = events_of(ordered, kept) if raw.counted else None
    log = None if raw.asked is None else log_of(raw.asked, users, items)
    if raw.asked is not None and log is not None:
        left_out |= _left_of_log(raw.asked, log, users, items)
    made = Dataset(name, users, items, dense.select(columns), events, log)
    return Prepared(made, left_out, raw.understood)


def _left_of_log(
    asked: pl.DataFrame, log: Log, users: pl.DataFrame, items: pl.DataFrame
) -> dict[str, int]:
    """Counts of rows of a log that were read and are not in it, by why.

    Raises:
        DataError: none is in it.
    """
    stay = asked.join(users, on=USER_ID, how="semi").join(items, on=ITEM_ID, how="semi").height
    if asked.height and not stay:
        raise DataError(
            f"Nothing is left of the log: none of its {asked.height:,} rows is of a user and an "
            "item that stay. Lower data.min_rating or data.min_history, or leave the log out."
        )
    return {OF_OTHERS: asked.height - stay, TAKEN_AGAIN: stay - log.rows.height}


def _with_numbers(
    ratings: pl.DataFrame, table: pl.DataFrame, external: str, number: str
) -> pl.DataFrame:
    rows = table.select(external).with_row_index(number)
    return ratings.join(rows, on=external, how="left", maintain_order="left").drop(external)


def _why_empty(name: str, raw: Raw, once: pl.DataFrame, min_rating: float, min_history: int) -> str:
    longest = once.group_by(USER).len()["len"].to_list()
    rated = "" if isinf(min_rating) else f"have a rating of at least {min_rating:g} and "
    read = raw.rated_low + raw.ratings.height
    return (
        f"Nothing is left of {name!r}: of {read:,} interactions {once.height:,} "
        f"{rated}are no repeats, and the longest history is {max(longest, default=0)}, where "
        f"data.min_history asks for {min_history}. Lower data.min_rating or data.min_history, or "
        "check that the right columns were named."
    )
