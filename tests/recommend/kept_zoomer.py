"""What `recommend.serve.kept` answers, by the network itself, with any levels of attention.

Who asks and what for hear the k neighbours of each type that were there last, from a cache that is
refreshed beside the request path. Nothing is chosen of the graph, so relevance counts by attention
alone; where a node has no more neighbours than a region takes, the answer is that of the whole
model at the same levels. What others did in training after the user's own latest interaction is
heard, too: an answer is given at the end of it all.

Source: ZOOMER, section VII-E: "k last visited neighbors for each user and query nodes", k = 30, and
"we only conserve the most effective attention part - edge-level attention".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias, cast

import numpy as np

from data.dataset import Histories
from data.errors import ConfigError
from recommend.serve.kept import latest_once
from recommend.serve.neighbours import LAST, Executor, Neighbours
from recommend.zoom.past import own_settings
from recommend.zoom.recommender import Zoomer
from recommend.zoom.roi import Roi, given

EGOS = ("user", "query")
Node: TypeAlias = tuple[str, int, str]
"""Type and number of a node, and the type of its neighbours."""
NOBODY = np.zeros(0, dtype=np.int64)


class KeptZoomer:
    """Vectors of asks without a look at the graph.

    Args:
        zoomer: Whose region is of one hop.
        executor: Draws neighbours beside the request path; see `recommend.serve.neighbours`.
        attention: Levels that are kept.
        entries: Most nodes whose neighbours are kept, of each type of these.
        last: Most neighbours of each, k.
        histories: What each user had, where that is more than in training.

    Attributes:
        kept: The cache.

    Raises:
        ConfigError: its region is of two hops, of which the cache knows one.
    """

    def __init__(
        self,
        zoomer: Zoomer,
        executor: Executor,
        *,
        attention: Sequence[str] = ("edge",),
        entries: int = 100_000,
        last: int = LAST,
        histories: Histories | None = None,
    ) -> None:
        hops = own_settings(zoomer.config).hops
        if hops != 1:
            raise ConfigError(
                f"This ZOOMER reads {hops} hops, and the last neighbours of nodes are one. Train "
                "one with hops = 1, or answer without the cache."
            )
        self._zoomer, self._attention, self._last = zoomer, tuple(attention), last
        self._histories = histories
        self._pairs = [pair for pair in zoomer.past.next_to if pair[0] in EGOS]
        self.kept = Neighbours(
            self._draw, executor, entries=entries * max(len(self._pairs), 1), last=last
        )

    def warm(self, users: Iterable[int], queries: Iterable[int]) -> None:
        """Draws neighbours of users and queries here, before they ask."""
        for ego, numbers in zip(EGOS, (users, queries), strict=True):
            self.kept.warm(
                (kind, int(number), other)
                for number in numbers
                for kind, other in self._pairs
                if kind == ego
            )

    def asking(self, users: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """(b, d) float32 vectors whose products with `base_items` rank items.

        A node of which nothing is kept yet hears nobody this time, and its neighbours are drawn
        for the next.

        Args:
            users: (b,) who asks.
            queries: (b,) for what.
        """
        egos: dict[str, np.ndarray] = {"user": np.asarray(users), "query": np.asarray(queries)}
        region: Roi = {
            ego: {
                other: given(
                    [
                        self._of((kind, int(one), other), int(asker))
                        for one, asker in zip(egos[ego], egos["user"], strict=True)
                    ]
                )
                for kind, other in self._pairs
                if kind == ego
            }
            for ego in EGOS
        }
        return self._zoomer.asking(users, queries, neighbours=region, attention=self._attention)

    def took(self, user: int, query: int, item: int) -> None:
        """A user took an item for a query: each has the other as its latest neighbour."""
        for node, other, number in (
            ("user", "item", item),
            ("user", "query", query),
            ("query", "item", item),
            ("query", "user", user),
        ):
            self.kept.visit((node, user if node == "user" else query, other), number)

    def _of(self, node: Node, asker: int) -> np.ndarray:
        """What is kept; who asks is no stranger to hear, as in `roi.Regions.seen`."""
        found = self.kept.get(node)
        if found is None:
            return NOBODY
        return found[found != asker] if node[2] == "user" else found

    def _draw(self, node: Hashable) -> np.ndarray:
        kind, number, other = cast(Node, node)
        if kind == "user" and self._histories is not None:
            own, codes = self._histories.of(number), self._zoomer.past.codes
            if other == "item":
                return latest_once(own, self._last)
            if other == "query" and codes is not None:
                return latest_once(codes[own], self._last)
        return self._zoomer.last(kind, number, other, self._last)
