"""TopoI2I: a graph of items that were judged to be alike, by graph attention.

Source: AutoGraph, section 4.1.4 and appendix D, which take the edges of Sun et al. (2023), judged
by a language model a pair, and put graph attention over them. No user is heard by an item, so no
step can read the edge to its own target.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recommend.dropout import Dropout
from recommend.inputs import Inputs
from recommend.listening import FewEdges, FromHistory
from recommend.sequences import Batch
from recommend.settings import TopoI2IConfig

Nodes = tuple[Tensor, Tensor]
"""(n_users, d) users and (n_items, d) items that have heard from similar ones."""


class TopoI2I(nn.Module):
    """Features of items from those like them, and of users from themselves and their items."""

    def __init__(self, config: TopoI2IConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        edges, heads = inputs.pairs, config.heads
        assert edges is not None
        self.user = nn.Embedding(inputs.n_users, width)
        nn.init.normal_(self.user.weight, std=width**-0.5)
        self.similar = nn.ModuleList(
            FewEdges(edges, config.neighbours, width, heads) for _ in range(config.layers)
        )
        self.history = FromHistory(width, heads)
        self.user_width, self.item_width = 2 * width, width
        self.dropout = Dropout(config.dropout)

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """Users as they are, and items after every layer.

        Args:
            items: (n_items, d) embeddings of items, those of the backbone.
            hidden: Users that nobody may hear: nobody does.
        """
        for similar in self.similar:
            items = items + similar(items, items)
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
