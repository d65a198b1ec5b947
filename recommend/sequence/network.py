"""The network: item vectors, a backbone over them, towers that add features on both sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommend.features import Bags
from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import Inputs
from recommend.sequence.protocols import Backbone, Begins, Enhancer, Nodes
from recommend.settings import BACKBONES, ENHANCERS, ModelConfig

SMALL = 0.02
"""Deviation of a fresh item's own vector: until it is trained, its features speak for it."""
FEATURE = 0.03
"""Deviation of the maps of an enhancer's features.

Of 0.005, 0.014, 0.03 and 0.05 it did best on the demo's validation (NDCG@10 over 3 seeds of SASRec
0.113, 0.115, 0.118, 0.118, of YouTubeDNN 0.092, 0.093, 0.095, 0.094); MovieLens-1M preferred the
first to the last (one seed, 10 epochs of SASRec: 0.1068, 0.1048)."""


class Propagated(NamedTuple):
    """What one step shares among all rows of its batch.

    Attributes:
        items: (n_items, d) item vectors.
        nodes: What the enhancer needs again for the users' side.
        people: (n_users, d) what the users' attributes say; None where they are not read.
    """

    items: Tensor
    nodes: Nodes
    people: Tensor | None


class Network(nn.Module):
    """Scores are products of user and item vectors; an item has one vector, as input and as output.

    Different from the paper's two towers: features are added to the vectors as linear residuals, on
    both sides, so that a feature that says nothing costs nothing.
    """

    def __init__(self, config: ModelConfig, inputs: Inputs) -> None:
        super().__init__()
        width = config.width
        self.scale = width**0.5
        self.item = nn.Embedding(inputs.n_items, width)
        nn.init.normal_(self.item.weight, std=SMALL)
        self.item_attributes = BagEmbedding(inputs.items, width) if config.item_features else None
        self.user_attributes = BagEmbedding(inputs.users, width) if config.user_features else None
        backbone, enhancer = BACKBONES[config.backbone.name], ENHANCERS[config.enhancer.name]
        self.backbone: Backbone = backbone.load()(config.backbone, width, config.max_history)
        self.dropout = Dropout(config.embedding_dropout)
        self.enhancer: Enhancer = enhancer.load()(config.enhancer, inputs, width)
        self.sides = config.enhancer.sides
        self.item_graph = _linear(self.enhancer.item_width, width)
        self.user_graph = _linear(self.enhancer.user_width, width)
        for weight in (*self.item_graph.parameters(), *self.user_graph.parameters()):
            nn.init.normal_(weight, std=FEATURE)
        if isinstance(self.enhancer, Begins):
            self.enhancer.begin(self.item, self.item_graph)

    def propagate(self, hidden: Tensor) -> Propagated:
        """Item vectors, and graph nodes in which the users `hidden` have no `user > item` edge."""
        items = self.item.weight
        nodes = self.enhancer.propagate(items, hidden)
        if self.item_attributes is not None:
            items = items + self.item_attributes()
        if "item" in self.sides:
            items = items + self.item_graph(self.enhancer.items(nodes, hidden))
        people = None if self.user_attributes is None else self.user_attributes()
        return Propagated(items, nodes, people)

    def users(self, shared: Propagated, batch: Batch) -> Tensor:
        """(b, l, k, d) user vectors after each position of a batch, k interests each."""
        padded = torch.cat([shared.items, torch.zeros_like(shared.items[:1])])
        sequence = F.embedding(batch.items, padded)  # (b, l, d)
        users: Tensor = self.backbone(self.dropout(sequence * self.scale))  # (b, l, k, d)
        if shared.people is not None:
            users = users + shared.people[batch.users][:, None, None]
        if "user" in self.sides:
            users = users + self.user_graph(self.enhancer.users(shared.nodes, batch))[:, :, None]
        return users


def _linear(given: int, width: int) -> nn.Module:
    """A map of features to vectors; of an enhancer without features it is not asked."""
    return nn.Linear(given, width, bias=False) if given else nn.Identity()


class BagEmbedding(nn.Module):
    """A learnt vector a category; an entity's vector is the weighted sum over its bag."""

    categories: Tensor
    weights: Tensor
    offsets: Tensor

    def __init__(self, content: Bags, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(int(content.n_categories[0]), width)
        nn.init.normal_(self.table.weight, std=width**-0.5 / 4)
        for name in ("categories", "weights", "offsets"):
            array = torch.from_numpy(np.array(getattr(content, name)))
            self.register_buffer(name, array, persistent=False)

    def forward(self) -> Tensor:
        """(n, d) vector of every entity."""
        return self._sum(self.categories, self.offsets, self.weights)

    def of(self, bags: Bags) -> Tensor:
        """(m, d) vectors of entities that the network was not built with."""
        device = self.table.weight.device
        arrays = (bags.categories, bags.offsets, bags.weights)
        return self._sum(*(torch.from_numpy(np.array(array)).to(device) for array in arrays))

    def _sum(self, categories: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
        return F.embedding_bag(
            categories, self.table.weight, offsets, mode="sum", per_sample_weights=weights
        )
