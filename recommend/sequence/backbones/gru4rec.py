"""GRU4Rec (Hidasi et al., ICLR 2016): a gated recurrent network over the history.

Different here: whole histories with softmax instead of session-parallel batches with TOP1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recommend.sequence.backbones.one_interest import OneInterest
from recommend.sequence.dropout import Dropout
from recommend.settings.gru4rec import Gru4RecConfig


class Gru4Rec(OneInterest):
    """User vectors (b, l, 1, d) from item vectors (b, l, d), one a position."""

    def __init__(self, config: Gru4RecConfig, width: int, max_history: int) -> None:
        super().__init__()
        del max_history
        between = config.dropout if config.layers > 1 else 0.0
        self.gru = nn.GRU(width, width, config.layers, batch_first=True, dropout=between)
        self.dropout = Dropout(config.dropout)
        self.project = nn.Linear(width, width)

    def forward(self, items: Tensor, before: Tensor | None = None) -> Tensor:
        """User vectors after each position; tokens come before all items."""
        hidden, _ = self.gru(items if before is None else torch.cat([before, items], 1))
        users: Tensor = self.project(self.dropout(hidden[:, -items.shape[1] :]))
        return users.unsqueeze(2)
