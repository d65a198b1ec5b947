"""A split that the publisher made: several interactions of a user are held out, by no clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.columns import ITEM, USER
from data.dataset import Dataset
from data.errors import DataError
from data.relation import Relation


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Training interactions, and what each user's held-out items are.

    Attributes:
        dataset: All users and items, and the training interactions.
        valid: From users to their items of validation.
        test: The same of the test.

    Raises:
        DataError: an item stands in two parts of one user.
    """

    dataset: Dataset
    valid: Relation
    test: Relation

    def __post_init__(self) -> None:
        n = np.int64(self.dataset.n_items)
        training = self.dataset.interactions.select(USER, ITEM).to_numpy().T.astype(np.int64)
        parts = {
            "train": training[0] * n + training[1],
            **{name: one.sources * n + one.targets for name, one in self.parts.items()},
        }
        names = list(parts)
        for at, one in enumerate(names):
            for other in names[at + 1 :]:
                both = np.intersect1d(parts[one], parts[other])
                if len(both):
                    user = self.dataset.user_ids.external[int(both[0] // n)]
                    item = self.dataset.item_ids.external[int(both[0] % n)]
                    raise DataError(
                        f"User {user!r} has the item {item!r} in {one} and in {other}, "
                        f"{len(both):,} such pairs in all; what is held out must not be trained on."
                    )

    @property
    def parts(self) -> dict[str, Relation]:
        """What is held out, by part."""
        return {"valid": self.valid, "test": self.test}
