"""Settings of MIND."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from recommend.settings.part import BackboneConfig, Share


class MindConfig(BackboneConfig):
    """MIND: several interests a user, found by dynamic routing."""

    title: ClassVar[str] = "MIND"
    name: Literal["mind"] = "mind"
    interests: PositiveInt = 3
    """Largest number of interest capsules; a history of n items gets at most log2(n)."""
    iterations: PositiveInt = 3
    """Rounds of dynamic routing."""
    sharpness: PositiveFloat = 2.0
    """Factor in the label-aware attention; the larger, the closer to the best interest alone."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""
