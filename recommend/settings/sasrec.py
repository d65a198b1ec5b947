"""Settings of SASRec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt

from recommend.settings.part import HEADS, LAYERS, BackboneConfig, Share


class SasRecConfig(BackboneConfig):
    """SASRec: causal self-attention over the history."""

    title: ClassVar[str] = "SASRec"
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"layers": LAYERS, "heads": HEADS}
    name: Literal["sasrec"] = "sasrec"
    layers: PositiveInt = 2
    """Attention blocks."""
    heads: PositiveInt = 2
    """Attention heads a block."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""
