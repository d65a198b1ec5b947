"""LightGCN over the interactions of training (He et al., SIGIR 2020, eq. 3 to 8).

A node's vector is the mean over layers; layer k + 1 of a node is the sum over its neighbours'
layer k, each divided by the root of both degrees. Different here, so that no step reads its own
answer: the users of a step send nothing to items, whose other users speak up for them, and what a
user hears at a position comes from the items before it (at most the last 512 before the chunk),
with the degree that the user has there. Items have the backbone's embeddings.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from data.relation import Relation
from recommend.graphs.sparse import csr, product
from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import Inputs
from recommend.sequence.prefix import prefix_counts, prefix_sums
from recommend.sequence.protocols import Nodes
from recommend.settings.lightgcn import LightGcnConfig


class LightGcn(nn.Module):
    """Means over layers of users and items."""

    to_items: Tensor
    to_users: Tensor
    root: Tensor
    heard: Tensor

    def __init__(self, config: LightGcnConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        self.layers = config.layers
        self.user = nn.Embedding(inputs.n_users, width)
        nn.init.normal_(self.user.weight, std=width**-0.5)
        self.user_width = self.item_width = width
        self._keep(inputs.relations["taken"])
        self.dropout = Dropout(config.dropout)

    def _keep(self, taken: Relation) -> None:
        """Â and its transpose as sparse matrices, and the roots of the items' degrees."""
        degrees = (
            taken.degrees.clip(1),
            np.bincount(taken.targets, minlength=taken.n_targets).clip(1),
        )
        weights = (degrees[0][taken.sources] * degrees[1][taken.targets]) ** -0.5
        for name, one in (("to_items", taken), ("to_users", taken.transpose())):
            own = weights if one is taken else weights[np.argsort(taken.targets, kind="stable")]
            parts = (one.offsets, one.targets.astype(np.int64), own.astype(np.float32))
            sparse = csr(parts, (len(one), one.n_targets))
            self.register_buffer(name, sparse, persistent=False)
        root = torch.from_numpy(degrees[0].astype(np.float32) ** -0.5)
        self.register_buffer("root", root, persistent=False)
        heard = self.to_items @ torch.ones(len(degrees[1]), 1)
        self.register_buffer("heard", heard, persistent=False)

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:
        """(n_users, d) own vectors of users, and (layers + 1, n_items, d) items of every layer.

        Args:
            items: (n_items, d) embeddings of items, those of the backbone.
            hidden: (h,) users that no item may hear: in training those of the batch.
        """
        users, layers = self.user.weight, [items]
        louder = self._louder(hidden)
        for _ in range(self.layers):
            visible = users.index_fill(0, hidden, 0.0)
            if len(layers) < self.layers:
                users = product(self.to_users, self.to_items, layers[-1])
            layers.append(product(self.to_items, self.to_users, visible) * louder)
        return self.user.weight, torch.stack(layers)

    def _louder(self, hidden: Tensor) -> Tensor:
        """(n_items, 1) what makes up for hidden users; without it, a faint item were an answer."""
        if len(hidden) == 0:
            return torch.ones_like(self.heard)
        present = self.heard.new_ones(self.user.num_embeddings, 1).index_fill(0, hidden, 0.0)
        visible = self.to_items @ present
        return torch.where(visible > 0, self.heard / visible, 0.0)

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, d) mean over layers of users, who at a position know the items up to it."""
        own = nodes[0].index_select(0, batch.users)  # (b, d)
        sent = nodes[1][:-1].sum(0) * self.root[:, None]  # (n_items, d)
        heard = prefix_sums(sent, batch) * prefix_counts(batch).clamp_min(1)[..., None] ** -0.5
        kept: Tensor = self.dropout((own[:, None] + heard) / (self.layers + 1))
        return kept

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, d) mean over layers of items, or of some of them."""
        mean = nodes[1].mean(0)
        kept: Tensor = self.dropout(mean if only is None else mean[only])
        return kept
