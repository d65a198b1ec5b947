"""Leave-one-out by time, and the only history that prompts, graph and features may see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from data import atomic
from data.columns import ITEM, TIME
from data.dataset import Dataset, Histories, histories
from data.errors import DataError


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers of `Dataset.interactions`, a part each.

    What may be seen before the test is decided by row, not by clock: several interactions may
    carry the same second, and a comparison with `as_of` alone would let a held-out one through.

    Attributes:
        train: (n_train,) int64 rows, in the table's order.
        valid: (n_users,) int64, the row of each user's last interaction but one.
        test: (n_users,) int64, the row of each user's last interaction.
        as_of: (n_users,) int64 seconds, the time of each user's last training interaction.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    as_of: np.ndarray

    def save(self, directory: Path) -> None:
        """One safetensors file in `directory`."""
        arrays = {"train": self.train, "valid": self.valid, "test": self.test, "as_of": self.as_of}
        atomic.write_arrays(directory / "split.safetensors", arrays)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Split:
        """The split stored by `save`."""
        return cls(**atomic.read_arrays(directory / "split.safetensors"))

    def training(self, dataset: Dataset) -> pl.DataFrame:
        """Training interactions only, in the order of `Dataset.interactions`."""
        return dataset.interactions[self.train]

    def histories(self, dataset: Dataset) -> Histories:
        """Training histories: what a prompt, a graph or a feature may see."""
        return histories(self.training(dataset), dataset.n_users)

    def targets(self, dataset: Dataset, part: str) -> np.ndarray:
        """(n_users,) int32 held-out items of `part`, "valid" or "test"."""
        rows = {"valid": self.valid, "test": self.test}[part]
        items: np.ndarray = dataset.interactions[ITEM].to_numpy()[rows].astype(np.int32)
        return items


def leave_one_out(dataset: Dataset) -> Split:
    """The last interaction of each user for testing, the one before for validation.

    Raises:
        DataError: a user has fewer than three interactions.

    Source: AutoGraph, appendix B.
    """
    every = histories(dataset.interactions, dataset.n_users)
    if dataset.n_users == 0 or every.lengths.min() < 3:
        short = int(every.lengths.argmin()) if dataset.n_users else -1
        who = f"User {dataset.user_ids.external[short]!r} has" if dataset.n_users else "There are"
        n = int(every.lengths.min()) if dataset.n_users else 0
        raise DataError(
            f"{who} {n} interactions in {dataset.name!r}, and leave-one-out needs 3 a user (train, "
            "validation, test). Raise data.min_history to at least 3, or add interactions."
        )
    test = every.offsets[1:] - 1
    valid = every.offsets[1:] - 2
    held_out = np.zeros(dataset.interactions.height, dtype=bool)
    held_out[test] = held_out[valid] = True
    as_of = dataset.interactions[TIME].to_numpy()[every.offsets[1:] - 3].astype(np.int64)
    return Split(np.flatnonzero(~held_out), valid, test, as_of)
