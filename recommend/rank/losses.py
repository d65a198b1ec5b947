"""How near what belongs together should be, and how far all else: triplets and InfoNCE."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def info_nce(true: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """() mean of -log(e^(s/τ) / (e^(s/τ) + Σ_n e^(s_n/τ))): 0 without negatives.

    Args:
        true: (p,) cosines s of pairs.
        negatives: (p,) logsumexp of s_n / τ over the negatives of each, -inf without any.
        temperature: τ.

    Source: van den Oord et al., Representation learning with contrastive predictive coding, 2018,
    eq. 4; RankGraph's second loss.
    """
    return F.softplus(negatives - true / temperature).mean()


def triplet(true: Tensor, negative: Tensor, margin: float) -> Tensor:
    """() mean of max(0, m - s(a, p) + s(a, n)) over triplets.

    Args:
        true: (p,) cosines of anchors and what belongs to them.
        negative: (p,) cosines of anchors and a negative each; -inf where there is none.
        margin: m.

    Source: Schroff et al., FaceNet, CVPR 2015, eq. 2, with cosines; RankGraph's first loss.
    """
    return F.relu(margin - true + negative).mean()
