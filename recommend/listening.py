"""Attention over edges that never change, and over histories: who hears what from whom."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recommend import attention
from recommend.attention import AttentionHead
from recommend.sequences import Batch
from recommend.sources import Relation


class FewEdges(nn.Module):
    """Nodes hear from a few others each, the weightiest; shapes as in `attention.neighbours`.

    The weight of an edge multiplies its attention: its logarithm is added to the logit of eq. (6).
    """

    index: Tensor
    present: Tensor
    prior: Tensor

    def __init__(self, edges: Relation, at_most: int, width: int, heads: int) -> None:
        super().__init__()
        self.head = AttentionHead(width, heads)
        degrees = np.diff(edges.offsets)
        place = np.arange(max(1, min(at_most, int(degrees.max(initial=0)))))
        present = place < degrees[:, None]  # (n, k)
        at = np.where(present, edges.offsets[:-1, None] + place, len(edges.targets))
        index = np.concatenate([edges.targets, [0]])[at]  # what is not there is node 0, unheard
        prior = np.concatenate([np.log(edges.weights), np.zeros(1, np.float32)])[at]
        for name, array in (("index", index), ("present", present), ("prior", prior)):
            self.register_buffer(name, torch.from_numpy(array), persistent=False)

    def forward(self, nodes: Tensor, others: Tensor) -> Tensor:
        """(n, d) what each of `nodes` hears from its neighbours among `others`; zeros from none."""
        head = self.head
        said = head.values(others)
        target = head.target(head.values(nodes))
        logit = attention.logits(target[:, None], head.source(said)[self.index])
        logit = logit + self.prior[..., None]
        return attention.neighbours(logit, said, self.index, self.present).flatten(1)


class ManyEdges(nn.Module):
    """Nodes hear from any number of others; shapes as in `attention.grouped`."""

    speaker: Tensor
    hearer: Tensor
    prior: Tensor

    def __init__(self, edges: Relation, width: int, heads: int) -> None:
        super().__init__()
        self.head = AttentionHead(width, heads)
        arrays = {"speaker": edges.targets, "hearer": edges.sources, "prior": np.log(edges.weights)}
        for name, array in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)

    def forward(self, nodes: Tensor, others: Tensor) -> Tensor:
        """(n, d) what each of `nodes` hears from its neighbours among `others`; zeros from none."""
        head = self.head
        said = head.values(others)
        target = head.target(head.values(nodes))
        logit = attention.logits(target[self.hearer], head.source(said)[self.speaker])
        values = said.index_select(0, self.speaker)
        heard = attention.grouped(logit + self.prior[:, None], values, self.hearer, len(nodes))
        return heard.flatten(1)


class FromHistory(nn.Module):
    """Users hear at every position from themselves and from their items up to it (eq. 8)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.head = AttentionHead(width, heads)

    def forward(self, own: Tensor, items: Tensor, batch: Batch) -> Tensor:
        """(b, l, d) what users hear.

        Args:
            own: (b, d) users.
            items: (n_items, d) items.
            batch: Rows of items and what came before them; items that are no edge are not heard.
        """
        head = self.head
        mine, theirs = head.values(own), head.values(items)
        target, source = head.target(mine), head.source(theirs)
        read = batch.items.clamp_max(len(items) - 1)
        logit = attention.logits(target[:, None], source[read])
        heard = attention.prefixes(
            logit.masked_fill(~batch.edges[..., None], -torch.inf),
            theirs.index_select(0, read.flatten()).view(*read.shape, *theirs.shape[1:]),
            first=(attention.logits(target, head.source(mine)), mine),
            prior=(
                attention.logits(target[batch.prior_row], source[batch.prior]),
                theirs.index_select(0, batch.prior),
                batch.prior_row,
            ),
        )
        return heard.flatten(2)
