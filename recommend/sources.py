"""What earlier stages give to training, beside the data set and its split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.dataset import Histories

if TYPE_CHECKING:
    from graph import LatentGraph, Relation


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


def standardise(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(m, d) float32 vectors, centred and scaled as all (n, d) `known` ones of their side are.

    Those known have mean zero and mean square one after it.
    """
    mean = known.mean(0)
    scale = np.sqrt(((known - mean) ** 2).mean()) or 1.0
    return np.ascontiguousarray((vectors - mean) / scale, dtype=np.float32)
