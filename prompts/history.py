"""What may be seen of each user: the profile and the training history, and what it sums up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TITLE, WEIGHT
from data.dataset import Dataset
from data.split import Split
from prompts.traits import Traits, traits_of, without_parts, words_of
from prompts.views import UNTITLED, ItemViews, UserViews, View, one_line

CHUNK = 1024
"""Users whose traits are worked out at a time: bounds memory, keeps the iterator lazy."""
TRAITS = 6
"""Values of an attribute that are named for a user."""
THEMES = 12
"""Distinguishing words that are named for a user."""
MOSTLY_DISTINCT = 0.8
"""Distinct values a value carried, above which an attribute tells items apart (an address)."""
NAMED = 5
"""Recent, and favourite, items that are named for a user."""


class HistoryViews:
    """Iterates over one mapping a user, in order of the dense numbers, from training rows only.

    Items of a history are copied before they are counted: sparse matrices sort in place.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        shown: int,
        item_texts: Sequence[str | None] | None = None,
    ) -> None:
        self._users = UserViews(dataset.users)
        self._items = ItemViews(dataset.items, item_texts)
        self._item_view = lru_cache(maxsize=65_536)(self._items.__getitem__)
        self._histories = split.histories(dataset)
        self._weights = split.training(dataset)[WEIGHT].to_numpy()
        self._at_most = shown
        popularity = np.bincount(self._histories.items, minlength=dataset.n_items)
        self._traits = item_traits(dataset.items, self._items, popularity)
        texts = item_texts if item_texts is not None else _descriptions(dataset.items)
        self._words = words_of(texts, popularity)

    def __iter__(self) -> Iterator[View]:
        offsets, items = self._histories.offsets, self._histories.items
        for first in range(0, len(self._users), CHUNK):
            users = range(first, min(first + CHUNK, len(self._users)))
            start, stop = offsets[first], offsets[users.stop]
            bounds = offsets[first : users.stop + 1]
            sums = self._sums(bounds - start, items[start:stop])
            for user, summed in zip(users, sums, strict=True):
                own = slice(offsets[user], offsets[user + 1])
                shown = self._latest(items[own], self._weights[own])
                yield _with_history(self._users[user], shown, summed)

    def __len__(self) -> int:
        return len(self._users)

    def __getitem__(self, user: int) -> View:
        own = slice(*self._histories.offsets[user : user + 2])
        return self.of(self._users[user], self._histories.items[own], self._weights[own])

    def of(self, user: View, items: np.ndarray, weights: np.ndarray) -> View:
        """The mapping of somebody whose history is given: (n,) items, oldest first, and weights."""
        (summed,) = self._sums(np.array([0, len(items)]), items)
        return _with_history(user, self._latest(items, weights), summed)

    def _latest(self, items: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
        shown = range(max(len(items) - self._at_most, 0), len(items))
        view = self._item_view
        return {
            "history": [{**view(int(items[k])), "weight": float(weights[k])} for k in shown],
            "shown": len(shown),
            "total": len(items),
            "recent": self._titles(items[::-1][:NAMED]),
            "favourites": self._titles(items[k] for k in _favourites(weights)),
        }

    def _titles(self, items: Iterable[int]) -> list[str]:
        """Of those that have one."""
        titles = (str(self._item_view(int(item))["title"]) for item in items)
        return [title for title in titles if title != UNTITLED]

    def _sums(self, offsets: np.ndarray, items: np.ndarray) -> list[dict[str, Any]]:
        """Traits and themes of each history, from all of it."""
        from scipy.sparse import csr_matrix

        n = len(offsets) - 1
        parts = (np.ones(len(items)), items, offsets)
        interacted = csr_matrix(parts, shape=(n, len(self._items)), copy=True)
        interacted.sum_duplicates()
        by_name = {name: t.common(interacted, TRAITS) for name, t in self._traits.items()}
        words: list[list[dict[str, Any]]] = [[] for _ in range(n)]
        if self._words is not None:
            words = self._words.common(interacted, 2 * THEMES)
        return [
            {
                "traits": {name: found[k] for name, found in by_name.items() if found[k]},
                "themes": without_parts((word["value"] for word in words[k]), THEMES),
            }
            for k in range(n)
        ]


def _with_history(user: View, shown: dict[str, Any], summed: dict[str, Any]) -> View:
    return View({**user, **shown, **summed}, user.entity)


def item_traits(items: pl.DataFrame, views: ItemViews, popularity: np.ndarray) -> dict[str, Traits]:
    """Traits by attribute, and by era, of the attributes whose values items share.

    Args:
        items: The item table.
        views: Of the same items.
        popularity: (n_items,) training interactions of each item.
    """
    values: dict[str, list[list[str]]] = {}
    table = one_line(items)
    for name in table.columns:
        if name in {ITEM_ID, TITLE, DESCRIPTION}:
            continue
        if isinstance(table[name].dtype, pl.List):
            values[name] = [cell or [] for cell in table[name].to_list()]
        elif table[name].dtype == pl.String:
            values[name] = [[cell] if cell else [] for cell in table[name].to_list()]
    values["era"] = [[view["era"]] if view["era"] else [] for view in views]
    shared = {name: lists for name, lists in values.items() if _are_shared(lists)}
    return {name: traits_of(lists, popularity) for name, lists in shared.items()}


def _are_shared(values: list[list[str]]) -> bool:
    """Whether items have values in common: not one value for all, nor (nearly) one an item."""
    carried = [value for carried in values for value in carried]
    return 1 < len(set(carried)) <= MOSTLY_DISTINCT * len(carried)


def _descriptions(items: pl.DataFrame) -> list[str | None]:
    return items[DESCRIPTION].to_list() if DESCRIPTION in items.columns else [None] * items.height


def _favourites(weights: np.ndarray) -> list[int]:
    """Places of the strongest interactions, latest first; none where all are alike."""
    if len(weights) == 0 or weights.min() == weights.max():
        return []
    order = np.lexsort((-np.arange(len(weights)), -weights))
    return [int(k) for k in order[:NAMED]]
