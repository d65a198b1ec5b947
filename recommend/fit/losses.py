"""Which item came next: softmax over the catalogue, or over a shared sample of it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

BLOCK = 128
"""Rows of logits that exist at a time: 128 × 3,533 floats stay in a core's cache."""


def full_softmax(users: Tensor, items: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy of (p, d) users against all (n, d) items, in O(n) memory.

    The (p, n) logits never exist at once: a block of rows at a time gives its loss and, while it
    is in the cache, its gradients.
    """
    loss: Tensor = _FullSoftmax.apply(users, items, target)  # type: ignore[no-untyped-call]
    return loss


class _FullSoftmax(torch.autograd.Function):
    """Loss and gradients in one pass: the gradient of a logit is softmax - one-hot."""

    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor, target: Tensor) -> Tensor:
        to_users, to_items = torch.empty_like(users), torch.zeros_like(items)
        total = users.new_zeros(())
        buffer = users.new_empty(min(BLOCK, len(users)), len(items))
        for at in range(0, len(users), BLOCK):
            rows, label = users[at : at + BLOCK], target[at : at + BLOCK, None]
            logits = torch.mm(rows, items.T, out=buffer[: len(rows)])
            logits -= logits.amax(1, keepdim=True)
            true = logits.gather(1, label)
            norm = logits.exp_().sum(1, keepdim=True)
            total += (norm.log() - true).sum()
            gradient = logits.div_(norm).scatter_add_(1, label, torch.full_like(norm, -1.0))
            torch.mm(gradient, items, out=to_users[at : at + BLOCK])
            to_items.addmm_(gradient.T, rows)
        ctx.save_for_backward(to_users.div_(len(users)), to_items.div_(len(users)))
        return total / len(users)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        to_users, to_items = ctx.saved_tensors
        return upstream[0] * to_users, upstream[0] * to_items, None


def sampled_softmax(
    users: Tensor, items: Tensor, target: Tensor, drawn: Tensor, log_q: Tensor
) -> Tensor:
    """Mean cross-entropy against the target and `drawn` negatives that the whole step shares.

    Each negative stands for all items that were not drawn: its logit is corrected by the log of how
    often it is drawn, and one that is the row's own target is left out. The target is always there
    and needs no correction, so the sum of exponentials is that of the full softmax in expectation.

    Args:
        users: (p, d) user vectors.
        items: (n, d) item vectors.
        target: (p,) true items.
        drawn: (s,) sampled items, with replacement.
        log_q: (n,) log of each item's probability in one draw.

    Source: Bengio & Senécal, Adaptive importance sampling, 2008; for the target also Khrylchenko et
    al., Correcting the logQ correction, RecSys 2025.
    """
    true = (users * items[target]).sum(-1)  # (p,)
    false = users @ items[drawn].T - log_q[drawn] - math.log(len(drawn))  # (p, s)
    false = false.masked_fill(drawn == target[:, None], torch.finfo(false.dtype).min)
    return (torch.logsumexp(torch.cat([true[:, None], false], 1), 1) - true).mean()
