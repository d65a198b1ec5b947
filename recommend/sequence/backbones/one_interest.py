"""Backbones that see one interest in a user."""

from __future__ import annotations

from torch import Tensor, nn


class OneInterest(nn.Module):
    """User vectors (b, l, 1, d) from item vectors (b, l, d), one a position."""

    slides = False

    def attend(self, interests: Tensor, label: Tensor) -> Tensor:  # noqa: ARG002
        """(p, d) the one interest of (p, 1, d)."""
        return interests[:, 0]
