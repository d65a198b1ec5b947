"""Items found by what is said of something: words of texts, and values of attributes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from data.errors import DataError

WORD = re.compile(r"[^\W_]{3,}")
READ = ("title", "description")
"""Columns whose words count; all other texts and lists are attributes, whose values count whole."""


class Terms:
    """Which items have which words and values, and how rare these are.

    Args:
        items: A row an item, the first column its id.

    >>> of = Terms(pl.DataFrame({"id": ["a", "b"], "title": ["Night train", "Night"]}))
    >>> of.match({"title": "a train"})[0].tolist()
    [0]
    """

    def __init__(self, items: pl.DataFrame) -> None:
        self._n = items.height
        said = dict(list(items.schema.items())[1:])
        self.attributes = tuple(
            name
            for name, of in said.items()
            if name not in READ and (of == pl.String or of.is_nested())
        )
        self._columns = tuple(said)
        self.of_items: list[set[str]] = [set() for _ in range(items.height)]
        for name in (*self.attributes, *(one for one in READ if one in items.columns)):
            for terms, value in zip(self.of_items, items[name].to_list(), strict=True):
                terms.update(_terms(name, value))
        rows: dict[str, list[int]] = defaultdict(list)
        for item, terms in enumerate(self.of_items):
            for term in terms:
                rows[term].append(item)
        self._rows = {term: np.array(of) for term, of in rows.items()}

    def match(self, said: Mapping[str, Any], words: str = "") -> tuple[np.ndarray, np.ndarray]:
        """(m,) items that share a term with what is said, and (m,) float32 how much, most first.

        How much: the sum of log(1 + n / items that have it) over shared terms, each once, divided
        by the root of the item's number of terms, so that long texts have no advantage.

        Args:
            said: Values by attribute, as of an item.
            words: What is said of it besides.

        Raises:
            DataError: there is no such attribute, or its values are numbers or dates.
        """
        unknown = [name for name in said if name not in self._columns]
        if unknown:
            there = ", ".join(self._columns) or "none"
            raise DataError(f"Items have no attribute {unknown[0]!r}; they have: {there}.")
        unread = [name for name in said if name not in (*self.attributes, *READ)]
        if unread:
            there = ", ".join(name for name in self._columns if name in (*self.attributes, *READ))
            raise DataError(
                f"Values of {unread[0]!r} are no texts, and likeness is by texts; compared are: "
                f"{there or 'none'}."
            )
        terms = set(_words(words))
        for name, value in said.items():
            terms.update(_terms(name, value))
        found = np.zeros(self._n, np.float32)
        for term in terms & self._rows.keys():
            rows = self._rows[term]
            found[rows] += np.float32(np.log(1 + self._n / len(rows)))
        items = np.flatnonzero(found)
        lengths = np.array([len(self.of_items[item]) for item in items], np.float32)
        shares = (found[items] / np.sqrt(np.maximum(lengths, 1))).astype(np.float32)
        order = np.lexsort((items, -shares))
        return items[order], shares[order]

    def shared(self, item: int, others: Sequence[int]) -> list[tuple[str, str, int]]:
        """(attribute, value, how many of the others have it, too) of an item, the rarest first."""
        counts = Counter(
            term for other in others for term in self.of_items[other] & self.of_items[item]
        )
        told = [term for term in counts if "\x00" in term]
        told.sort(key=lambda term: (-counts[term] / len(self._rows[term]), term))
        return [(*_apart(term), counts[term]) for term in told]


def _terms(name: str, value: Any) -> Iterable[str]:
    if value is None:
        return ()
    if name in READ:
        return _words(str(value))
    values = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    return [f"{name}\x00{one}" for one in values if one is not None and str(one).strip()]


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]


def _apart(term: str) -> tuple[str, str]:
    name, _, value = term.partition("\x00")
    return name, value
