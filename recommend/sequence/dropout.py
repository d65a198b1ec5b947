"""Dropout that draws one random byte a channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zeros a share of the channels in training and scales up the rest (Srivastava et al., 2014).

    A byte decides over each channel, eight from one 64-bit draw, so the share is exact to 1/256.
    torch's own draws one number a channel, which on a CPU takes longer than a layer's arithmetic.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = min(round(256 * share), 255)

    def forward(self, x: Tensor) -> Tensor:
        """`x` with some channels zeroed, in training; `x` itself otherwise."""
        if not self.training or not self.dropped:
            return x
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
        words.random_(-(2**63), None)
        drawn = words.view(torch.uint8)[: x.numel()].view(x.shape)
        kept = torch.ge(drawn, self.dropped, out=torch.empty_like(x))
        return x * kept.mul_(256 / (256 - self.dropped))

    def extra_repr(self) -> str:
        """The share, for `print(network)`."""
        return f"share={self.dropped / 256:.3f}"
