"""What recommenders without training have in common: they know at once all that they ever will."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor, nn

from data.dataset import Histories
from recommend.protocols import Asked, World

if TYPE_CHECKING:
    from recommend.settings import ModelConfig

USERS_AT_ONCE = 512


class Scorer(ABC):
    """A `Recommender` that scores every item for users, from their histories."""

    @classmethod
    @abstractmethod
    def of(cls, config: ModelConfig, world: World) -> Self:
        """One that knows training histories."""

    @classmethod
    @abstractmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> Self:
        """One as it was stored."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that it knows, by name."""

    @abstractmethod
    def score(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """(b, n_items) float32 scores of users (b,), whose histories are in `past`."""

    @property
    def network(self) -> nn.Module:
        """Nothing: what it knows are no weights that anybody trains."""
        return nn.Module()

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time."""
        for start in range(0, len(asked.users), USERS_AT_ONCE):
            users = asked.users[start : start + USERS_AT_ONCE]
            found = np.array(self.score(asked.histories, users), np.float32)
            yield users, torch.from_numpy(found)
