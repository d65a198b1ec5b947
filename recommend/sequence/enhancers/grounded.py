"""AutoGraph whose nodes begin as what their texts mean. Not in the paper.

The paper starts users and factors at random, so that what the texts mean reaches a recommender by
membership alone. Here a node is a projection of its semantic vector and a small learnt residual: an
item or a user of its own text's vector, a factor of the mean over its members' vectors. Until there
is enough to learn from, a rare item is what is said of it, and an item's meaning stands beside what
its factors and its users say.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recommend.sequence.chunks import Batch
from recommend.sequence.enhancers.autograph import AutoGraph, FactorPath, hear_from_factors
from recommend.sequence.inputs import Inputs
from recommend.sequence.protocols import Newcomer, Nodes
from recommend.settings.grounded import GroundedConfig

SMALL = 0.02
"""Deviation of what a fresh node is beside its meaning."""


class GroundedPath(FactorPath):
    """`x > factor > x` over factors that begin as the mean of their members."""

    centres: Tensor

    def __init__(
        self, codes: np.ndarray, factors: int, width: int, heads: int, vectors: np.ndarray
    ) -> None:
        super().__init__(codes, factors, width, heads)
        nn.init.normal_(self.factor.weight, std=SMALL)
        centres = torch.from_numpy(_centres(codes, factors, vectors))
        self.register_buffer("centres", centres, persistent=False)
        self.project = _projection(vectors.shape[1], width)

    @property
    def factors(self) -> Tensor:
        """(f, d) factor nodes before they have seen anybody."""
        nodes: Tensor = self.factor.weight + self.project(self.centres)
        return nodes


class Grounded(AutoGraph):
    """Graph features of nodes that mean something from the start."""

    user_vectors: Tensor
    item_vectors: Tensor

    def __init__(self, config: GroundedConfig, inputs: Inputs, width: int) -> None:
        super().__init__(config, inputs, width)
        tables, vectors = inputs.graph, inputs.vectors
        assert tables is not None and vectors is not None
        for side in ("user", "item"):
            of_side = torch.from_numpy(np.array(getattr(vectors, f"{side}s")))
            self.register_buffer(f"{side}_vectors", of_side, persistent=False)
        self.item_meaning = _projection(self.item_vectors.shape[1], width)
        self.user_meaning = None
        users, items = (int(n) for n in tables.n_factors)
        heads = config.heads
        if self.item_path is not None:
            self.item_path = GroundedPath(tables.item_factors, items, width, heads, vectors.items)
        if config.user_texts:
            assert vectors.users is not None
            nn.init.normal_(self.user.weight, std=SMALL)
            self.user_meaning = _projection(self.user_vectors.shape[1], width)
            if self.user_path is not None:
                self.user_path = GroundedPath(
                    tables.user_factors, users, width, heads, vectors.users
                )
        self.item_width += width

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:
        """Users and items after the semantic metapaths, then items as they mean, side by side."""
        meant = self.item_meaning(self.item_vectors)
        own, users = items + meant, self._own_users()
        heard = own if self.item_path is None else self.item_path(own)
        return (
            users if self.user_path is None else self.user_path(users, hidden),
            torch.cat([heard, meant], 1),
        )

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, user_width) users, and what their items up to each position say."""
        return super().users((nodes[0], self._after_factors(nodes)), batch)

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:
        """(n, item_width) items, what some of their users say, and what they mean."""
        graph = super().items((nodes[0], self._after_factors(nodes)), hidden, only)
        meant = nodes[1][:, nodes[0].shape[1] :]
        return torch.cat([graph, self._drop(meant if only is None else meant[only])], 1)

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, d) node of a user: what the text means, and what the user's factors say."""
        own = newcomer.mean(self.user.weight)
        if self.user_meaning is not None:
            own = own + _meaning(self.user_meaning, newcomer)
        return hear_from_factors(self.user_path, own, self._own_users(), newcomer)

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:
        """Node and features of an item, of its text's meaning and its factors; see `AutoGraph`."""
        meant = _meaning(self.item_meaning, newcomer)
        own, others = newcomer.mean(items) + meant, items + self.item_meaning(self.item_vectors)
        heard = hear_from_factors(self.item_path, own, others, newcomer)
        features = self._of_those_alike(nodes, newcomer)
        width = heard.shape[1]
        features[:, :width], features[:, -width:] = heard, meant
        return torch.cat([heard, meant], 1), features

    def _own_users(self) -> Tensor:
        """(n_users, d) users before the semantic metapaths."""
        own = self.user.weight
        return own if self.user_meaning is None else own + self.user_meaning(self.user_vectors)

    def _after_factors(self, nodes: Nodes) -> Tensor:
        return nodes[1][:, : nodes[0].shape[1]]


def _meaning(projection: nn.Linear, newcomer: Newcomer) -> Tensor:
    """(1, d) what the text of a newcomer means."""
    assert newcomer.vector is not None
    meant: Tensor = projection(newcomer.vector[None])
    return meant


def _projection(given: int, width: int) -> nn.Linear:
    """A map of standardised vectors to nodes of length about one."""
    projection = nn.Linear(given, width, bias=False)
    nn.init.normal_(projection.weight, std=(given * width) ** -0.5)
    return projection


def _centres(codes: np.ndarray, factors: int, vectors: np.ndarray) -> np.ndarray:
    """(f, d) float32 mean vector of the members of each factor; zeros without members."""
    levels = codes.shape[1]
    total = np.zeros((factors, vectors.shape[1]), dtype=np.float32)
    np.add.at(total, codes.T.flatten(), np.tile(vectors, (levels, 1)))
    members = np.bincount(codes.flatten(), minlength=factors)
    centres: np.ndarray = total / np.maximum(members, 1)[:, None].astype(np.float32)
    return centres
