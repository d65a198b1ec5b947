"""What a recommender would say if somebody's history were another one, at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from data.dataset import Histories
from data.errors import DataError
from recommend.model import SCORED_AT_ONCE, Model, finite, last_position
from recommend.protocols import LeftOut
from recommend.sequence.chunks import Chunks, Layout, batches, collate, last_chunks
from recommend.sequence.network import Propagated

TRIED = 64
"""Items of a history that are left out in turn at most, the latest."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A model that has passed over its graph once and now answers for one history at a time.

    The graph stays the one of training, whatever histories are asked about: an item that somebody
    is said to have had does not make that person a neighbour of the item for others.

    Attributes:
        model: Whose answers these are.
        shared: Vectors of items, and of the graph's nodes; newcomers stand at their ends.
    """

    model: Model
    shared: Propagated

    @classmethod
    def of(cls, model: Model) -> Ready:
        """The model after one pass over its graph."""
        model.network.eval()
        with torch.inference_mode():
            nobody = torch.empty(0, dtype=torch.int64, device=model.device)
            return cls(model, model.network.propagate(nobody))

    @property
    def n_items(self) -> int:
        """Items that are ranked, newcomers included."""
        return len(self.shared.items)

    def vectors(self, user: int, history: np.ndarray) -> Tensor:
        """(k, d) vectors of a user after a history: one an interest.

        Args:
            user: Number of the user, whose attributes and factors count.
            history: (n,) items that the user is taken to have had, oldest first.

        Raises:
            DataError: the history is empty.
        """
        if not len(history):
            raise DataError(
                "The history is empty, and a recommender has nothing to go on. Add an item to it."
            )
        return self._after(user, [np.asarray(history)], np.array([len(history)]))[0]

    def _after(self, user: int, histories: Sequence[np.ndarray], known: np.ndarray) -> Tensor:
        """(b, k, d) vectors of one user after each of b histories, in one pass.

        Args:
            user: Number of the user.
            histories: None of them empty.
            known: (b,) how many of each, from its beginning, are edges of the graph.
        """
        lengths = np.array([len(one) for one in histories])
        items = np.concatenate(histories).astype(np.int32)
        past = Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(len(items)))
        chunks = last_chunks(lengths, self.model.config.max_history, np.arange(len(histories)))
        batch = collate(past, chunks, self._layout, known)
        batch = replace(batch, users=torch.full((len(histories),), user))
        with torch.inference_mode():
            batch = batch.to(self.model.device)
            users = self.model.network.users(self.shared, batch)
            return last_position(users, batch, self.n_items)

    def scores(self, user: int, history: np.ndarray) -> np.ndarray:
        """(n_items,) float32 scores of all items for a user after a history; see `vectors`.

        Raises:
            DataError: the history is empty.
            ArtifactError: a score is no finite number.
        """
        return self._scores(self.vectors(user, history))

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels of the codes of `side`, of so many, that reach the scores."""
        return self.model.config.enhancer.levels_read(side, levels)

    def left_out(
        self, user: int, history: np.ndarray, items: np.ndarray, known: int | None = None
    ) -> LeftOut:
        """Where `items` would stand without each item of a history, from one pass.

        Ranks are those of `moved` after the history without the item, wherever it stands in it.

        Args:
            user: Number of the user.
            history: (n,) items, oldest first.
            items: (k,) items asked about, none of them in the history.
            known: How many of the history, from its beginning, are edges of the graph; all of
                them unless given.

        Raises:
            DataError: the history is empty.
        """
        if not len(history):
            raise DataError("The history is empty, so nothing can be left out of it.")
        distinct = np.array(list(dict.fromkeys(history[::-1].tolist())), dtype=np.int64)
        tried = distinct[: TRIED if len(distinct) > 1 else 0]
        kept = [np.ones(len(history), dtype=bool), *(history != one for one in tried)]
        rows, graph = [history[one] for one in kept], slice(known)
        vectors = self._after(user, rows, np.array([one[graph].sum() for one in kept]))
        ranks = np.zeros((len(rows), len(items)), dtype=np.int64)
        falls = np.zeros((len(rows), len(items)), dtype=np.int64)
        for at, (row, own) in enumerate(zip(rows, vectors, strict=True)):
            above = _above(self._scores(own), row, items)  # (k, n_items)
            ranks[at] = above.sum(1) + 1
            falls[at] = ranks[at] - ranks[0] - (above[:, tried[at - 1]] if at else 0)
        return LeftOut(tried, ranks[0], ranks[1:], falls[1:], len(tried) == len(distinct))

    def _scores(self, interests: Tensor) -> np.ndarray:
        """(n_items,) scores of all items for the (k, d) vectors of a user."""
        with torch.inference_mode():
            scores = finite((interests @ self.shared.items.T).amax(0))
        found: np.ndarray = scores.cpu().numpy()
        return found

    def everybody(self, histories: Histories) -> Tensor:
        """(n_users, k, d) vectors of all users after their histories, none of them empty."""
        n = histories.lengths
        chunks: Chunks = last_chunks(n, self.model.config.max_history, np.arange(len(histories)))
        blocks: Iterator[Tensor] = (
            last_position(self.model.network.users(self.shared, batch), batch, self.n_items).cpu()
            for batch in (
                one.to(self.model.device)
                for one in batches(histories, chunks, self._layout, n, SCORED_AT_ONCE)
            )
        )
        with torch.inference_mode():
            return torch.cat(list(blocks))

    @property
    def _layout(self) -> Layout:
        return Layout(self.model.config.max_history, self.n_items)


def ranked(scores: np.ndarray, had: Iterable[int]) -> np.ndarray:
    """(n_items,) int64 rank of every item among those not had, best = 1; 0 for those had.

    Equal scores are ranked in order of the items' numbers.

    >>> ranked(np.array([0.1, 0.9, 0.5]), [1]).tolist()
    [2, 0, 1]
    """
    left = np.ones(len(scores), dtype=bool)
    left[list(had)] = False
    order = np.argsort(-scores, kind="stable")
    order = order[left[order]]
    ranks = np.zeros(len(scores), dtype=np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def _above(scores: np.ndarray, had: np.ndarray, items: np.ndarray) -> np.ndarray:
    """(k, n_items) bool, what stands above each of (k,) items in the order of `ranked`."""
    own, number = scores[items][:, None], np.arange(len(scores))
    above: np.ndarray = (scores > own) | ((scores == own) & (number < np.asarray(items)[:, None]))
    above[:, had] = False
    return above


def best(ready: Ready, user: int, history: np.ndarray, k: int) -> pl.DataFrame:
    """The k best items after a history: rank, item, score.

    Raises:
        DataError: the history is empty.
    """
    return moved(ready, user, history, history, k).drop("before", "moved")


def moved(ready: Ready, user: int, before: np.ndarray, after: np.ndarray, k: int) -> pl.DataFrame:
    """The k best items after a history was changed, and how far each has come.

    Columns: `rank`, `item`, `score`, `before` (its rank before the change; null for an item that
    was in the history then), `moved` (places upwards, negative downwards; null with `before`).

    Args:
        ready: The recommender.
        user: Number of the user.
        before: (n,) items of the history as it was.
        after: (m,) items of the history as it is asked about.
        k: Items.

    Raises:
        DataError: a history is empty.
    """
    scores = ready.scores(user, after)
    now = ranked(scores, after)
    items = np.flatnonzero((now > 0) & (now <= k))
    items = items[np.argsort(now[items])]
    same = np.array_equal(before, after)
    then = now if same else ranked(ready.scores(user, before), before)
    columns = {"rank": now[items], "item": items, "score": scores[items], "before": then[items]}
    table = pl.DataFrame(columns, schema=_SCHEMA)
    known = pl.when(pl.col("before") > 0).then("before")
    return table.with_columns(before=known).with_columns(moved=pl.col("before") - pl.col("rank"))


_SCHEMA = {"rank": pl.Int32, "item": pl.Int32, "score": pl.Float32, "before": pl.Int32}
