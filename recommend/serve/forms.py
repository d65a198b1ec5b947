"""How an export makes scores: products of vectors, weights of items, or lists made before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from data.errors import DataError

EXACT = 4096
"""Items that are asked of an index at most; where more would be needed, all are scored."""
_FEW = 256
"""Scores that are sorted at once; of more, the best are parted from the rest before."""
MARGIN = 1e-5
"""Difference between two scores, as a share, by which rounding may turn their order."""


class Who(NamedTuple):
    """For whom scores are wanted: a user, a history, or a user as if the history were this one.

    Attributes:
        user: Number; None for a stranger.
        history: (n,) int64 items, oldest first; None: what the export knows of the user.
        query: Number of what is asked for; None where nothing is said.
        near: Whom the ask hears, where that is known already; see `kept.Kept.near`.
    """

    user: int | None
    history: np.ndarray | None
    query: int | None = None
    near: Any = None


class Want(NamedTuple):
    """Which items, and how many.

    Attributes:
        k: At most.
        barred: (m,) int64 items that must not come, in any order; few may be there twice.
        allowed: (n_items,) bool, those that may; None: all others.
    """

    k: int
    barred: np.ndarray
    allowed: np.ndarray | None = None


Found = tuple[np.ndarray, np.ndarray]
"""(m,) int64 items and (m,) float32 scores, best first; of equals the smaller number."""


class Form(Protocol):
    """Gives scores."""

    def scores(self, who: Who) -> np.ndarray:
        """(n_items,) float32; -inf for what can never come.

        Raises:
            DataError: this form cannot answer for such a one.
        """
        ...

    def top(self, whos: Sequence[Who], wants: Sequence[Want]) -> list[Found]:
        """The best of what is wanted, of each."""
        ...


def best(scores: np.ndarray, want: Want, items: np.ndarray | None = None) -> Found:
    """What is wanted among scored items.

    Args:
        scores: (m,) of items; those that are not finite never come.
        want: What is wanted; `allowed` and `barred` are looked at.
        items: (m,) int64 their numbers, rising; all from 0 unless given.
    """
    there = np.isfinite(scores)
    if items is None:
        if want.allowed is not None:
            there &= want.allowed
        there[want.barred] = False
        items = np.flatnonzero(there)
        scores = scores[items]
    else:
        if want.allowed is not None:
            there &= want.allowed[items]
        there &= ~_are_in(items, np.sort(want.barred))
        items, scores = items[there], scores[there]
    if len(scores) > max(want.k, _FEW):
        least = np.partition(scores, len(scores) - want.k)[len(scores) - want.k]
        near = scores >= least
        items, scores = items[near], scores[near]
    order = np.lexsort((items, -scores))[: want.k]
    return items[order], scores[order]


def _are_in(items: np.ndarray, barred: np.ndarray) -> np.ndarray:
    """(m,) bool, which items are among rising ones; `np.isin` takes ten times as long for few."""
    if not len(barred):
        return np.zeros(items.shape, bool)
    at = np.searchsorted(barred, items)
    found: np.ndarray = barred[np.minimum(at, len(barred) - 1)] == items
    return found


class ByVectors:
    """Scores are products of vectors; of a user's several, the best counts.

    Args:
        items: (n_items, d) float32.
        users: (n_users, k, d) float32.
        index: Of FAISS, over `items`.
        exact: Whether it looks at all of them.
        reads: Makes (k, d) vectors of who is asked about; of users as the export knows them, it is
            not asked.
        asks: (n_users, n_queries, d) vectors of users who ask for a query, where there are any.
    """

    def __init__(
        self,
        items: np.ndarray,
        users: np.ndarray,
        index: Any,
        exact: bool,
        reads: Any,
        asks: np.ndarray | None = None,
    ) -> None:
        self.items, self.users, self._asks = items, users, asks
        self._index, self._exact, self._reads = index, exact, reads

    def vectors(self, whos: Sequence[Who]) -> list[np.ndarray]:
        """(k, d) of each."""
        known = [self._is_known(one) for one in whos]
        others = [who for who, is_known in zip(whos, known, strict=True) if not is_known]
        read = iter(self._reads(others) if others else ())
        return [
            self._of(who) if is_known else next(read)
            for who, is_known in zip(whos, known, strict=True)
        ]

    def _is_known(self, who: Who) -> bool:
        """Whether the vectors of such a one were made when the export was."""
        made = who.query is None or self._asks is not None
        return made and who.user is not None and who.history is None

    def _of(self, who: Who) -> np.ndarray:
        """(k, d) of a user as the export knows the user."""
        if who.query is None:
            known: np.ndarray = self.users[who.user]
            return known
        assert self._asks is not None
        asking: np.ndarray = self._asks[who.user, who.query][None]
        return asking

    def scores(self, who: Who) -> np.ndarray:
        """Of all items, by products."""
        (vectors,) = self.vectors([who])
        return self.of(vectors)

    def of(self, vectors: np.ndarray) -> np.ndarray:
        """(n_items,) of (k, d) vectors of one user."""
        return np.asarray((self.items @ vectors.T).max(1))

    def top(self, whos: Sequence[Who], wants: Sequence[Want]) -> list[Found]:
        """By the index where it is enough, else by all items."""
        return self.top_of(self.vectors(whos), wants)

    def top_of(self, queries: Sequence[np.ndarray], wants: Sequence[Want]) -> list[Found]:
        """Those of (k, d) vectors of each who is asked about."""
        found: list[Found | None] = [None] * len(queries)
        alike: dict[int, list[int]] = defaultdict(list)
        for at, want in enumerate(wants):
            m = self._depth(want)
            if m:
                alike[m].append(at)
        for m, places in alike.items():
            rows = np.concatenate([queries[at] for at in places], dtype=np.float32)
            near, numbers = self._index.search(rows, m)
            if 1 < len(places) == len(rows) and numbers.min() >= 0:
                some = self._of_each(rows, [wants[at] for at in places], near, numbers)
                for at, one in zip(places, some, strict=True):
                    found[at] = one
                continue
            start = 0
            for at in places:
                own = slice(start, start + len(queries[at]))
                found[at] = self._among(queries[at], wants[at], near[own], numbers[own])
                start = own.stop
        return [
            best(self.of(query), want) if one is None else one
            for query, want, one in zip(queries, wants, found, strict=True)
        ]

    def _depth(self, want: Want) -> int:
        """How many items the index is asked for, a power of two; 0: it is not asked.

        A depth does not depend on what else is asked at the same time, so neither do answers.
        """
        n = len(self.items)
        share = 1.0 if want.allowed is None else float(want.allowed.mean())
        needed = want.k + len(want.barred) + 1
        if share * n < 2 * needed:
            return 0
        depth = 1 << (int(needed / share * (1 if share == 1 else 1.5)) - 1).bit_length()
        return depth if depth <= min(EXACT, n) else 0

    def _among(
        self, query: np.ndarray, want: Want, near: np.ndarray, numbers: np.ndarray
    ) -> Found | None:
        """The best of what the index gave; None where that is not enough."""
        items = np.unique(numbers) if len(query) > 1 else np.sort(numbers[0])
        items = items[np.searchsorted(items, 0) :]
        scores = self.items[items] @ query.T
        made = best(scores.max(1) if len(query) > 1 else scores[:, 0], want, items)
        enough = len(made[0]) == want.k and self._is_sure(made[1][-1], near[:, -1].max())
        return made if enough else None

    def _of_each(
        self, rows: np.ndarray, wants: Sequence[Want], near: np.ndarray, numbers: np.ndarray
    ) -> list[Found | None]:
        """What `_among` gives for each of several of one vector, (b, d), of all at once."""
        items = np.sort(numbers)
        scores = (self.items[items] @ rows[:, :, None])[:, :, 0]
        starts = len(self.items) * np.arange(len(rows))
        barred = np.concatenate([want.barred for want in wants])
        barred += np.repeat(starts, [len(want.barred) for want in wants])
        barred.sort()
        fits = np.isfinite(scores) & ~_are_in(items + starts[:, None], barred)
        for row, want in enumerate(wants):
            if want.allowed is not None:
                fits[row] &= want.allowed[items[row]]
        order = np.argsort(np.where(fits, -scores, np.inf), kind="stable")
        order += items.shape[1] * np.arange(len(rows))[:, None]
        items, scores = items.take(order), scores.take(order)
        enough = [n >= want.k for n, want in zip(fits.sum(1).tolist(), wants, strict=True)]
        return [
            (items[row, : want.k], scores[row, : want.k])
            if enough[row] and self._is_sure(scores[row, want.k - 1], near[row, -1])
            else None
            for row, want in enumerate(wants)
        ]

    def _is_sure(self, score: float, bound: float) -> bool:
        """Whether nothing that the index left out can be as good, as far as it can be known."""
        return not self._exact or bool(score > bound + MARGIN * abs(bound))


class ByWeights:
    """Scores of a history are sums of rows of matrices over items: s = Σ_p scale_p · w_p M_p.

    w_p gives an item of the history recency^(items after it); see `protocols.Rows`.

    Args:
        parts: Of each what `protocols.Rows` has, by name; what is sparse as CSR.
        histories: Items of each user, oldest first.
    """

    def __init__(self, parts: Sequence[Mapping[str, Any]], histories: Any, n_items: int) -> None:
        self._parts, self._histories, self._n = parts, histories, n_items

    def scores(self, who: Who) -> np.ndarray:
        """Of all items, for the history; who had it does not count."""
        history = who.history
        if history is None:
            assert who.user is not None
            history = self._histories.of(who.user)
        total = np.zeros(self._n, np.float32)
        for part in self._parts:
            if part["kind"] == "constant":
                total += part["scale"] * part["of"][0]
                continue
            items, weights = weigh(history, part["recency"], part["last"])
            total += part["scale"] * self._sum(part, items, weights)
        return total

    def row(self, item: int) -> np.ndarray | None:
        """(n_items,) what an item in a history adds to every other; None where nothing does."""
        if all(part["kind"] == "constant" for part in self._parts):
            return None
        return self.scores(Who(None, np.array([item])))

    def _sum(self, part: Mapping[str, Any], items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        rows = part["of"]
        if part["kind"] == "matrix":
            return _sum_of_rows(rows, items, weights, self._n)
        inner = _sum_of_rows(rows, items, weights, rows.shape[1])
        found = np.asarray(rows @ inner, np.float32)
        own = _squares(rows, items)
        np.subtract.at(found, items, weights * own)
        return found

    def top(self, whos: Sequence[Who], wants: Sequence[Want]) -> list[Found]:
        """By all scores."""
        return [best(self.scores(who), want) for who, want in zip(whos, wants, strict=True)]


def weigh(history: np.ndarray, recency: float, last: int | None) -> Found:
    """(m,) items of a history, each once, and (m,) float32 what each weighs, by its latest time."""
    latest = history[::-1] if last is None else history[::-1][:last]
    items, after = np.unique(latest, return_index=True)
    return items, (np.float32(recency) ** after).astype(np.float32)


def _sum_of_rows(rows: Any, items: np.ndarray, weights: np.ndarray, width: int) -> np.ndarray:
    if isinstance(rows, np.ndarray):
        return np.asarray(weights @ rows[items], np.float32)
    total = np.zeros(width, np.float32)
    for item, weight in zip(items, weights, strict=True):
        own = slice(rows.indptr[item], rows.indptr[item + 1])
        total[rows.indices[own]] += weight * rows.data[own]
    return total


def _squares(rows: Any, items: np.ndarray) -> np.ndarray:
    """(m,) squared lengths of the rows of some items."""
    some = rows[items]
    found = np.square(some).sum(1) if isinstance(some, np.ndarray) else some.multiply(some).sum(1)
    return np.asarray(found, np.float32).ravel()


class ByLists:
    """Scores that were made when the export was: of each user, the best items and what was had.

    Args:
        items: (n_users, N) int32, -1 where there is none; the best first, then what was had.
        scores: (n_users, N) float32.
    """

    def __init__(self, items: np.ndarray, scores: np.ndarray, n_items: int) -> None:
        self._items, self._scores, self._n = items, scores, n_items

    def scores(self, who: Who) -> np.ndarray:
        """Of items in the list; others can never come."""
        if who.user is None or who.history is not None:
            raise DataError(
                "This export holds lists that were made for its users, so it cannot answer for a "
                "history. Ask for a user, or export a recommender whose card says that it can."
            )
        found = np.full(self._n, -np.inf, np.float32)
        there = self._items[who.user] >= 0
        found[self._items[who.user][there]] = self._scores[who.user][there]
        return found

    def top(self, whos: Sequence[Who], wants: Sequence[Want]) -> list[Found]:
        """From the lists."""
        return [best(self.scores(who), want) for who, want in zip(whos, wants, strict=True)]

    def score_at(self, user: int, place: int) -> float:
        """The score of what stands at a place, from 0, of a user's list."""
        return float(self._scores[user, place])
