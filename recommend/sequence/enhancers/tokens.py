"""Vectors of users and items that a trained graph model left, as tokens of what reads a history.

Source: RankGraph (arXiv 2509.02942), which gives vectors of its graph to sequence models as context
tokens, and leaves open how they are best put together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import Inputs
from recommend.sequence.prefix import prefix_counts, prefix_sums
from recommend.sequence.protocols import Newcomer, Nodes
from recommend.settings.tokens import TokensConfig


class Tokens(nn.Module):
    """The vectors, frozen or trained on, and what they say of a user at a position."""

    of_items: Tensor
    of_users: Tensor

    def __init__(self, config: TokensConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        del width
        given = inputs.embeddings
        assert given is not None
        self.config, self.n_users = config, inputs.n_users
        rng = np.random.default_rng(config.permutation)
        users = np.zeros((inputs.n_users, 0), np.float32) if given.users is None else given.users
        for name, vectors in (("of_items", given.items), ("of_users", users)):
            order = rng.permutation(len(vectors)) if config.permuted else slice(None)
            table = torch.from_numpy(np.array(vectors[order]))
            if config.trainable and table.shape[1]:
                setattr(self, name, nn.Parameter(table))
            else:
                self.register_buffer(name, table, persistent=False)
        self.channels = self.of_items.shape[1]
        self.dropout = Dropout(config.dropout)

    @property
    def item_width(self) -> int:
        """Channels of items' features."""
        return self.channels

    @property
    def user_width(self) -> int:
        """Channels of users' features."""
        return self.channels

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """(n_users, c) users, of width 0 where they are not read, and (n_items, c) items."""
        return self.of_users, self.of_items

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, c) items, or some of them."""
        kept: Tensor = self.dropout(nodes[1] if only is None else nodes[1][only])
        return kept

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, c) what is known of users at each position."""
        kept: Tensor = self.dropout(self._known(nodes, batch))
        return kept

    def _known(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, c) the graph model's own vectors of users, or the mean of their items so far."""
        if self.config.of_users:
            own = nodes[0].index_select(0, batch.users)
            return own[:, None].expand(-1, batch.items.shape[1], -1)
        past = replace(batch, edges=batch.items < len(nodes[1]))
        return prefix_sums(nodes[1], past) / prefix_counts(past).clamp_min(1)[..., None]

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, 0) a user of whom nothing is known but the history."""
        return newcomer.shares.new_empty(1, 0)

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """(1, c) mean over items that are alike, which is node and features."""
        mean = newcomer.mean(nodes[1])
        return mean, mean
