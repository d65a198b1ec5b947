"""A recommender that can be asked, whose answers are worked out by hand: nothing is learnt."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from app.results.asking import Asking
from app.results.queries import Space, meanings
from data.columns import ITEM_ID, TITLE, USER_ID
from data.dataset import Dataset, Histories
from data.names import NOUNS
from quantize.codes import Codes
from quantize.describe import FactorDescriptions
from recommend.protocols import Region
from recommend.reasons.showcase import Showcase

CODES = [0, 0, 1, 1, 2, 2]
"""Of six items; the fourth meaning nobody has."""
TEXTS = ["War at sea.", "War on land.", "Bees in a garden.", "Bees and a queen.", "Ice.", None]
TERMS = [["war"], ["bees", "queen"], ["ice"], []]


class FakeAsks:
    """Items are one-hot by meaning; an ask is the one-hot of its query, plus a little of taste.

    A region has the latest two items of the user around the user, and the query's items around the
    query, each heard half; item 0 hears the first user. `taste` is what each user adds.
    """

    n_queries = 4
    base_items = np.concatenate(
        [np.eye(4, dtype=np.float32)[CODES], np.arange(6, dtype=np.float32)[:, None] / 100], axis=1
    )

    def asking(
        self, users: np.ndarray, queries: np.ndarray, histories: Histories | None = None
    ) -> np.ndarray:
        """The query, and a little of whatever comes later in the catalogue for odd users."""
        del histories
        taste = np.where(np.asarray(users) % 2, 1, -1)[:, None].astype(np.float32)
        return np.concatenate([np.eye(4, dtype=np.float32)[queries], taste], axis=1)

    def query_after(self, histories: Histories, users: np.ndarray) -> np.ndarray:
        """The code of the latest item."""
        return np.array([CODES[histories.of(int(user))[-1]] for user in users])

    def region(self, user: int, query: int, histories: Histories | None = None) -> Region:
        """See the class."""
        del histories
        own = past().of(user)[-2:].tolist()
        items = [item for item, code in enumerate(CODES) if code == query]
        kinds = ["user", "query", *["item"] * (len(own) + len(items))]
        numbers, edges = [user, query, *own, *items], []
        edges += [(2 + n, 0, 1 / len(own)) for n in range(len(own))]
        edges += [(2 + len(own) + n, 1, 1 / len(items)) for n in range(len(items))]
        if 0 in own:
            kinds.append("user")
            edges.append((len(numbers), 2 + own.index(0), 1.0))
            numbers.append(0)
        sources, targets, weights = (np.array(part) for part in zip(*edges, strict=True))
        ones = np.ones(len(edges), dtype=np.float32)
        heard = weights.astype(np.float32)
        return Region(tuple(kinds), np.array(numbers), sources, targets, ones / 2, heard, ones)

    def coupling(
        self, ego: Literal["user", "query"], number: int, others: np.ndarray, nodes: np.ndarray
    ) -> np.ndarray:
        """Softmax of the product of ask and item."""
        same = np.full(len(others), number)
        pair = (same, others) if ego == "user" else (others, same)
        scores = np.exp(self.asking(*pair) @ self.base_items[nodes].T)
        return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def past() -> Histories:
    """Of three users: 0 had items 2 and 0, 1 had item 4, and 2 had items 0, 2 and 3."""
    items = np.array([2, 0, 4, 0, 2, 3], dtype=np.int32)
    return Histories(np.array([0, 2, 3, 6]), items, np.array([1, 2, 1, 1, 2, 3]))


def make_asking(space: Space | None = None) -> Asking:
    """The fake among six items and three people, of whom user 0 has item 1 later."""
    users = pl.DataFrame({USER_ID: ["a", "b", "c"], "name": ["Ada", "Bo", "Cy"]})
    titles = ["Sea War", "Land War", "Hive", "Queen", "Floe", "Frost"]
    items = pl.DataFrame({ITEM_ID: [f"i{n}" for n in range(6)], TITLE: titles})
    dataset = Dataset("fake", users, items, pl.DataFrame())
    later = np.array([[1, 5], [0, 1], [4, 5]])
    case = Showcase(dataset, past(), later, None, {}, {})
    codes = Codes(
        tuple(items[ITEM_ID]), np.array(CODES, dtype=np.int32)[:, None], np.zeros((1, 4, 2))
    )
    table = pl.DataFrame(
        {
            "level": [0] * 4,
            "code": range(4),
            "label": ["war", "bees, queen", "ice", ""],
            "terms": TERMS,
            "weights": [[3.0], [3.0, 1.0], [2.0], []],
            "counts": [[2], [2, 1], [1], []],
            "size": [2, 2, 2, 0],
            "exemplars": [[]] * 4,
            "near": [None, None, None, 2],
        },
        schema_overrides={"terms": pl.List(pl.String), "counts": pl.List(pl.Int32)},
    )
    opened = None if space is None else lambda: space
    queries = meanings(codes, 0, FactorDescriptions(table, 4), TEXTS, opened)
    return Asking(case, FakeAsks(), queries, NOUNS["movies"])
