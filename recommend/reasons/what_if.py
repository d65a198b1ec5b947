"""What a recommender would say if somebody's history were another one, at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from data.dataset import Histories
from data.errors import DataError
from recommend.model import Model, finite
from recommend.protocols import Answers, Asked, LeftOut, Opens, Surveys

TRIED = 64
"""Items of a history that are left out in turn at most, the latest."""


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Answers of a recommender that shares nothing between them: each is asked for anew.

    Attributes:
        model: The recommender.
    """

    model: Model

    @property
    def n_items(self) -> int:
        """Items that are ranked."""
        return len(self.model.item_ids)

    def after(
        self, user: int, histories: Sequence[np.ndarray], known: np.ndarray
    ) -> Iterator[Tensor]:
        """(n_items,) scores of all items for one user after each of several histories."""
        everybody = np.arange(len(self.model.user_ids) + 1)
        for items, edges in zip(histories, known, strict=True):
            offsets = np.where(everybody > user, len(items), 0)
            past = Histories(offsets, items.astype(np.int32), np.arange(len(items)))
            of_all = np.full(len(everybody) - 1, edges)
            for _, scores in self.model.scores(Asked(past, np.array([user]), of_all)):
                yield scores[0]


@dataclass(frozen=True, slots=True)
class Ready:
    """A fitted recommender that answers for one history at a time.

    Attributes:
        model: Whose answers these are.
        answers: It, or what it opened; newcomers may stand in it.
    """

    model: Model
    answers: Answers

    @classmethod
    def of(cls, model: Model) -> Ready:
        """The model, once all is done that its answers share."""
        of = model.recommender
        return cls(model, of.opened() if isinstance(of, Opens) else OneByOne(model))

    @property
    def name(self) -> str:
        """What the recommender is called in a message."""
        return self.model.config.backbone.name

    @property
    def n_items(self) -> int:
        """Items that are ranked, newcomers included."""
        return self.answers.n_items

    def scores(self, user: int, history: np.ndarray) -> np.ndarray:
        """(n_items,) float32 scores of all items for a user after a history.

        Args:
            user: Number of the user, whose attributes and factors count.
            history: (n,) items that the user is taken to have had, oldest first.

        Raises:
            DataError: the history is empty.
            ArtifactError: a score is no finite number.
        """
        if not len(history):
            raise DataError(
                "The history is empty, and a recommender has nothing to go on. Add an item to it."
            )
        (scores,) = self._after(user, [np.asarray(history)], np.array([len(history)]))
        return scores

    def _after(
        self, user: int, histories: Sequence[np.ndarray], known: np.ndarray
    ) -> Iterator[np.ndarray]:
        with torch.inference_mode():
            for scores in self.answers.after(user, histories, known):
                yield finite(scores).cpu().numpy()

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels of the codes of `side`, of so many, that reach the scores."""
        return self.model.config.levels_read(side, levels)

    def left_out(
        self,
        user: int,
        history: np.ndarray,
        items: np.ndarray,
        known: int | None = None,
        among: np.ndarray | None = None,
    ) -> LeftOut:
        """Where `items` would stand without each item of a history.

        Ranks are those of `moves` after the history without the item, wherever it stands in it.

        Args:
            user: Number of the user.
            history: (n,) items, oldest first.
            items: (k,) items asked about, none of them in the history.
            known: How many of the history, from its beginning, are edges of the graph; all of
                them unless given.
            among: (n_items,) bool, what is ranked; everything unless given.

        Raises:
            DataError: the history is empty.
        """
        if not len(history):
            raise DataError("The history is empty, so nothing can be left out of it.")
        distinct = np.array(list(dict.fromkeys(history[::-1].tolist())), dtype=np.int64)
        tried = distinct[: TRIED if len(distinct) > 1 else 0]
        kept = [np.ones(len(history), dtype=bool), *(history != one for one in tried)]
        rows, graph = [history[one] for one in kept], slice(known)
        every = self._after(user, rows, np.array([one[graph].sum() for one in kept]))
        ranks = np.zeros((len(rows), len(items)), dtype=np.int64)
        falls = np.zeros((len(rows), len(items)), dtype=np.int64)
        for at, (row, scores) in enumerate(zip(rows, every, strict=True)):
            above = _above(scores, row, items, among)  # (k, n_items)
            ranks[at] = above.sum(1) + 1
            falls[at] = ranks[at] - ranks[0] - (above[:, tried[at - 1]] if at else 0)
        return LeftOut(tried, ranks[0], ranks[1:], falls[1:], len(tried) == len(distinct))

    def reads_history(
        self, user: int, one: np.ndarray, other: np.ndarray, among: np.ndarray | None = None
    ) -> bool:
        """Whether any score differs after two histories that differ, neither of them empty.

        Args:
            user: Number of the user.
            one: (n,) items, oldest first.
            other: (m,) items likewise.
            among: (n_items,) bool, whose scores are looked at; all unless given.
        """
        some = slice(None) if among is None else among
        return not np.array_equal(self.scores(user, one)[some], self.scores(user, other)[some])

    def everybody(self, histories: Histories) -> Tensor:
        """(n_users, k, d) vectors of all users after their histories, none of them empty.

        Raises:
            DataError: the recommender has no vectors.
        """
        if not isinstance(self.answers, Surveys):
            raise DataError(f"{self.name} has no vectors of users to compare a new item with.")
        return self.answers.users(histories)


def ranks_of(scores: np.ndarray, had: Iterable[int], among: np.ndarray | None = None) -> np.ndarray:
    """(n_items,) int64 rank of every item among those not had, best = 1; 0 for those had.

    Equal scores are ranked in order of the items' numbers.

    >>> ranks_of(np.array([0.1, 0.9, 0.5]), [1]).tolist()
    [2, 0, 1]
    >>> ranks_of(np.array([0.1, 0.9, 0.5]), [1], np.array([True, True, False])).tolist()
    [1, 0, 0]

    Args:
        scores: (n_items,) of them.
        had: Items that are not ranked.
        among: (n_items,) bool, the only ones that are ranked; all unless given.
    """
    left = np.ones(len(scores), dtype=bool) if among is None else among.copy()
    left[list(had)] = False
    order = np.argsort(-scores, kind="stable")
    order = order[left[order]]
    ranks = np.zeros(len(scores), dtype=np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def _above(
    scores: np.ndarray, had: np.ndarray, items: np.ndarray, among: np.ndarray | None
) -> np.ndarray:
    """(k, n_items) bool, what stands above each of (k,) items in the order of `ranks_of`."""
    own, number = scores[items][:, None], np.arange(len(scores))
    above: np.ndarray = (scores > own) | ((scores == own) & (number < np.asarray(items)[:, None]))
    above[:, had] = False
    if among is not None:
        above &= among
    return above


def best(ready: Ready, user: int, history: np.ndarray, k: int) -> pl.DataFrame:
    """The k best items after a history: rank, item, score.

    Raises:
        DataError: the history is empty.
    """
    return moves(ready, user, history, history, k).drop("before", "moved")


def moves(
    ready: Ready,
    user: int,
    before: np.ndarray,
    after: np.ndarray,
    k: int,
    among: np.ndarray | None = None,
) -> pl.DataFrame:
    """The k best items after a history was changed, and how far each has come.

    Columns: `rank`, `item`, `score`, `before` (its rank before the change; null for an item that
    was in the history then), `moved` (places upwards, negative downwards; null with `before`).

    Args:
        ready: The recommender.
        user: Number of the user.
        before: (n,) items of the history as it was.
        after: (m,) items of the history as it is asked about.
        k: Items.
        among: (n_items,) bool, what is ranked; everything unless given.

    Raises:
        DataError: a history is empty.
    """
    scores = ready.scores(user, after)
    now = ranks_of(scores, after, among)
    items = np.flatnonzero((now > 0) & (now <= k))
    items = items[np.argsort(now[items])]
    same = np.array_equal(before, after)
    then = now if same else ranks_of(ready.scores(user, before), before, among)
    columns = {"rank": now[items], "item": items, "score": scores[items], "before": then[items]}
    table = pl.DataFrame(columns, schema=_SCHEMA)
    known = pl.when(pl.col("before") > 0).then("before")
    return table.with_columns(before=known).with_columns(moved=pl.col("before") - pl.col("rank"))


_SCHEMA = {"rank": pl.Int32, "item": pl.Int32, "score": pl.Float32, "before": pl.Int32}
