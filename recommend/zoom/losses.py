"""Focal cross-entropy: what is predicted well already counts less.

Source: Lin et al., Focal loss for dense object detection, ICCV 2017; with γ = 2 in ZOOMER, section
VII-A.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def focal(log_p: Tensor, gamma: float) -> Tensor:
    """(...) (1 - p)^γ times -log p, of the (...) log of the probability of what is true.

    >>> [round(focal(torch.tensor(p).log(), 2).item(), 7) for p in (0.9, 0.5)]
    [0.0010536, 0.1732868]
    """
    missed = -torch.expm1(log_p.clamp_max(-1e-7))  # 1 - p; the root of 0 has no gradient
    return -log_p * missed.pow(gamma)


def yes_or_no(logits: Tensor, truth: Tensor, gamma: float) -> Tensor:
    """(...) focal loss of (...) logits of what is true (1) or not (0)."""
    return focal(F.logsigmoid(torch.where(truth > 0, logits, -logits)), gamma)


def one_of(true: Tensor, others: Tensor, gamma: float) -> Tensor:
    """(b,) focal loss of the softmax of a true logit among others.

    Args:
        true: (b,) logits.
        others: (b, n) logits; -inf where there is no other.
        gamma: γ.
    """
    every = torch.cat([true[:, None], others], 1)
    return focal(true - every.logsumexp(1), gamma)
