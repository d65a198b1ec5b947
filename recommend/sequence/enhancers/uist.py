"""UIST: codes as feature ids (Liu et al., 2024: Discrete Semantic Tokenization for CTR Prediction).

A learnt vector a code and level; those of an entity are summed and go through a network of two
layers. Source: AutoGraph, section 4.1.4 and D.3.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import Inputs
from recommend.sequence.protocols import Newcomer, Nodes
from recommend.settings.uist import UistConfig


class CodeTower(nn.Module):
    """Features of one side from its codes."""

    codes: Tensor

    def __init__(self, codes: np.ndarray, factors: int, hidden: int, width: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.from_numpy(np.array(codes)), persistent=False)
        self.table = nn.Embedding(factors, hidden)
        nn.init.normal_(self.table.weight, std=codes.shape[1] ** -0.5)
        self.out = nn.Linear(hidden, width)

    def forward(self) -> Tensor:
        """(n, width) features of every entity."""
        return self.of(self.codes)

    def of(self, codes: Tensor) -> Tensor:
        """(m, width) features of entities with (m, levels) codes."""
        summed = F.embedding_bag(codes, self.table.weight, mode="sum")
        features: Tensor = self.out(F.relu(summed))
        return features


class Uist(nn.Module):
    """Features of users and items that hold nothing but their codes."""

    def __init__(self, config: UistConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        tables = inputs.graph
        assert tables is not None
        users, items = (int(n) for n in tables.n_factors)
        self.user = CodeTower(tables.user_factors, users, config.hidden, width)
        self.item = CodeTower(tables.item_factors, items, config.hidden, width)
        self.user_width = self.item_width = width
        self.dropout = Dropout(config.dropout)

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """(n_users, d) and (n_items, d) features; no code depends on another user's."""
        return self.user(), self.item()

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, d) users, the same at every position."""
        kept: Tensor = self.dropout(nodes[0].index_select(0, batch.users))
        return kept[:, None].expand(-1, batch.items.shape[1], -1)

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, d) items, or some of them."""
        kept: Tensor = self.dropout(nodes[1] if only is None else nodes[1][only])
        return kept

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, d) features of the user's codes."""
        assert newcomer.factors is not None
        return self.user.of(newcomer.factors[None])

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """(1, d) features of the item's codes, which are node and features."""
        assert newcomer.factors is not None
        made = self.item.of(newcomer.factors[None])
        return made, made
