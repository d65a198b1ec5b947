"""What earlier stages give to training, beside the data set and its split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

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
        item_embeddings: (n_items, e) float32, what another recommender has of items.
        user_embeddings: (n_users, e) float32, what it has of users.
        histories: Training interactions; `fit_model` fills them in.
        relations: From items to others, by the name that settings need them by, such as the phrases
            in their texts, or items that were judged to be similar.
    """

    graph: LatentGraph | None = None
    user_vectors: np.ndarray | None = None
    item_vectors: np.ndarray | None = None
    item_embeddings: np.ndarray | None = None
    user_embeddings: np.ndarray | None = None
    histories: Histories | None = None
    relations: Mapping[str, Relation] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Mapping[str, Any]) -> Sources:
        """Of parts by name: what has no field of its own is a relation."""
        own = {one.name for one in fields(cls)} & parts.keys()
        relations = {name: part for name, part in parts.items() if name not in own}
        return cls(**{name: parts[name] for name in own}, relations=relations)

    def part(self, name: str) -> Any:
        """A part by its name; None where there is none."""
        return self.relations.get(name, getattr(self, name, None))


def standardise(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(m, d) float32 vectors, centred and scaled as all (n, d) `known` ones of their side are.

    Those known have mean zero and mean square one after it.
    """
    mean = known.mean(0)
    scale = np.sqrt(((known - mean) ** 2).mean()) or 1.0
    return np.ascontiguousarray((vectors - mean) / scale, dtype=np.float32)
