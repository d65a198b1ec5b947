"""What is known of nodes: several features each, of which some have many values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.columns import DESCRIPTION, ITEM_ID, TITLE, USER_ID
from graph.values import own_name
from recommend.features import Bags, bags

TERMS = "terms"
"""The feature whose categories are those of every type that has it: words mean the same there."""
LEAST = 2
"""A word of fewer nodes tells nothing of others."""
BAGS = ("categories", "weights", "offsets", "n_categories")


@dataclass(frozen=True, slots=True)
class Features:
    """Bags of categories of every node, by type and by the name of the feature.

    Attributes:
        sizes: Number of nodes, by type.
        bags: Of each type, in the order of its features; the number of a node, which every type
            has as its first feature, is not among them.
    """

    sizes: Mapping[str, int]
    bags: Mapping[str, Mapping[str, Bags]]

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array, by name."""
        named = {kind: [size, *self.bags[kind]] for kind, size in self.sizes.items()}
        told = {"features": np.frombuffer(json.dumps(named).encode(), dtype=np.uint8)}
        for kind, own in self.bags.items():
            for at, one in enumerate(own.values()):
                told |= {f"{kind}.{at}.{name}": getattr(one, name) for name in BAGS}
        return told

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray]) -> Features:
        """Those of which `arrays` are."""
        named = json.loads(arrays["features"].tobytes())
        about = {
            kind: {
                feature: Bags(*(arrays[f"{kind}.{at}.{name}"] for name in BAGS))
                for at, feature in enumerate(features)
            }
            for kind, (_, *features) in named.items()
        }
        return cls({kind: size for kind, (size, *_) in named.items()}, about)


def attributes_of(table: pl.DataFrame) -> dict[str, Bags]:
    """A feature a column of a table of users or items; ids and texts are none, nor is `TERMS`."""
    left_out = {USER_ID, ITEM_ID, TITLE, DESCRIPTION}
    found = {name: bags(table.select(name)) for name in table.columns if name not in left_out}
    return {own_name(name, (TERMS,)): one for name, one in found.items() if len(one.categories)}


def words_of(said: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, Bags]:
    """Bags of words of nodes, over one vocabulary of all types; no type of which nothing is said.

    Args:
        said: Words of each node, each once, by type.
    """
    counts = Counter(word for own in said.values() for words in own for word in words)
    places = {word: n for n, word in enumerate(sorted(w for w, c in counts.items() if c >= LEAST))}
    found = {}
    for kind, own in said.items():
        kept = [[places[word] for word in words if word in places] for words in own]
        lengths = np.array([len(words) for words in kept], dtype=np.int64)
        categories = np.array([place for words in kept for place in words], dtype=np.int64)
        weights = np.repeat(1 / lengths.clip(1), lengths).astype(np.float32)
        offsets = np.cumsum(lengths) - lengths
        if len(categories):
            found[kind] = Bags(categories, weights, offsets, np.array([len(places)]))
    return found


class Pooled(nn.Module):
    """Vectors of some nodes by one feature: the weighted mean over the bag of each."""

    categories: Tensor
    weights: Tensor
    offsets: Tensor

    def __init__(self, content: Bags, table: nn.Embedding) -> None:
        super().__init__()
        self.table = table
        ends = np.append(content.offsets, len(content.categories))
        kept = {"categories": content.categories, "weights": content.weights, "offsets": ends}
        for name, array in kept.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)

    def forward(self, nodes: Tensor) -> Tensor:
        """(m, d) of (m,) nodes."""
        starts = self.offsets[nodes]
        lengths = self.offsets[nodes + 1] - starts
        ends = lengths.cumsum(0)
        places = torch.repeat_interleave(starts - ends + lengths, lengths)
        places = places + torch.arange(len(places), device=nodes.device)
        return F.embedding_bag(
            self.categories[places],
            self.table.weight,
            ends - lengths,
            per_sample_weights=self.weights[places],
            mode="sum",
        )


class Known(nn.Module):
    """(m, n, d) vectors of the n features of nodes of one type, mapped into the common space."""

    def __init__(
        self, size: int, content: Mapping[str, Bags], words: nn.Embedding | None, width: int
    ) -> None:
        super().__init__()
        self.table = _embedding(size, width)
        parts = []
        for name, own in content.items():
            shared = words if name == TERMS else None
            parts.append(Pooled(own, shared or _embedding(int(own.n_categories[0]), width)))
        self.parts = nn.ModuleList(parts)
        self.map = nn.Linear(width, width, bias=False)
        nn.init.orthogonal_(self.map.weight)

    @property
    def n(self) -> int:
        """How many features a node has, its own number among them."""
        return 1 + len(self.parts)

    def forward(self, nodes: Tensor) -> Tensor:
        """(m, n, d) of (m,) nodes."""
        parts = [self.table(nodes), *(cast(Pooled, part)(nodes) for part in self.parts)]
        mapped: Tensor = self.map(torch.stack(parts, 1))
        return mapped


def _embedding(size: int, width: int) -> nn.Embedding:
    table = nn.Embedding(size, width)
    nn.init.normal_(table.weight, std=width**-0.5)
    return table
