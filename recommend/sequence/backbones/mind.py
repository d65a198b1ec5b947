"""MIND (Li et al., CIKM 2019): several interests a user, found by dynamic routing.

Different here: every position of a history is routed in one pass, as attention with a mask that
slides; the fixed random start of the routing logits belongs to the distance from the position, not
to the place in the batch, so a history gives the same interests every time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recommend.sequence.dropout import Dropout
from recommend.settings.mind import MindConfig


def squash(x: Tensor) -> Tensor:
    """Vectors of the same direction with lengths n² / (1 + n²) (MIND, eq. 9)."""
    square = (x * x).sum(-1, keepdim=True)
    return x * (square / (1 + square) / (square + 1e-9).sqrt())


class Mind(nn.Module):
    """User vectors (b, l, k, d) from item vectors (b, l, d): k interests a position."""

    slides = True
    start: Tensor

    def __init__(self, config: MindConfig, width: int, max_history: int) -> None:
        super().__init__()
        self.iterations, self.window = config.iterations, max_history
        self.sharpness = config.sharpness
        self.bilinear = nn.Linear(width, width, bias=False)
        self.expand = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(2 * width, width),
        )
        self.norm = nn.LayerNorm(width)
        start = torch.randn(config.interests, max_history)
        self.register_buffer("start", start)

    def forward(self, items: Tensor, before: Tensor | None = None) -> Tensor:
        """Interests after each position; those beyond log2(length) repeat the first one.

        Tokens are routed as items are, and begin as the oldest.
        """
        length, tokens = items.shape[1], 0 if before is None else before.shape[1]
        behaviour = self.bilinear(items if before is None else torch.cat([before, items], 1))
        place = torch.arange(length, device=items.device)
        distance = place[:, None] - place  # (l, l), negative in the future
        oldest = place.new_full((length, tokens), self.window - 1)
        distance = torch.cat([oldest, distance], 1)  # (l, t + l)
        hidden = (distance < 0) | (distance >= self.window)
        start = self.start[:, distance.clamp(0, self.window - 1)].permute(1, 0, 2)  # (l, k, l)
        limit = (place + 1).clamp_max(self.window).float().log2().floor().clamp_min(1)  # (l,)
        spare = torch.arange(len(self.start), device=items.device) >= limit[:, None]  # (l, k)
        logit = start.expand(items.shape[0], -1, -1, -1)  # (b, l, k, l)
        fixed = behaviour.detach()
        for step in range(self.iterations):
            weight = logit.masked_fill(spare[..., None], -torch.inf).softmax(2)
            weight = weight.masked_fill(hidden[:, None], 0.0)
            last = step == self.iterations - 1
            capsule = squash(self._mix(weight, behaviour if last else fixed))  # (b, l, k, d)
            if not last:
                agreement = capsule.flatten(1, 2) @ fixed.transpose(1, 2)  # (b, l k, l)
                logit = logit + agreement.view_as(logit)
        capsule = torch.where(spare[..., None], capsule[:, :, :1], capsule)
        users: Tensor = self.norm(capsule + self.expand(capsule))
        return users

    def attend(self, interests: Tensor, label: Tensor) -> Tensor:
        """(p, d) user vectors of (p, k, d) interests: those that fit the label weigh more.

        Source: MIND, eq. 12, with a softmax of scaled products where the original raises them to a
        power, which is not defined below zero.
        """
        if interests.shape[1] == 1:
            return interests[:, 0]
        fit = torch.einsum("pkd,pd->pk", interests, label)
        return torch.einsum("pk,pkd->pd", (self.sharpness * fit).softmax(1), interests)

    @staticmethod
    def _mix(weight: Tensor, values: Tensor) -> Tensor:
        """(b, l, k, d) sums of values (b, j, d) with weights (b, l, k, j)."""
        return (weight.flatten(1, 2) @ values).view(*weight.shape[:3], -1)
