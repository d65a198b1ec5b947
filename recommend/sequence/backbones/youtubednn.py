"""YouTubeDNN (Covington et al., RecSys 2016): the mean of the history through an MLP.

Different here: every position of the history has its mean at once, over a window that slides, and
the MLP's output is added to it, so that a fresh network already recommends what resembles the
history.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recommend.sequence.backbones.one_interest import OneInterest
from recommend.sequence.dropout import Dropout
from recommend.settings.youtubednn import YouTubeDnnConfig


class YouTubeDnn(OneInterest):
    """User vectors (b, l, 1, d) from item vectors (b, l, d), one a position."""

    slides = True

    def __init__(self, config: YouTubeDnnConfig, width: int, max_history: int) -> None:
        super().__init__()
        self.window = max_history
        layers: list[nn.Module] = []
        inner = width
        for hidden in config.hidden:
            layers += [nn.Linear(inner, hidden), nn.ReLU(), Dropout(config.dropout)]
            inner = hidden
        self.mlp = nn.Sequential(*layers, nn.Linear(inner, width))

    def forward(self, items: Tensor, before: Tensor | None = None) -> Tensor:
        """User vectors after each position; tokens are in every mean."""
        count = torch.arange(1, items.shape[1] + 1, device=items.device, dtype=items.dtype)
        total, window = items.cumsum(1), self.window
        if items.shape[1] > window:
            total = torch.cat([total[:, :window], total[:, window:] - total[:, :-window]], 1)
        count = count.clamp_max(window)
        if before is not None:
            total, count = total + before.sum(1, keepdim=True), count + before.shape[1]
        mean = total / count[:, None]  # (b, l, d)
        users: Tensor = mean + self.mlp(mean)
        return users.unsqueeze(2)
