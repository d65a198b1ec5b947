"""KAR: knowledge vectors through a hybrid-expert adaptor (Xi et al., RecSys 2024, section 3.3).

An expert is a network of two layers; some read the vectors of both sides, others those of one. A
gate that reads the vector weighs them. Source of its use here: AutoGraph, section 4.1.4 and D.3.
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
from recommend.settings.kar import KarConfig


class Experts(nn.Module):
    """Several networks of two layers over the same vectors, computed at once."""

    def __init__(self, experts: int, given: int, hidden: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(given, experts * hidden)
        self.second = nn.Parameter(torch.empty(experts, hidden, width))
        nn.init.normal_(self.second, std=hidden**-0.5)
        self.experts = experts

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, experts, width) what each expert makes of (n, d) vectors."""
        inner = F.relu(self.first(vectors)).view(vectors.shape[0], self.experts, -1)
        return torch.einsum("neh,ehw->new", inner, self.second)


class Adaptor(nn.Module):
    """The gate of one side over its own experts and the shared ones."""

    def __init__(self, config: KarConfig, given: int, width: int) -> None:
        super().__init__()
        self.experts = Experts(config.own, given, config.hidden, width)
        self.gate = nn.Linear(given, config.own + config.shared)

    def forward(self, vectors: Tensor, shared: Experts) -> Tensor:
        """(n, width) features of (n, d) vectors."""
        said = torch.cat([self.experts(vectors), shared(vectors)], 1)
        weighed: Tensor = (self.gate(vectors).softmax(1)[..., None] * said).sum(1)
        return weighed


class Kar(nn.Module):
    """Features of users and items that hold nothing but what their texts mean."""

    user_vectors: Tensor
    item_vectors: Tensor

    def __init__(self, config: KarConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        assert inputs.vectors is not None
        for side in ("user", "item"):
            vectors = torch.from_numpy(np.array(getattr(inputs.vectors, f"{side}s")))
            self.register_buffer(f"{side}_vectors", vectors, persistent=False)
        given = self.item_vectors.shape[1]
        self.shared = Experts(config.shared, given, config.hidden, width)
        self.user = Adaptor(config, given, width)
        self.item = Adaptor(config, given, width)
        self.user_width = self.item_width = width
        self.dropout = Dropout(config.dropout)

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """(n_users, d) vectors as they are, since a step needs few of them, and item features."""
        return self.user_vectors, self.item(self.item_vectors, self.shared)

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, width) users, the same at every position."""
        features = self.user(nodes[0].index_select(0, batch.users), self.shared)
        kept: Tensor = self.dropout(features)
        return kept[:, None].expand(-1, batch.items.shape[1], -1)

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, width) items, or some of them."""
        kept: Tensor = self.dropout(nodes[1] if only is None else nodes[1][only])
        return kept

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, d) vector of the user's text, as it is."""
        assert newcomer.vector is not None
        return newcomer.vector[None]

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """(1, width) what the experts make of the text's vector, which is node and features."""
        assert newcomer.vector is not None
        made: Tensor = self.item(newcomer.vector[None], self.shared)
        return made, made
