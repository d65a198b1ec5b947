"""Settings of YouTubeDNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt

from recommend.settings.part import BackboneConfig, Share


class YouTubeDnnConfig(BackboneConfig):
    """YouTubeDNN: mean of the history, then a multi-layer perceptron."""

    title: ClassVar[str] = "YouTubeDNN"
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"hidden": ("128, 64", "128, 64, 32")}
    name: Literal["youtubednn"] = "youtubednn"
    hidden: tuple[PositiveInt, ...] = (128, 64)
    """Widths of the hidden layers."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""
