"""What a recommender would say if somebody's history were another one, at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from data.dataset import Histories
from data.errors import DataError
from recommend.model import SCORED_AT_ONCE, Model, last_position
from recommend.network import Propagated
from recommend.sequences import Chunks, Layout, batches, collate, last_chunks


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
        items, n = np.asarray(history, dtype=np.int32), np.array([len(history)])
        past = Histories(np.array([0, len(items)]), items, np.arange(len(items)))
        chunk = last_chunks(n, self.model.config.max_history, np.array([0]))
        batch = replace(collate(past, chunk, self._layout, n), users=torch.tensor([user]))
        with torch.inference_mode():
            batch = batch.to(self.model.device)
            users = self.model.network.users(self.shared, batch)
            return last_position(users, batch, self.n_items)[0]

    def scores(self, user: int, history: np.ndarray) -> np.ndarray:
        """(n_items,) float32 scores of all items for a user after a history; see `vectors`.

        Raises:
            DataError: the history is empty.
        """
        interests = self.vectors(user, history)
        with torch.inference_mode():
            scores: np.ndarray = (interests @ self.shared.items.T).amax(0).cpu().numpy()
        return scores

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
