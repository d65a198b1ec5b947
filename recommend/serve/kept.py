"""ZOOMER as it answers requests: last neighbours are kept, and edge attention alone is left.

Who asks and what for hear the k neighbours of each type that were there last, from a cache that is
refreshed beside the request path. Nothing is chosen of the graph, so relevance counts by attention
alone. Without weights of features every node has one vector whoever asks, so all that is left is
arithmetic over tables, which needs no torch.

Source: ZOOMER, section VII-E: "k last visited neighbors for each user and query nodes", k = 30, and
"we only conserve the most effective attention part - edge-level attention".
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from data.dataset import Histories
from recommend.serve.forms import Who
from recommend.serve.neighbours import Executor, Neighbours

EGOS = ("user", "query")
SLOPE = 0.2
"""Of the leaky rectifier, as in `recommend.zoom.attention`."""
ENTRIES = 100_000
"""Users and queries whose neighbours are kept."""
WARM = 100
"""Nodes whose neighbours are drawn in one go as a server begins."""
NOBODY = np.zeros(0, dtype=np.int64)
Pair = tuple[str, str]
"""A type of egos, and one of their neighbours."""


def latest_once(numbers: np.ndarray, most: int) -> np.ndarray:
    """(n,) int64 the last of some numbers, the latest first, each once.

    >>> latest_once(np.array([4, 7, 4, 9, 7]), 2).tolist()
    [7, 9]
    """
    found = dict[int, None]()
    for one in reversed(numbers.tolist()):
        found.setdefault(one)
        if len(found) == most:
            break
    return np.array(list(found), dtype=np.int64)


class Near(NamedTuple):
    """An ask, and whom it hears.

    Attributes:
        user: Number; that behind the last for a stranger.
        query: Number.
        heard: (≤ k,) int64 neighbours of user and query by type, the latest first.
        missed: Of which of both nothing is kept yet.
    """

    user: int
    query: int
    heard: Mapping[Pair, np.ndarray]
    missed: tuple[str, ...] = ()


class Kept:
    """Vectors of asks without a look at the graph.

    Args:
        arrays: As `recommend.zoom.served.arrays_of` gives them: of each type of nodes a (n, d)
            table by its name, of users with one row more for strangers; the weights; of each pair
            of types neighbours, the latest first; `usual`, (n_users + 1,) what who says nothing is
            taken to ask for; and `codes`, (n_items,) the query of each item, where queries are
            what items mean.
        about: Its settings: pairs, edge, together, own, last.
        histories: What each user had.
        executor: Draws neighbours beside the request path; without one they are drawn where they
            are asked for.
        entries: Most users and queries whose neighbours are kept.

    Attributes:
        kept: The cache.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        about: Mapping[str, Any],
        histories: Histories,
        executor: Executor | None = None,
        entries: int = ENTRIES,
    ) -> None:
        self._arrays, self._histories, self._last = arrays, histories, int(about["last"])
        self._edge, self._together, self._own = about["edge"], about["together"], about["own"]
        self.pairs: tuple[Pair, ...] = tuple((a, b) for a, b in about["pairs"])
        self._beside, self._codes = executor, arrays.get("codes")
        self._usual = arrays["usual"]
        self.n_users, self.n_queries = len(self._usual) - 1, len(arrays["query"])
        size = entries * max(1, -(-len(self.pairs) // len(EGOS)))
        self.kept = Neighbours(self._draw, executor or _Nowhere(), entries=size, last=self._last)

    def warm(self, executor: Executor) -> None:
        """Draws neighbours of as many queries and then users as are kept.

        The first `WARM` are drawn here, and the rest in the executor.
        """
        nodes: list[Hashable] = [
            (kind, number, other)
            for ego, n in (("query", self.n_queries), ("user", self.n_users))
            for number in range(min(n, self.kept.entries))
            for kind, other in self.pairs
            if kind == ego
        ]
        nodes = nodes[: self.kept.entries]
        self.kept.warm(nodes[:WARM])
        for at in range(WARM, len(nodes), WARM):
            executor.submit(self.kept.warm, nodes[at : at + WARM])

    def near(
        self, user: int | None, history: np.ndarray | None, query: int | None, wait: bool = False
    ) -> Near:
        """Whom an ask hears: of a history itself, and else what is kept.

        Args:
            user: Number; None for a stranger.
            history: (n,) items, oldest first; None: what is known of the user.
            query: Number; None: what is taken for it.
            wait: Whether what is not kept is drawn here and now.
        """
        known = self.n_users if user is None else user
        if query is None:
            query = self._usual_of(known, history)
        heard, missed = {}, []
        for pair in self.pairs:
            ego, other = pair
            found = None
            if ego == "user":
                found = NOBODY if user is None else None
                if history is not None and (other == "item" or self._codes is not None):
                    found = self._of_history(history, other)
            if found is None:
                found = self._get((ego, query if ego == "query" else known, other), wait)
            if found is None:
                missed.append(ego)
                found = NOBODY
            heard[pair] = found[found != known] if other == "user" else found
        return Near(known, query, heard, tuple(dict.fromkeys(missed)))

    def has(self, query: int, item: int) -> bool | None:
        """Whether an item has a meaning; None where queries are no meanings."""
        return None if self._codes is None else bool(self._codes[item] == query)

    def read(self, whos: Sequence[Who]) -> list[np.ndarray]:
        """(1, d) of each who is asked about."""
        near = [
            self.near(who.user, who.history, who.query, wait=True) if who.near is None else who.near
            for who in whos
        ]
        return list(self.vectors(near)[:, None])

    def vectors(self, asks: Sequence[Near]) -> np.ndarray:
        """(b, d) float32 of length 1, whose products with vectors of items rank them."""
        numbers = np.array([(ask.user, ask.query) for ask in asks]).T
        egos = {
            ego: self._arrays[ego][some] for ego, some in zip(EGOS, numbers, strict=True)
        }  # (b, d)
        focus = egos["user"] + egos["query"]
        both = [self._hear(ego, egos[ego], focus, asks) for ego in EGOS]
        inner = np.concatenate(both, 1) @ self._arrays["inner"].T + self._arrays["inner.bias"]
        found = np.maximum(inner, 0) @ self._arrays["outer"].T + self._arrays["outer.bias"]
        vectors: np.ndarray = found / np.maximum(
            np.linalg.norm(found, axis=1, keepdims=True), 1e-12
        )
        return vectors.astype(np.float32)

    def _hear(
        self, ego: str, own: np.ndarray, focus: np.ndarray, asks: Sequence[Near]
    ) -> np.ndarray:
        """(b, d) what user or query hears. Source: ZOOMER, eq. (8), (9) and (11), types alike."""
        logits, others, real = [], [], []
        for pair in self.pairs:
            if pair[0] != ego:
                continue
            numbers, there = _beside([ask.heard[pair] for ask in asks])  # (b, k)
            near = self._arrays[pair[1]][numbers]  # (b, k, d)
            of = np.zeros(numbers.shape, np.float32)
            if self._edge:
                of_ego, of_other, of_focus = self._arrays[f"{ego} {pair[1]}.asked"]
                of = (own @ of_ego + focus @ of_focus)[:, None] + near @ of_other
                of = np.where(of > 0, of, SLOPE * of)
            logits.append(np.where(there, of, -np.inf))
            others.append(near)
            real.append(there)
        total = own if self._own else np.zeros_like(own)
        if not others:
            return total
        if self._together:
            ends = np.cumsum([one.shape[1] for one in logits])[:-1]
            weights = np.split(_softmax(np.concatenate(logits, 1)), ends, 1)
        else:
            weights = [_softmax(one) for one in logits]
        kinds = np.stack([one.any(1) for one in real]).sum(0).clip(1).astype(np.float32)
        heard = [(one[:, None] @ near)[:, 0] for one, near in zip(weights, others, strict=True)]
        found: np.ndarray = total + np.stack(heard).sum(0) / kinds[:, None]
        return found

    def _usual_of(self, user: int, history: np.ndarray | None) -> int:
        if history is not None and len(history) and self._codes is not None:
            return int(self._codes[history[-1]])
        return int(self._usual[user])

    def _of_history(self, history: np.ndarray, other: str) -> np.ndarray:
        """(n,) items of a history, or what they mean, the latest first."""
        own = history if other == "item" or self._codes is None else self._codes[history]
        return latest_once(own, self._last)

    def _get(self, node: tuple[str, int, str], wait: bool) -> np.ndarray | None:
        if (wait or self._beside is None) and node not in self.kept:
            self.kept.warm([node])
        return self.kept.get(node)

    def _draw(self, node: Hashable) -> np.ndarray:
        """(n,) the last neighbours of a node; a user's own past is what the user had."""
        kind, number, other = cast(tuple[str, int, str], node)
        if kind == "user" and (other == "item" or (other == "query" and self._codes is not None)):
            return self._of_history(self._histories.of(number), other)
        offsets = self._arrays[f"{kind} {other}.offsets"]
        targets = self._arrays[f"{kind} {other}.targets"]
        return np.asarray(targets[offsets[number] : offsets[number + 1]], np.int64)


class _Nowhere:
    """Runs nothing: neighbours are drawn by who asks."""

    def submit(self, work: Any, /, *given: Any) -> Any:
        del work, given
        raise RuntimeError("there is no executor")


def _beside(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(b, k) int64 rows of unlike lengths, 0 behind their ends, and (b, k) bool what is there."""
    lengths = np.array([len(row) for row in rows])
    there = np.arange(lengths.max()) < lengths[:, None]
    wide = np.zeros(there.shape, np.int64)
    wide[there] = np.concatenate(rows)
    return wide, there


def _softmax(logits: np.ndarray) -> np.ndarray:
    """(b, k) weights that sum to 1 where anything is finite, and are 0 where nothing is."""
    most = logits.max(1, initial=-1e30, keepdims=True)
    of = np.exp(logits - most)
    found: np.ndarray = of / np.maximum(of.sum(1, keepdims=True), 1e-30)
    return found.astype(np.float32)
