"""AutoGraph: metapath attention over the latent-factor graph (section 3.3, eq. 6 to 8).

Different here: `x > factor > x` is two hops through the factor, which has an embedding of its own,
instead of one over the pairs that share it, which costs O(n) instead of O(n² / k). What a node is
itself stands beside what its interactions say, not in a sum with it, and items have the backbone's
embeddings. A user's neighbours at a position are the items before it, and the users of a step are
hidden from all others, so the target's own edge never shows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recommend.sequence import attention
from recommend.sequence.attention import AttentionHead, Edges, FixedEdges, look_up
from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import GraphTables, Inputs
from recommend.sequence.listening import from_history
from recommend.sequence.protocols import Newcomer, Nodes
from recommend.settings.autograph import AutoGraphConfig
from recommend.settings.grounded import GroundedConfig

SERVED = 4
"""Times as many users of an item are looked at outside training, where they are not drawn."""


class FactorPath(nn.Module):
    """`x > factor > x`: entities to their factors, and back (eq. 7)."""

    def __init__(self, codes: np.ndarray, factors: int, width: int, heads: int) -> None:
        super().__init__()
        self.factor = nn.Embedding(factors, width)
        nn.init.normal_(self.factor.weight, std=width**-0.5)
        self.gather = AttentionHead(width, heads)
        self.scatter = AttentionHead(width, heads)
        down = Edges.to_each(torch.from_numpy(np.array(codes)), factors)
        members, of = down.hearer[down.turned], down.speaker[down.turned]
        self.up = FixedEdges(Edges.of(members, of, factors, len(codes)))
        self.down = FixedEdges(down)

    @property
    def factors(self) -> Tensor:
        """(f, d) factor nodes before they have seen anybody."""
        return self.factor.weight

    def forward(self, nodes: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(n, d) what the factors of each entity say, having seen their members.

        Args:
            nodes: (n, d) entities.
            hidden: (h,) entities that no factor may see in this step.
        """
        return self._hear(nodes, self.see_members(nodes, hidden), self.down())

    def see_members(self, nodes: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(f, d) factor nodes that have seen their members; arguments as `forward`'s."""
        edges, head = self.up(), self.gather
        source = head.source(nodes)
        if hidden is not None:
            source = source.index_fill(1, hidden, -torch.inf)
        target = look_up(head.target(self.factors), edges.hearer)
        logit = attention.logits(target, look_up(source, edges.speaker))
        heard = attention.groups(logit, nodes[:, None], edges)
        return self.factors + head.values_of_sums(heard).flatten(1)

    def hear_factors(self, nodes: Tensor, codes: Tensor, seen: Tensor) -> Tensor:
        """(n, d) what entities hear from their factors.

        Args:
            nodes: (n, d) entities, which weigh their factors.
            codes: (n, levels) factor nodes of each.
            seen: From `see_members`.
        """
        return self._hear(nodes, seen, Edges.to_each(codes, len(seen)))

    def _hear(self, nodes: Tensor, seen: Tensor, edges: Edges) -> Tensor:
        head = self.scatter
        source = look_up(head.source(seen), edges.speaker.view(len(nodes), -1))
        logit = attention.logits(head.target(nodes)[..., None], source)
        return attention.neighbours(logit, head.values(seen), edges).flatten(1)


def hear_from_factors(
    path: FactorPath | None, own: Tensor, others: Tensor, newcomer: Newcomer
) -> Tensor:
    """(1, d) node of a newcomer that has heard its factors, or as it is where there is no path.

    Args:
        path: Of its side.
        own: (1, d) what it is taken for before it has heard anything.
        others: (n, d) entities that its factors have seen.
        newcomer: Whose factors count.
    """
    if path is None:
        return own
    assert newcomer.factors is not None
    return path.hear_factors(own, newcomer.factors[None], path.see_members(others))


class AutoGraph(nn.Module):
    """Graph features of all items, and of the users at every position of a batch."""

    offsets: Tensor
    item_users: Tensor

    def __init__(
        self, config: AutoGraphConfig | GroundedConfig, inputs: Inputs, width: int
    ) -> None:
        super().__init__()
        tables, heads, paths = inputs.graph, config.heads, config.metapaths
        assert tables is not None
        self.sampled = config.neighbours
        self.user = nn.Embedding(inputs.n_users, width)
        nn.init.normal_(self.user.weight, std=width**-0.5)
        self.user_path = self.item_path = self.item_to_user = self.user_to_item = None
        if "user > user_factor > user" in paths:
            n = int(tables.n_factors[0])
            self.user_path = FactorPath(tables.user_factors, n, width, heads)
        if "item > item_factor > item" in paths:
            n = int(tables.n_factors[1])
            self.item_path = FactorPath(tables.item_factors, n, width, heads)
        if "item > user" in paths:
            self.item_to_user = AttentionHead(width, heads)
        if "user > item" in paths:
            self.user_to_item = AttentionHead(width, heads)
        self.user_width = width * (1 + (self.item_to_user is not None))
        self.item_width = width * (1 + (self.user_to_item is not None))
        self._keep_edges(tables)
        self.dropout = Dropout(config.dropout)

    def _keep_edges(self, tables: GraphTables) -> None:
        edges = {"offsets": tables.offsets, "item_users": tables.users}
        for name, array in edges.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:
        """Users and items after the semantic metapaths: one pass that the whole step shares.

        Args:
            items: (n_items, d) embeddings of items, those of the backbone.
            hidden: (h,) users that no factor may see: in training those of the batch.
        """
        users = self.user.weight
        return (
            users if self.user_path is None else self.user_path(users, hidden),
            items if self.item_path is None else self.item_path(items),
        )

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, user_width) users, and what their items up to each position say (eq. 8)."""
        own = nodes[0].index_select(0, batch.users)  # (b, d)
        length, head = batch.items.shape[1], self.item_to_user
        alike = own[:, None].expand(-1, length, -1)
        if head is None:
            return self._drop(alike)
        seen = from_history(head, own, nodes[1], batch)
        return self._drop(torch.cat([alike, seen], 2))

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:
        """(n, item_width) items, and what some of their users say (eq. 8).

        Args:
            nodes: From `propagate`.
            hidden: (h,) users whose edges must not show: in training those of the batch.
            only: (n,) numbers of the items; all of them unless given.
        """
        head, own = self.user_to_item, nodes[1] if only is None else nodes[1][only]
        if head is None:
            return self._drop(own)
        index, present = self._neighbours(hidden, only)
        source = look_up(head.source(nodes[0]), index)
        logit = attention.logits(head.target(own)[..., None], source)
        edges = Edges.to_each(index, len(nodes[0]))
        seen = attention.neighbours(logit, head.values(nodes[0]), edges, present)
        return self._drop(torch.cat([own, seen.flatten(1)], 1))

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, d) node of a user without an embedding: what the user's factors say.

        The mean of those who are alike weighs the factors in the place of an own embedding.
        """
        users = self.user.weight
        return hear_from_factors(self.user_path, newcomer.mean(users), users, newcomer)

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:
        """Node and features, (1, …) each, of an item that nobody had.

        Its factors say to it what they say to their members; what its users would say is the mean
        over the items that are alike.

        Args:
            nodes: From `propagate`.
            items: (n_items, d) embeddings of items, those of the backbone.
            newcomer: The item.
        """
        node = hear_from_factors(self.item_path, newcomer.mean(items), items, newcomer)
        features = self._of_those_alike(nodes, newcomer)
        features[:, : node.shape[1]] = node
        return node, features

    def _of_those_alike(self, nodes: Nodes, newcomer: Newcomer) -> Tensor:
        """(1, item_width) mean features of the items that are alike."""
        alike = newcomer.alike
        return newcomer.shares[None] @ self.items(nodes, alike.new_empty(0), alike)

    def _drop(self, features: Tensor) -> Tensor:
        kept: Tensor = self.dropout(features)
        return kept

    def _neighbours(self, hidden: Tensor, only: Tensor | None) -> tuple[Tensor, Tensor]:
        """(n, k) users of each item, and whether they may be seen.

        In training they are drawn anew each step; otherwise they are spread over the item's time.
        """
        k = self.sampled if self.training else SERVED * self.sampled
        degree, start = self.offsets.diff()[:, None], self.offsets[:-1, None]  # (n_items, 1)
        if only is not None:
            degree, start = degree[only], start[only]
        place = torch.arange(k, device=degree.device)
        if self.training:
            chosen = (torch.rand(len(degree), k, device=degree.device) * degree).long()
        else:
            chosen = (place * degree) // k
        position = torch.where(degree > k, chosen, place)
        at = (start + position).clamp_max(len(self.item_users) - 1)
        users = self.item_users[at].long()
        concealed = torch.zeros(self.user.num_embeddings, dtype=torch.bool, device=users.device)
        concealed[hidden] = True
        return users, (position < degree) & ~concealed[users]
