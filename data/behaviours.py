"""What users did, repeats too: a click, then a like of the same item, and how much each weighs."""

from __future__ import annotations

import numpy as np
import polars as pl

from data.columns import AFTER, ITEM, USER, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset, Histories, histories

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
