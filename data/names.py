"""What users and items are called: once, for everything that shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from data.columns import ITEM_ID, TITLE, USER_ID

if TYPE_CHECKING:
    from data.dataset import Dataset

NAMES = ("name", "full_name", "nickname")
"""Columns of the user table that say how somebody is called."""


@dataclass(frozen=True, slots=True)
class Nouns:
    """How items are called, and what people do with them."""

    one: str
    many: str
    did: str


NOUNS = {
    "movies": Nouns("film", "films", "watched"),
    "books": Nouns("book", "books", "read"),
    "any": Nouns("item", "items", "chose"),
}
"""By the domain of the data set."""


def user_names(users: pl.DataFrame) -> pl.Series:
    """(n,) what each user is called: by name, else by id, with the word where the id lacks it.

    >>> users = pl.DataFrame({"user_id": ["7", "user-8", "9"], "name": ["Ada", None, " "]})
    >>> user_names(users).to_list()
    ['Ada', 'user-8', 'User 9']
    """
    says = pl.col(USER_ID).str.to_lowercase().str.starts_with("user")
    by_id = pl.when(says).then(pl.col(USER_ID)).otherwise(pl.lit("User ") + pl.col(USER_ID))
    there = (one for one in NAMES if one in users.columns and not users[one].dtype.is_nested())
    named = [_as_text(one) for one in there][:1]
    return users.select(pl.coalesce(*named, by_id).alias("name")).to_series()


def item_names(items: pl.DataFrame) -> pl.Series:
    """(n,) what each item is called: by title, else by id."""
    titled = [_as_text(TITLE)] if TITLE in items.columns else []
    return items.select(pl.coalesce(*titled, ITEM_ID).alias("name")).to_series()


def names_of(dataset: Dataset, side: str) -> pl.Series:
    """(n,) what each user or each item of a data set is called."""
    return user_names(dataset.users) if side == "user" else item_names(dataset.items)


def _as_text(column: str) -> pl.Expr:
    """A column as text; what is blank says nothing."""
    text = pl.col(column).cast(pl.String)
    return pl.when(text.str.strip_chars() != "").then(text)


def with_a(noun: str) -> str:
    """A noun after its article.

    >>> with_a("film"), with_a("item"), with_a("user"), with_a("hour")
    ('a film', 'an item', 'a user', 'an hour')
    """
    first = noun.lower()
    spoken = first.startswith(("a", "e", "i", "o", "u", "hour"))
    return f"{'an' if spoken and not first.startswith('user') else 'a'} {noun}"
