"""SASRec (Kang & McAuley, ICDM 2018): causal self-attention over the history.

Different here: pre-norm blocks with GELU and a feed-forward part of four times the width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommend.sequence.backbones.one_interest import OneInterest
from recommend.sequence.dropout import Dropout
from recommend.settings.sasrec import SasRecConfig


class Block(nn.Module):
    """Causal attention, then a feed-forward part, each with a residual."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(b, l, d) from (b, l, d)."""
        b, l, d = x.shape  # noqa: E741
        qkv = self.qkv(self.before_attention(x)).view(b, l, 3, self.heads, d // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (b, h, l, d / h)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(b, l, d)))
        deepened: Tensor = x + self.dropout(self.mlp(self.before_mlp(x)))
        return deepened


class SasRec(OneInterest):
    """User vectors (b, l, 1, d) from item vectors (b, l, d), one a position."""

    def __init__(self, config: SasRecConfig, width: int, max_history: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(max_history, width))
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, items: Tensor, before: Tensor | None = None) -> Tensor:
        """User vectors after each position; tokens have no place of their own."""
        x = items + self.position[: items.shape[1]]
        if before is not None:
            x = torch.cat([before, x], 1)
        for block in self.blocks:
            x = block(x)
        users: Tensor = self.norm(x[:, -items.shape[1] :])
        return users.unsqueeze(2)
