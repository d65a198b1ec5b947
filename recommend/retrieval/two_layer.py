"""Search in two layers: items that were found ahead for users and queries, then their vectors.

The first layer is an inverted index: of every user, and of every query, the items whose vectors
are nearest to its own, found by any search of vectors (`Nearest`, `Clusters`) when the index is
made. An ask reads the lists of its user and its query, which takes no search, and compares its own
vector, of both, with the items in them: the second layer. What no list holds is not found.

`Clusters` searches what is near a vector that was not known before; here asks are known by user and
query, so that there is nothing to search.

Source: ZOOMER, sections VI and VII-E: item vectors "are fed to an efficient ANN module to generate
the inverted index for online serving"; "the two-layer inverted indexes are stored". The paper says
no more; what the layers are is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from data import atomic
from data.errors import ConfigError, DataError
from recommend.nearest import Nearest

_ARRAYS = "two_layer.safetensors"
Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""(q, m) scores and (q, m) numbers of the items nearest to (q, d) vectors, -1 for none."""


class TwoLayers:
    """Lists of items by user and by query, and the items' vectors.

    Attributes:
        of_users: (n_users, m) int32 items, the nearest first, -1 for none.
        of_queries: (n_queries, m) int32, likewise.
        items: (n_items, d) float32 vectors.

    >>> items = np.eye(4, dtype=np.float32)
    >>> layers = TwoLayers.of(users=items[:1], queries=items[2:3], items=items, length=1)
    >>> scores, numbers = layers.search([0], [0], np.array([[1.0, 9.0, 2.0, 0.0]]), k=3)
    >>> scores.tolist(), numbers.tolist()
    ([[2.0, 1.0, -inf]], [[2, 0, -1]])
    """

    def __init__(self, of_users: np.ndarray, of_queries: np.ndarray, items: np.ndarray) -> None:
        self.of_users, self.of_queries, self.items = of_users, of_queries, items

    @classmethod
    def of(
        cls,
        users: np.ndarray,
        queries: np.ndarray,
        items: np.ndarray,
        length: int = 300,
        search: Search | None = None,
    ) -> TwoLayers:
        """Lists made by a search of vectors.

        Args:
            users: (n_users, d) of each, such as that of asks for what the user is taken to ask for.
            queries: (n_queries, d) of each, such as the mean of asks for it.
            items: (n_items, d).
            length: Items of a list, m.
            search: Finds them; a flat search unless given.

        Raises:
            ConfigError: a list is to hold no item, or more than there are.
            DataError: the vectors are not equally wide.
        """
        items = np.ascontiguousarray(items, dtype=np.float32)
        if not 1 <= length <= len(items):
            raise ConfigError(
                f"A list is to hold {length} items; it can be 1 to {len(items)}, all there are."
            )
        widths = {vectors.shape[1:] for vectors in (users, queries, items)}
        if len(widths) > 1:
            raise DataError(
                f"Vectors of users, queries and items are of shapes {users.shape}, "
                f"{queries.shape} and {items.shape}; they have to be equally wide."
            )
        find = search or Nearest(items).search
        of_users, of_queries = (find(side, length)[1].astype(np.int32) for side in (users, queries))
        return cls(of_users, of_queries, items)

    def read(self, user: int, query: int) -> np.ndarray:
        """(n,) int64 items in the lists of a user and a query, each once, rising."""
        found = np.union1d(self.of_users[user], self.of_queries[query]).astype(np.int64)
        return found[found >= 0]

    def search(
        self,
        users: np.ndarray | list[int],
        queries: np.ndarray | list[int],
        asks: np.ndarray,
        k: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(b, k) float32 products and (b, k) int64 numbers of the nearest in the lists, that first.

        Where the lists hold fewer, the last numbers are -1, and their products -inf.

        Args:
            users: (b,) who asks.
            queries: (b,) for what.
            asks: (b, d) vectors of both.
            k: How many.
        """
        scores = np.full((len(asks), k), -np.inf, dtype=np.float32)
        numbers = np.full((len(asks), k), -1, dtype=np.int64)
        for row, (user, query) in enumerate(zip(users, queries, strict=True)):
            there = self.read(int(user), int(query))
            products = self.items[there] @ asks[row].astype(np.float32)
            best = np.lexsort((there, -products))[:k]
            scores[row, : len(best)], numbers[row, : len(best)] = products[best], there[best]
        return scores, numbers

    def save(self, directory: Path) -> None:
        """Lists and vectors in `directory`."""
        arrays = {"users": self.of_users, "queries": self.of_queries, "items": self.items}
        atomic.write_arrays(directory / _ARRAYS, arrays)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> TwoLayers:
        """What `save` stored."""
        arrays = atomic.read_arrays(directory / _ARRAYS)
        return cls(arrays["users"], arrays["queries"], arrays["items"])
