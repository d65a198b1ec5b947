"""What earlier stages give to training, beside the data set and its split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.dataset import Histories

if TYPE_CHECKING:
    from graph import LatentGraph


@dataclass(frozen=True, slots=True)
class Relation:
    """Weighted edges from n sources to targets that are numbered from 0, by source.

    Attributes:
        offsets: (n + 1,) int64; source s owns `targets[offsets[s]:offsets[s + 1]]`.
        targets: (m,) int64.
        weights: (m,) float32.
        size: (1,) int64, how many targets there are.
    """

    offsets: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, sources: np.ndarray, targets: np.ndarray, n: int, size: int) -> Relation:
        """Edges of weight one, from (m,) sources of n to (m,) targets of `size`."""
        order = np.argsort(sources, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=n))])
        weights = np.ones(len(order), dtype=np.float32)
        return cls(offsets, targets[order].astype(np.int64), weights, np.array([size]))

    @classmethod
    def between(
        cls, offsets: np.ndarray, targets: np.ndarray, weights: np.ndarray, size: int
    ) -> Relation:
        """Edges that are sorted by source already; arguments as the attributes."""
        return cls(offsets, targets.astype(np.int64), weights, np.array([size]))

    @property
    def sources(self) -> np.ndarray:
        """(m,) int64 source of every edge."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def turned(self) -> Relation:
        """The same edges from their targets."""
        order = np.argsort(self.targets, kind="stable")
        counts = np.bincount(self.targets, minlength=int(self.size[0]))
        offsets = np.concatenate([[0], np.cumsum(counts)])
        size = np.array([len(self.offsets) - 1])
        return Relation(offsets, self.sources[order], self.weights[order], size)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the enhancers learn from; each takes its own part.

    Attributes:
        graph: The latent-factor graph.
        user_vectors: (n_users, d) float32, what the texts about users mean.
        item_vectors: (n_items, d) float32, the same of items.
        phrases: From items to the phrases in their texts.
        pairs: From items to items that were judged to be similar.
        histories: Training interactions; `fit_model` fills them in.
    """

    graph: LatentGraph | None = None
    user_vectors: np.ndarray | None = None
    item_vectors: np.ndarray | None = None
    phrases: Relation | None = None
    pairs: Relation | None = None
    histories: Histories | None = None
