"""The network: item vectors, a backbone over them, towers that add features on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommend.features import Bags
from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import Inputs
from recommend.sequence.protocols import (
    Backbone,
    Begins,
    Enhancer,
    Nodes,
    StandsAfter,
    StandsBefore,
)
from recommend.settings import BACKBONES, ENHANCERS, ModelConfig

SMALL = 0.02
"""Deviation of a fresh item's own vector: until it is trained, its features speak for it."""
FEATURE = 0.03
"""Deviation of the maps of an enhancer's features.

Of 0.005, 0.014, 0.03 and 0.05 it did best on the demo's validation (NDCG@10 over 3 seeds of SASRec
0.113, 0.115, 0.118, 0.118, of YouTubeDNN 0.092, 0.093, 0.095, 0.094); MovieLens-1M preferred the
first to the last (one seed, 10 epochs of SASRec: 0.1068, 0.1048)."""


Bag = tuple[Tensor, Tensor, Tensor]
"""(m,) members of all bags, (n,) where each begins, (m,) weights."""


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
        widths = {"item": self.enhancer.item_width, "user": self.enhancer.user_width}
        self.sides = tuple(side for side in config.enhancer.sides if widths[side])
        self.item_graph = _linear(widths["item"], width)
        self.user_graph = _linear(widths["user"], width)
        for weight in (*self.item_graph.parameters(), *self.user_graph.parameters()):
            nn.init.normal_(weight, std=FEATURE)
        if isinstance(self.enhancer, Begins):
            self.enhancer.begin(self.item, self.item_graph)

    def propagate(self, hidden: Tensor) -> Propagated:
        """Item vectors, and graph nodes in which the users `hidden` have no `user > item` edge."""
        items = self.item.weight
        nodes = self.enhancer.propagate(items, hidden)
        if self.item_attributes is not None and self.item_attributes.says:
            items = items + self.item_attributes()
        if "item" in self.sides:
            items = items + self.item_graph(self.enhancer.items(nodes, hidden))
        people = None
        if self.user_attributes is not None and self.user_attributes.says:
            people = self.user_attributes()
        return Propagated(items, nodes, people)

    def users(self, shared: Propagated, batch: Batch) -> Tensor:
        """(b, l, k, d) user vectors after each position of a batch, k interests each."""
        return next(self.users_of(shared, [batch]))

    def users_of(self, shared: Propagated, parts: Sequence[Batch]) -> Iterator[Tensor]:
        """`users` of every batch; tables are looked up once, and so have one dense gradient."""
        for batch, sequence, person in zip(parts, *self._rows_of(shared, parts), strict=True):
            users = self._read(shared.nodes, batch, self.dropout(sequence * self.scale))
            if person is not None:
                users = users + person[:, None, None]
            if "user" in self.sides:
                features = self.enhancer.users(shared.nodes, batch)
                users = users + self.user_graph(features)[:, :, None]
            yield users

    def _read(self, nodes: Nodes, batch: Batch, sequence: Tensor) -> Tensor:
        """(b, l, k, d) what the backbone makes of (b, l, d), with tokens where there are some."""
        users: Tensor
        enhancer = self.enhancer
        if isinstance(enhancer, StandsBefore):
            tokens, there = enhancer.before(nodes, batch)
            users = self._read_after(self.dropout(tokens), there, sequence)
        else:
            users = self.backbone(sequence)
        return enhancer.after(nodes, batch, users) if isinstance(enhancer, StandsAfter) else users

    def _read_after(self, tokens: Tensor, there: Tensor, sequence: Tensor) -> Tensor:
        """(b, l, k, d) rows that have tokens with them, and all others without."""
        having, others = there.nonzero()[:, 0], (~there).nonzero()[:, 0]
        if not len(others):
            return self.backbone(sequence, tokens)
        read = [self.backbone(sequence[others])]
        if len(having):
            read.append(self.backbone(sequence[having], tokens[having]))
        return torch.cat(read)[torch.cat([others, having]).argsort()]

    def _rows_of(
        self, shared: Propagated, parts: Sequence[Batch]
    ) -> tuple[Iterable[Tensor], Iterable[Tensor | None]]:
        """(b, l, d) items of every batch, zero where there is none, and (b, d) attributes."""
        items = torch.cat([batch.items.flatten() for batch in parts])
        there = items < shared.items.shape[0]
        found = F.embedding(items.where(there, 0), shared.items) * there[:, None]
        looked = found.split_with_sizes([batch.items.numel() for batch in parts])
        sequences = [
            one.view(*batch.items.shape, -1) for one, batch in zip(looked, parts, strict=True)
        ]
        if shared.people is None:
            return sequences, [None] * len(parts)
        people = F.embedding(torch.cat([batch.users for batch in parts]), shared.people)
        return sequences, people.split_with_sizes([len(batch.users) for batch in parts])


def _linear(given: int, width: int) -> nn.Module:
    """A map of features to vectors; of an enhancer without features it is not asked."""
    return nn.Linear(given, width, bias=False) if given else nn.Identity()


class BagEmbedding(nn.Module):
    """A learnt vector a category; an entity's vector is the weighted sum over its bag."""

    categories: Tensor
    weights: Tensor
    offsets: Tensor
    entities: Tensor
    given: Tensor
    starts: Tensor

    def __init__(self, content: Bags, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(int(content.n_categories[0]), width)
        nn.init.normal_(self.table.weight, std=width**-0.5 / 4)
        turned = np.argsort(content.categories, kind="stable")
        sizes = np.diff(content.offsets, append=len(content.categories))
        counts = np.bincount(content.categories, minlength=int(content.n_categories[0]))
        arrays = {
            "categories": content.categories,
            "weights": content.weights,
            "offsets": content.offsets,
            "entities": np.repeat(np.arange(len(sizes)), sizes)[turned],
            "given": content.weights[turned],
            "starts": np.cumsum(counts) - counts,
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)

    @property
    def says(self) -> bool:
        """Whether any entity has a category; otherwise all vectors are zero."""
        return len(self.categories) > 0

    def forward(self) -> Tensor:
        """(n, d) vector of every entity."""
        bags = self.categories, self.offsets, self.weights
        turned = self.entities, self.starts, self.given
        vectors: Tensor = _BagSums.apply(self.table.weight, bags, turned)  # type: ignore[no-untyped-call]
        return vectors

    def of(self, bags: Bags) -> Tensor:
        """(m, d) vectors of entities that the network was not built with."""
        device = self.table.weight.device
        arrays = (bags.categories, bags.offsets, bags.weights)
        return _sums(
            self.table.weight, *(torch.from_numpy(np.array(array)).to(device) for array in arrays)
        )


class _BagSums(torch.autograd.Function):
    """Sums over bags that never change: a category's gradient is the sum over its entities.

    torch's own sorts the categories anew at every step.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, bags: Bag, turned: Bag) -> Tensor:
        ctx.turned = turned
        return _sums(table, *bags)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        return _sums(upstream[0], *ctx.turned), None, None


def _sums(table: Tensor, members: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    """(n, d) weighted sum of the rows of a table in each bag; arguments as `Bag`."""
    return F.embedding_bag(members, table, starts, mode="sum", per_sample_weights=weights)
