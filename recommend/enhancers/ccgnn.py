"""CCGNN: a graph of users, items and the phrases in their texts, by graph attention.

Source: AutoGraph, section 4.1.4 and appendix D, which take the phrases of CCGNN as nodes and put
the attention of their own method in the place of its propagation. No user is heard by an item or a
phrase, so no step can read the edge to its own target.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recommend.dropout import Dropout
from recommend.inputs import Inputs
from recommend.listening import FewEdges, FromHistory, ManyEdges
from recommend.sequences import Batch
from recommend.settings import CcgnnConfig

Nodes = tuple[Tensor, Tensor]
"""(n_users, d) users and (n_items, d) items that have heard from their phrases."""


class Ccgnn(nn.Module):
    """Features of items from their phrases, and of users from themselves and their items."""

    def __init__(self, config: CcgnnConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        edges, heads = inputs.phrases, config.heads
        assert edges is not None
        self.user = nn.Embedding(inputs.n_users, width)
        self.phrase = nn.Embedding(int(edges.size[0]), width)
        for table in (self.user, self.phrase):
            nn.init.normal_(table.weight, std=width**-0.5)
        turned = edges.turned()
        layers = range(config.layers)
        self.gather = nn.ModuleList(ManyEdges(turned, width, heads) for _ in layers)
        self.scatter = nn.ModuleList(
            FewEdges(edges, config.neighbours, width, heads) for _ in layers
        )
        self.history = FromHistory(width, heads)
        self.user_width, self.item_width = 2 * width, width
        self.dropout = Dropout(config.dropout)

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """Users as they are, and items after every layer; in each, phrases hear first.

        Args:
            items: (n_items, d) embeddings of items, those of the backbone.
            hidden: Users that nobody may hear: nobody does.
        """
        phrases = self.phrase.weight
        for gather, scatter in zip(self.gather, self.scatter, strict=True):
            phrases = phrases + gather(phrases, items)
            items = items + scatter(items, phrases)
        return self.user.weight, items

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, 2 d) users, and what their items up to each position say."""
        own = nodes[0].index_select(0, batch.users)  # (b, d)
        heard = self.history(own, nodes[1], batch)  # (b, l, d)
        kept: Tensor = self.dropout(torch.cat([own[:, None].expand_as(heard), heard], 2))
        return kept

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, d) items, or some of them."""
        kept: Tensor = self.dropout(nodes[1] if only is None else nodes[1][only])
        return kept
