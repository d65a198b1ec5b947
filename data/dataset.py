"""Users, items and what happened between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from data import atomic
from data.columns import ITEM, ITEM_ID, TIME, USER, USER_ID, WEIGHT
from data.ids import IdMap
from data.log import Log
from data.relation import offsets_of


@dataclass(frozen=True)
class Dataset:
    """Typed tables; row k of `users` and `items` is the user or item with dense number k.

    Attributes:
        name: Of the catalogue entry it came from.
        users: `user_id` (String) and attributes: String, numbers or List(String).
        items: `item_id` (String), usually `title` and `description`, and attributes.
        interactions: `user` Int32, `item` Int32 (dense numbers), `time` Int64 (seconds),
            `weight` Float32; sorted by user, then time, then the order of the source.
        events: Where behaviours are counted, all that users did, repeats too, in the same order:
            the columns of interactions, `weight` being that of the behaviour, and `after`, the item
            of the interaction that each is or follows. `data.behaviours` reads them.
        log: What users asked for and took then, where that is known; of users and items that are
            here.
    """

    name: str
    users: pl.DataFrame
    items: pl.DataFrame
    interactions: pl.DataFrame
    events: pl.DataFrame | None = None
    log: Log | None = None

    @cached_property
    def user_ids(self) -> IdMap:
        """External user ids, in order of their dense numbers."""
        return IdMap(tuple(self.users[USER_ID]), kind="user")

    @cached_property
    def item_ids(self) -> IdMap:
        """External item ids, in order of their dense numbers."""
        return IdMap(tuple(self.items[ITEM_ID]), kind="item")

    @property
    def n_users(self) -> int:
        """Number of users."""
        return self.users.height

    @property
    def n_items(self) -> int:
        """Number of items, the size of the catalogue that is ranked."""
        return self.items.height

    def save(self, directory: Path) -> None:
        """Its Parquet tables and a name in `directory`."""
        atomic.write_parquet(directory / "users.parquet", self.users)
        atomic.write_parquet(directory / "items.parquet", self.items)
        atomic.write_parquet(directory / "interactions.parquet", self.interactions)
        if self.events is not None:
            atomic.write_parquet(directory / _EVENTS, self.events)
        if self.log is not None:
            self.log.save(directory)
        atomic.write_json(directory / "dataset.json", {"name": self.name})

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Dataset:
        """The data set stored by `save`."""
        events = directory / _EVENTS
        return cls(
            name=atomic.read_json(directory / "dataset.json")["name"],
            users=atomic.read_parquet(directory / "users.parquet"),
            items=atomic.read_parquet(directory / "items.parquet"),
            interactions=atomic.read_parquet(directory / "interactions.parquet"),
            events=atomic.read_parquet(events) if events.is_file() else None,
            log=Log.load(directory),
        )


_EVENTS = "events.parquet"


@dataclass(frozen=True, slots=True)
class Histories:
    """Items of each user in order of time, as one CSR array.

    Attributes:
        offsets: (n_users + 1,) int64; user u owns `items[offsets[u]:offsets[u + 1]]`.
        items: (n,) int32 dense item numbers.
        times: (n,) int64 seconds.
    """

    offsets: np.ndarray
    items: np.ndarray
    times: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, user: int) -> np.ndarray:
        """(length,) int32 items of one user, oldest first."""
        return self.items[self.offsets[user] : self.offsets[user + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """(n_users,) int64 interactions a user."""
        return np.diff(self.offsets)

    def only(self, kept: np.ndarray) -> Histories:
        """The same without other items; some users may have none left.

        Args:
            kept: (n_items,) bool.
        """
        stay = kept[self.items]
        before = np.concatenate([[0], np.cumsum(stay)])
        return Histories(before[self.offsets], self.items[stay], self.times[stay])


def histories(interactions: pl.DataFrame, n_users: int) -> Histories:
    """Per-user sequences of a table that is sorted by user and time."""
    users = interactions[USER].to_numpy()
    return Histories(
        offsets_of(users, n_users),
        interactions[ITEM].to_numpy().astype(np.int32),
        interactions[TIME].to_numpy().astype(np.int64),
    )


INTERACTION_SCHEMA = {USER: pl.Int32, ITEM: pl.Int32, TIME: pl.Int64, WEIGHT: pl.Float32}
"""Column types of `Dataset.interactions`."""
