"""Sums over every prefix of a history, in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from recommend.sequence.chunks import Batch


def prefix_sums(values: Tensor, batch: Batch) -> Tensor:
    """(b, l, d) sums of the items' values up to and including each position.

    Args:
        values: (n_items, d) value of every item.
        batch: Rows of items and what came before them; items that are no edge count nothing.
    """
    items = batch.items.clamp_max(len(values) - 1)
    own = values.index_select(0, items.flatten()).view(*items.shape, -1)
    own = own * batch.edges[..., None]
    before = own.new_zeros(len(items), values.shape[1])
    before = before.index_add(0, batch.prior_row, values.index_select(0, batch.prior))
    return before[:, None] + own.cumsum(1)


def prefix_counts(batch: Batch) -> Tensor:
    """(b, l) float32, how many items such a sum has."""
    before = torch.bincount(batch.prior_row, minlength=len(batch.items))
    return (before[:, None] + batch.edges.cumsum(1)).float()
