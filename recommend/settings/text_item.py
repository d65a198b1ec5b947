"""Settings of texts that are the items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from recommend.settings.part import EnhancerConfig, Share


class TextItemConfig(EnhancerConfig):
    """Text-item: an item is its text, whitened and adapted, with a vector of its own or without."""

    title: ClassVar[str] = "texts as the items"
    needs: ClassVar[tuple[str, ...]] = ("item_vectors",)
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "layers": (1, 2),
        "own": (False, True),
        "dropout": (0.0, 0.2, 0.5),
    }
    name: Literal["text-item"] = "text-item"
    layers: Literal[1, 2] = 1
    """Layers between the whitened vectors and the items; the first begins as their principal
    components."""
    hidden: PositiveInt = 128
    """Width between two layers."""
    own: bool = True
    """Whether an item has a vector of its own beside its text."""
    own_norm: PositiveFloat | None = None
    """Longest that an item's own vector may be, so that it stays what its text says; none: any."""
    dropout: Share = 0.2
    """Share of what goes into the last layer that is dropped in training."""

    @property
    def sides(self) -> tuple[str, ...]:
        """Whose vectors get its features: the items'."""
        return ("item",)
