"""Attention over edges that never change, and over histories: who hears what from whom."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from data.relation import Relation
from recommend.sequence import attention
from recommend.sequence.attention import AttentionHead, Edges, FixedEdges, look_up
from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.protocols import Nodes


class FewEdges(nn.Module):
    """Nodes hear from a few others each, the weightiest; shapes as in `attention.neighbours`.

    The weight of an edge multiplies its attention: its logarithm is added to the logit of eq. (6).
    """

    present: Tensor
    prior: Tensor

    def __init__(self, edges: Relation, at_most: int, width: int, heads: int) -> None:
        super().__init__()
        self.head = AttentionHead(width, heads)
        degrees = edges.degrees
        place = np.arange(max(1, min(at_most, int(degrees.max(initial=0)))))
        present = place < degrees[:, None]  # (n, k)
        at = np.where(present, edges.offsets[:-1, None] + place, len(edges.targets))
        index = np.append(edges.targets.astype(np.int64), 0)[
            at
        ]  # what is not there is node 0, unheard
        prior = np.append(_priors(edges), np.float32(0))[at]
        self.edges = FixedEdges(Edges.to_each(torch.from_numpy(index), edges.n_targets))
        for name, array in (("present", present), ("prior", prior)):
            self.register_buffer(name, torch.from_numpy(array), persistent=False)

    def forward(self, nodes: Tensor, others: Tensor) -> Tensor:
        """(n, d) what each of `nodes` hears from its neighbours among `others`; zeros from none."""
        head, edges = self.head, self.edges()
        source = look_up(head.source(others), edges.speaker.view_as(self.prior))
        logit = attention.logits(head.target(nodes)[..., None], source) + self.prior
        return attention.neighbours(logit, head.values(others), edges, self.present).flatten(1)


class ManyEdges(nn.Module):
    """Nodes hear from any number of others; shapes as in `attention.grouped`."""

    prior: Tensor

    def __init__(self, edges: Relation, width: int, heads: int) -> None:
        super().__init__()
        self.head = AttentionHead(width, heads)
        ends = (edges.targets, edges.sources)
        speaker, hearer = (torch.from_numpy(end.astype(np.int64)) for end in ends)
        self.edges = FixedEdges(Edges.of(speaker, hearer, len(edges), edges.n_targets))
        self.register_buffer("prior", torch.from_numpy(_priors(edges)), persistent=False)

    def forward(self, nodes: Tensor, others: Tensor) -> Tensor:
        """(n, d) what each of `nodes` hears from its neighbours among `others`; zeros from none."""
        head, edges = self.head, self.edges()
        target = look_up(head.target(nodes), edges.hearer)
        source = look_up(head.source(others), edges.speaker)
        logit = attention.logits(target, source) + self.prior
        return attention.groups(logit, head.values(others), edges).flatten(1)


def _priors(edges: Relation) -> np.ndarray:
    """(m,) float32 logarithms of the weights; edges without weights weigh one."""
    if edges.weights is None:
        return np.zeros(len(edges.targets), np.float32)
    logarithms: np.ndarray = np.log(edges.weights)
    return logarithms


def from_history(head: AttentionHead, own: Tensor, items: Tensor, batch: Batch) -> Tensor:
    """(b, l, d) what users hear at each position: from themselves and their items up to it (eq. 8).

    Args:
        head: Weighs them.
        own: (b, d) users.
        items: (n_items, d) items.
        batch: Rows of items and what came before them; items that are no edge are not heard.
    """
    mine, theirs = head.values(own), head.values(items)
    target, source = head.target(own), head.source(items)
    read = batch.items.clamp_max(items.shape[0] - 1)
    logit = attention.logits(target[..., None], look_up(source, read)).movedim(0, -1)  # (b, l, h)
    heard = attention.prefixes(
        logit.masked_fill(~batch.edges[..., None], -torch.inf),
        theirs.index_select(0, read.flatten()).view(*read.shape, *theirs.shape[1:]),
        first=(attention.logits(target, head.source(own)).T, mine),
        prior=_older(target, source, theirs, batch) if len(batch.prior) else None,
    )
    return heard.flatten(2)


def _older(
    target: Tensor, source: Tensor, theirs: Tensor, batch: Batch
) -> tuple[Tensor, Tensor, Edges]:
    """What came before each row, as `attention.prefixes` wants it."""
    return (
        attention.logits(look_up(target, batch.prior_row), look_up(source, batch.prior)),
        theirs,
        Edges.of(batch.prior, batch.prior_row, target.shape[1], source.shape[1]),
    )


class Listeners(nn.Module):
    """Items that hear from what is said of them, and users who hear from their items.

    No user is heard by anything, so no step can read the edge to its own target. What an item hears
    is for the enhancer to say, in `hear`.
    """

    def __init__(self, n_users: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.user = nn.Embedding(n_users, width)
        nn.init.normal_(self.user.weight, std=width**-0.5)
        self.history = AttentionHead(width, heads)
        self.user_width, self.item_width = 2 * width, width
        self.dropout = Dropout(dropout)

    def hear(self, items: Tensor) -> Tensor:
        """(n_items, d) items after they have heard, from their embeddings."""
        raise NotImplementedError

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """Users as they are, and items after they have heard.

        Args:
            items: (n_items, d) embeddings of items, those of the backbone.
            hidden: Users that nobody may hear: nobody does.
        """
        return self.user.weight, self.hear(items)

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, 2 d) users, and what their items up to each position say."""
        own = nodes[0].index_select(0, batch.users)  # (b, d)
        heard = from_history(self.history, own, nodes[1], batch)  # (b, l, d)
        kept: Tensor = self.dropout(torch.cat([own[:, None].expand_as(heard), heard], 2))
        return kept

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, d) items, or some of them."""
        kept: Tensor = self.dropout(nodes[1] if only is None else nodes[1][only])
        return kept
