"""The first items that a recommender shows to everybody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data import atomic
from data.dataset import Dataset, Histories
from data.split import Split
from recommend.judge.evaluate import histories_before
from recommend.protocols import Asked, Scores

NOTHING = -1
"""Stands where a user has had so much that the list is shorter."""


@dataclass(frozen=True, slots=True)
class TopLists:
    """A list a user, best item first.

    Attributes:
        items: (n_users, k) int32 dense item numbers, `NOTHING` after the last one.
    """

    items: np.ndarray

    def first(self, k: int) -> TopLists:
        """The same lists, cut after k items."""
        return TopLists(self.items[:, :k])

    def save(self, directory: Path) -> None:
        """One safetensors file."""
        atomic.write_arrays(directory / "lists.safetensors", {"items": self.items})

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> TopLists:
        """The lists stored by `save`."""
        return cls(atomic.read_arrays(directory / "lists.safetensors")["items"])


def top_lists(model: Scores, dataset: Dataset, split: Split, k: int) -> TopLists:
    """The k best items of every user at the time of the test, without those had before.

    The ranks of `recommend.judge.evaluate` are of the same scores; a list that is shown to somebody
    holds no item twice, so what the user has had is left out here.

    Args:
        model: That recommends.
        dataset: With the ids that it was fitted on.
        split: The split that it was fitted on.
        k: Items a list; fewer where the catalogue is smaller.
    """
    before = histories_before(dataset, split, "test")
    known = split.histories(dataset).lengths
    width = min(k, dataset.n_items)
    items = np.full((dataset.n_users, width), NOTHING, dtype=np.int32)
    for users, scores in model.scores(Asked(before, np.arange(dataset.n_users), known)):
        rows, seen = _places_had(before, users)
        scores = scores.nan_to_num(nan=-torch.inf, neginf=-torch.inf)
        scores[rows.to(scores.device), seen.to(scores.device)] = -torch.inf
        best = scores.topk(width)
        shown = best.indices.masked_fill(best.values == -torch.inf, NOTHING)
        items[users] = shown.cpu().numpy()
    return TopLists(items)


def _places_had(histories: Histories, users: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Row in the block and item of everything that its users have had."""
    lengths = histories.lengths[users]
    items = [histories.of(int(user)) for user in users]
    rows = np.repeat(np.arange(len(users)), lengths)
    return torch.from_numpy(rows), torch.from_numpy(np.concatenate(items).astype(np.int64))
