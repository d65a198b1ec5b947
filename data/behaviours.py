"""What users did, repeats too, how much each weighs, and what they asked for when they did it."""

from __future__ import annotations

import numpy as np
import polars as pl

from data.columns import AFTER, ITEM, TIME, USER, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset, Histories, histories
from data.errors import ConfigError
from data.log import Log

EVENT_SCHEMA = {**INTERACTION_SCHEMA, AFTER: pl.Int32}
"""Column types of `Dataset.events`."""


def events_of(ordered: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """`Dataset.events`: the rows of all pairs that stay, in dense numbers.

    Args:
        ordered: `user`, `item`, `time`, `weight` of every row, by user, time and the source.
        kept: The first rows of the pairs that stay; all of a user's stay, or none.
    """
    first = pl.struct(USER, ITEM).is_first_distinct()
    after = pl.when(first).then(pl.col(ITEM)).forward_fill().over(USER).alias(AFTER)
    rows = ordered.filter(pl.col(USER).is_in(kept[USER].implode())).with_columns(after)
    users, items = (kept[column].unique().sort() for column in (USER, ITEM))
    dense = {USER: users, ITEM: items, AFTER: items}
    return rows.select(
        (dense[name].search_sorted(rows[name]) if name in dense else rows[name])
        .cast(dtype)
        .alias(name)
        for name, dtype in EVENT_SCHEMA.items()
    )


def counted(dataset: Dataset, past: Histories) -> tuple[Histories, np.ndarray]:
    """All that users did within histories, and (n,) float64 what each weighs.

    Without behaviours that are the histories, and each weighs 1: a rating is no count. With them,
    repeats stand after what they repeat. Which are seen is decided by place, not by clock: an event
    is seen if the interaction that it is, or the last one before it, stands in the histories, and
    so does the first of its own item. None that follows a held-out interaction is.

    Args:
        dataset: Where they come from.
        past: Such as those of training.
    """
    if dataset.events is None:
        return past, np.ones(len(past.items))
    users = np.repeat(np.arange(len(past), dtype=np.int64), past.lengths)
    known = users * dataset.n_items + past.items
    events = dataset.events
    owner = events[USER].to_numpy().astype(np.int64) * dataset.n_items
    seen = np.isin(owner + events[ITEM].to_numpy(), known)
    seen &= np.isin(owner + events[AFTER].to_numpy(), known)
    shown = events.filter(seen)
    return histories(shown, len(past)), shown[WEIGHT].to_numpy().astype(np.float64)


def asked(dataset: Dataset, past: Histories) -> Log:
    """What users asked for within histories: of the items in them, until the last of them was had.

    So nothing that is held out says what it was asked for, nor anything that came after it.

    Args:
        dataset: With a log.
        past: Such as those of training.

    Raises:
        ConfigError: the data set has no log.
    """
    if dataset.log is None:
        raise ConfigError(
            f"The data set {dataset.name!r} says nothing of what users asked for. Take one that "
            "does, such as ml-10m-tags, or let item factors stand for queries."
        )
    users = np.repeat(np.arange(len(past), dtype=np.int64), past.lengths)
    last = np.full(len(past), np.iinfo(np.int64).min)
    np.maximum.at(last, users, past.times)
    rows = dataset.log.rows
    owner = rows[USER].to_numpy()
    seen = np.isin(
        owner.astype(np.int64) * dataset.n_items + rows[ITEM].to_numpy(),
        users * dataset.n_items + past.items,
    )
    return dataset.log.only(pl.Series(seen & (rows[TIME].to_numpy() <= last[owner])))
