"""The best items of a user, with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from data import atomic
from data.columns import ITEM, ITEM_ID, TITLE, USER
from data.dataset import Dataset, Histories, histories
from data.names import item_names
from data.split import Split
from recommend.protocols import Asked, Scores


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Ranked items.

    Attributes:
        table: Columns `user`, `rank` (1 = best), `item` (dense numbers), `item_id`, `title`,
            `score`.
    """

    table: pl.DataFrame

    def save(self, directory: Path) -> None:
        """One Parquet table."""
        atomic.write_parquet(directory / "recommendations.parquet", self.table)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Recommendations:
        """The recommendations stored by `save`."""
        return cls(atomic.read_parquet(directory / "recommendations.parquet"))


def recommend(
    model: Scores,
    dataset: Dataset,
    split: Split,
    users: Sequence[int] | np.ndarray,
    k: int,
    among: np.ndarray | None = None,
    kept: np.ndarray | None = None,
) -> Recommendations:
    """The k best items of each user that the user has not had yet.

    Everything that the data set holds of a user counts as known here, held-out interactions too:
    this is what to show next, not a measurement. The graph still shows training edges alone.

    Args:
        model: Fitted on this data set.
        dataset: With the model's ids.
        split: The split that the model was fitted on.
        users: Dense user numbers.
        k: Items a user; fewer where the catalogue is smaller.
        among: (n_items,) bool, items that may be recommended; all unless given.
        kept: (n_items,) bool, items of histories that count, as if others had never been had; all
            unless given.
    """
    past, train = histories(dataset.interactions, dataset.n_users), split.histories(dataset)
    if kept is not None:
        past, train = past.only(kept), train.only(kept)
    known = train.lengths
    parts = [pl.DataFrame(schema=_SCHEMA)]
    for block, scores in model.scores(Asked(past, np.asarray(users, np.int64), known)):
        for row, user in enumerate(block):
            parts.append(_best(past, int(user), scores[row].cpu(), k, among))
    return Recommendations(_with_names(pl.concat(parts), dataset))


_SCHEMA = {USER: pl.Int32, "rank": pl.Int32, ITEM: pl.Int32, "score": pl.Float32}


def _best(
    past: Histories, user: int, scores: torch.Tensor, k: int, among: np.ndarray | None = None
) -> pl.DataFrame:
    scores = scores.nan_to_num(nan=-torch.inf, neginf=-torch.inf)
    seen = torch.from_numpy(past.of(user).astype(np.int64))
    scores[seen] = -torch.inf
    if among is not None:
        scores[torch.from_numpy(~among)] = -torch.inf
    best = scores.topk(min(k, int(scores.isfinite().sum())))
    ranks = np.arange(1, len(best.indices) + 1)
    columns = (np.full(len(ranks), user), ranks, best.indices.numpy(), best.values.numpy())
    return pl.DataFrame(dict(zip(_SCHEMA, columns, strict=True)), schema=_SCHEMA)


def _with_names(table: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    names = dataset.items.select(
        pl.int_range(pl.len(), dtype=pl.Int32).alias(ITEM),
        ITEM_ID,
        item_names(dataset.items).alias(TITLE),
    )
    return table.join(names, on=ITEM, how="left", maintain_order="left").select(
        USER, "rank", ITEM, ITEM_ID, TITLE, "score"
    )
