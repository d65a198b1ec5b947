"""Softmax over several true items a user, of all items or of a sample that a step shares."""

from __future__ import annotations

import torch
from torch import Tensor


def classes_of(n_items: int, true: Tensor, near: Tensor, count: int) -> Tensor:
    """(min(count, n_items),) items that a step sets against each other, in no order.

    Those to predict come first, then those near some user of the step, then any others, all alike
    within.

    Args:
        n_items: In the catalogue.
        true: (p,) items to predict.
        near: (q,) items near users.
        count: How many.

    Source: ContextGNN, section 4.4, "Sampled softmax formulation".
    """
    rank = torch.rand(n_items, device=true.device)
    for place, some in ((1, near), (2, true)):
        rank[some] = rank[some].frac() + place
    return rank.topk(min(count, n_items), sorted=False).indices


def softmax_of_several(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """() mean, over all (row, column) to predict, of -log softmax of a row at a column.

    Args:
        logits: (b, c).
        rows: (p,) of them.
        columns: (p,) of them; a row may have several, or none.

    Source: ContextGNN, section 4.3; PyG's `sparse_cross_entropy`.
    """
    if not len(rows):
        return logits.nan_to_num(neginf=0.0).sum() * 0
    true = logits[rows, columns]
    return (logits.logsumexp(1).index_select(0, rows) - true).mean()
