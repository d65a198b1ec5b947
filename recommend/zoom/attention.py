"""Attention of three levels over a region of interest: features, neighbours, types.

Source: ZOOMER, section V-D, eq. (6) to (11).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
"""Of the leaky rectifier that σ is in eq. (8), as in graph attention; the paper does not say."""


def project(features: Tensor, focus: Tensor, *, weigh: bool, scale: bool) -> Tensor:
    """(..., d) a node's features, weighed by their product with the focus, and added up.

    w = softmax(H C / √d) over n features, Z = Σ w_i H_i. As printed, eq. (6) multiplies by H once
    more, which fits no dimensions. Source: eq. (6) and (7).

    Args:
        features: (..., n, d) H.
        focus: (..., d) C.
        weigh: Whether to; otherwise all weigh alike.
        scale: Whether weights sum to n, and not to 1.
    """
    n, d = features.shape[-2:]
    if weigh:
        weights = ((features * focus.unsqueeze(-2)).sum(-1) / math.sqrt(d)).softmax(-1)
        found = (weights.unsqueeze(-1) * features).sum(-2)
    else:
        found = features.mean(-2)
    return found * n if scale else found


@dataclass(frozen=True, slots=True)
class Around:
    """What nodes heard, and how much of whom.

    Attributes:
        vectors: (r, d).
        weights: (r, k) of neighbours of each type; 0 where there is no neighbour.
        shares: (r,) of each type.
    """

    vectors: Tensor
    weights: Mapping[str, Tensor]
    shares: Mapping[str, Tensor]


class Hearing(nn.Module):
    """What nodes of one type hear of their neighbours under a focus."""

    def __init__(self, kinds: tuple[str, ...], width: int, *, together: bool, own: bool) -> None:
        """With weights that are to be learnt.

        Args:
            kinds: Types of neighbours.
            width: d.
            together: Whether weights of neighbours sum to 1 over all types.
            own: Whether a node hears itself.
        """
        super().__init__()
        self.together, self.own = together, own
        self.asked = nn.ParameterDict(
            {kind: nn.Parameter(torch.randn(3, width) * width**-0.5) for kind in kinds}
        )

    def forward(
        self,
        ego: Tensor,
        focus: Tensor,
        others: Mapping[str, tuple[Tensor, Tensor]],
        levels: Set[str],
    ) -> Around:
        """Eq. (8) to (11).

        Args:
            ego: (r, d) Z_i.
            focus: (r, d) Z_c.
            others: (r, k, d) Z_j and (r, k) bool, which are real, by type.
            levels: Where there is attention.
        """
        weights = self.weights(ego, focus, others, levels)
        heard = {
            kind: (weights[kind].unsqueeze(-1) * vectors).sum(1)  # eq. (9)
            for kind, (vectors, _) in others.items()
        }
        if "semantic" in levels:
            shares = {kind: F.cosine_similarity(ego, one, dim=-1) for kind, one in heard.items()}
        else:
            there = [real.any(1).to(ego.dtype) for _, real in others.values()]
            count = sum(there, torch.zeros_like(ego[:, 0])).clamp_min(1)
            shares = dict.fromkeys(others, 1 / count)
        total = ego if self.own else torch.zeros_like(ego)
        for kind, one in heard.items():
            total = total + shares[kind].unsqueeze(-1) * one  # eq. (11)
        return Around(total, weights, shares)

    def weights(
        self,
        ego: Tensor,
        focus: Tensor,
        others: Mapping[str, tuple[Tensor, Tensor]],
        levels: Set[str],
    ) -> dict[str, Tensor]:
        """(r, k) weights of neighbours, by type: eq. (8), or all alike."""
        logits = {}
        for kind, (vectors, real) in others.items():
            found = torch.zeros_like(vectors[..., 0])
            if "edge" in levels:
                of_ego, of_other, of_focus = self.asked[kind]
                fixed = (ego @ of_ego + focus @ of_focus).unsqueeze(-1)
                found = F.leaky_relu(fixed + vectors @ of_other, SLOPE)
            logits[kind] = found.masked_fill(~real, torch.finfo(found.dtype).min)
        if self.together and logits:
            widths = [one.shape[1] for one in logits.values()]
            every = torch.cat([*logits.values()], 1).softmax(1).split_with_sizes(widths, 1)
            found_all = dict(zip(logits, every, strict=True))
        else:
            found_all = {kind: one.softmax(1) for kind, one in logits.items()}
        return {kind: one * others[kind][1] for kind, one in found_all.items()}
