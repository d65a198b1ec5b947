"""Settings of GRU4Rec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt

from recommend.settings.part import LAYERS, BackboneConfig, Share


class Gru4RecConfig(BackboneConfig):
    """GRU4Rec: a gated recurrent network over the history."""

    title: ClassVar[str] = "GRU4Rec"
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"layers": LAYERS}
    name: Literal["gru4rec"] = "gru4rec"
    layers: PositiveInt = 1
    """Stacked recurrent layers."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""
