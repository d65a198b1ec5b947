"""Vectors of users and items that a trained graph model left, as tokens of what reads a history.

Where all of an entity's are zero, nothing is said of it, and the recommender is the plain one.

Source: RankGraph (arXiv 2509.02942), which gives vectors of its graph to sequence models as context
tokens, and leaves open how they are best put together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llm.shuffle import others
from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import Inputs
from recommend.sequence.network import FEATURE
from recommend.sequence.protocols import Newcomer, Nodes
from recommend.settings.tokens import TokensConfig

BARE = 0.25
"""Share of training rows before which nothing is known but what is older than them."""


class Tokens(nn.Module):
    """The vectors, frozen or trained on, and what they say of a user."""

    item_width = user_width = 0
    of_items: Tensor
    of_users: Tensor

    def __init__(self, config: TokensConfig, inputs: Inputs) -> None:
        super().__init__()
        given = inputs.embeddings
        assert given is not None
        self.config = config
        users = np.zeros((inputs.n_users, 0), np.float32) if given.users is None else given.users
        for side, vectors in (("item", given.items), ("user", users)):
            table = torch.from_numpy(np.array(vectors))
            if config.permuted:
                table = table[torch.from_numpy(others(len(table), side, config.permutation))]
            if config.trainable and table.shape[1]:
                setattr(self, f"of_{side}s", nn.Parameter(table))
            else:
                self.register_buffer(f"of_{side}s", table, persistent=False)
        self.channels = self.of_items.shape[1]
        self.dropout = Dropout(config.dropout)

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """(n_users, c) users, of width 0 where they are not read, and (n_items, c) items."""
        return self.of_users, self.of_items

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, 0) features of items, or of some of them."""
        return (nodes[1] if only is None else nodes[1][only])[:, :0]

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, 0) features of users."""
        return nodes[1].new_empty(*batch.items.shape, 0)

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, 0) a user of whom nothing is known but the history."""
        return newcomer.shares.new_empty(1, 0)

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """(1, c) mean over items that are alike, and what features there are of it."""
        mean = newcomer.mean(nodes[1])
        return mean, self.items((nodes[0], mean), newcomer.alike[:0])

    def _known(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, c) the graph model's own vectors of users, or the mean of their items so far."""
        if self.config.of_users:
            own = nodes[0].index_select(0, batch.users)
            return own[:, None].expand(-1, batch.items.shape[1], -1)
        there = _read(batch, nodes[1].shape[0])
        own = F.embedding(batch.items.where(there, 0), nodes[1]) * there[..., None]
        summed, count = own.cumsum(1), there.cumsum(1)
        if len(batch.prior):
            older = torch.bincount(batch.prior_row, minlength=len(there))  # (b,)
            before = F.embedding_bag(batch.prior, nodes[1], older.cumsum(0) - older, mode="sum")
            summed, count = before[:, None] + summed, older[:, None] + count
        return summed / count.clamp_min(1)[..., None]

    def _maps(self, width: int) -> nn.ModuleDict:
        """A map to the width of the recommender for each side."""
        maps = nn.ModuleDict()
        for side in self.config.sides:
            made = nn.Linear(self.channels, width, bias=False)
            nn.init.normal_(made.weight, std=FEATURE)
            maps[side] = made
        return maps


class Added(Tokens):
    """`concat`: what is added to the vectors of items, in and out, and of users at a position.

    A map of an item's own vector beside another is a sum of two maps.
    """

    def __init__(self, config: TokensConfig, inputs: Inputs, width: int) -> None:  # noqa: ARG002
        super().__init__(config, inputs)
        self.item_width = self.user_width = self.channels

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, c) items, or some of them."""
        kept: Tensor = self.dropout(nodes[1] if only is None else nodes[1][only])
        return kept

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, c) what is known of users at each position."""
        kept: Tensor = self.dropout(self._known(nodes, batch))
        return kept


class Before(Tokens):
    """`prepend`: one token of the user, and one of the latest item that is known.

    They stand before all positions of a row, so they are made of the items before its cut alone,
    and positions before it are not trained: as with vectors that are made anew now and then.
    """

    def __init__(self, config: TokensConfig, inputs: Inputs, width: int) -> None:
        super().__init__(config, inputs)
        self.maps = self._maps(width)

    def cut(self, batch: Batch) -> Batch:
        """The batch with a cut drawn in each row, and without targets that its tokens knew.

        A cut of c is after the row's first c items: the first position that is trained is the
        last of these.
        """
        if self.config.of_users and "item" not in self.config.sides:
            return batch
        trained = (batch.targets >= 0).sum(1)  # (b,)
        place, bare = torch.rand(2, len(trained), device=trained.device)
        cut = (1 + (place * trained).long()).minimum(trained) * (bare >= BARE)
        column = torch.arange(batch.items.shape[1], device=cut.device)
        targets = batch.targets.masked_fill(column < cut[:, None] - 1, -1)
        return replace(batch, targets=targets, cut=cut)

    def before(self, nodes: Nodes, batch: Batch) -> tuple[Tensor, Tensor]:
        """(b, t, d) tokens, and (b,) whether there are any."""
        said = {
            "user": lambda: self._known(nodes, batch)[:, -1],
            "item": lambda: _latest(nodes[1], batch),
        }
        vectors = {side: said[side]() for side in self.config.sides}
        there = torch.stack([one.ne(0).any(1) for one in vectors.values()]).any(0)
        tokens = [self.maps[side](self.dropout(one)) for side, one in vectors.items()]
        return torch.stack(tokens, 1), there


class After(Tokens):
    """`cross`: what a position attends to once the history is read, added to what was read.

    That is the items up to it, as the graph model has them, and the user.
    """

    def __init__(self, config: TokensConfig, inputs: Inputs, width: int) -> None:
        super().__init__(config, inputs)
        self.query = nn.Linear(width, self.channels, bias=False)
        self.maps = self._maps(width)

    def after(self, nodes: Nodes, batch: Batch, users: Tensor) -> Tensor:
        """(b, l, k, d) users who have attended.

        Keys are the vectors themselves, since a map of keys is one of queries, and values are
        mapped once they are summed.

        Source: Vaswani et al., Attention is all you need, eq. 1, with one head.
        """
        length, vectors = batch.items.shape[1], dict[str, Tensor]()
        if "item" in self.config.sides:
            there = batch.items < len(nodes[1])  # a row without any reads its first place
            read = F.embedding(batch.items.where(there, 0), nodes[1]) * there[..., None]
            vectors["item"] = self.dropout(read)  # (b, l, c)
        if "user" in self.config.sides:
            vectors["user"] = self.dropout(self._known(nodes, batch))  # (b, l, c)
        logits, asked = [], self.query(users)  # (b, l, k, c)
        for side, of in vectors.items():
            if side == "user":
                logits.append((asked * of[:, :, None]).sum(-1, keepdim=True))
            else:
                place = torch.arange(length, device=of.device)
                later = place[:, None, None] < place  # (l, 1, l)
                logit = (asked.flatten(1, 2) @ of.transpose(1, 2)).view(*asked.shape[:3], length)
                logits.append(logit.masked_fill(later, -torch.inf))
        weights = (torch.cat(logits, -1) * self.channels**-0.5).softmax(-1)
        if "item" in vectors:
            summed = weights[..., :length].flatten(1, 2) @ vectors["item"]
            users = users + self.maps["item"](summed).view_as(users)
        if "user" in vectors:
            users = users + self.maps["user"](weights[..., -1:] * vectors["user"][:, :, None])
        return users


FUSIONS = {"concat": Added, "prepend": Before, "cross": After}


def tokens_of(config: TokensConfig, inputs: Inputs, width: int) -> Tokens:
    """The enhancer that gives tokens as its settings say."""
    made: Tokens = FUSIONS[config.fusion](config, inputs, width)
    return made


def _read(batch: Batch, n: int) -> Tensor:
    """(b, l) bool, items of each row that tokens may know."""
    there = batch.items < n
    if batch.cut is None:
        return there
    column = torch.arange(batch.items.shape[1], device=there.device)
    return there & (column < batch.cut[:, None])


def _latest(vectors: Tensor, batch: Batch) -> Tensor:
    """(b, c) of the latest item that tokens may know; zeros where they know none."""
    known = _read(batch, len(vectors)).sum(1)  # (b,)
    older = torch.bincount(batch.prior_row, minlength=len(known))
    row = torch.arange(len(known), device=known.device)
    own = batch.items[row, (known - 1).clamp_min(0)]
    last = torch.cat([batch.prior, batch.prior.new_zeros(1)])[older.cumsum(0) - 1]
    item = torch.where(known > 0, own, last)
    there = (known > 0) | (older > 0)
    return vectors[item.where(there, 0)] * there[:, None]
