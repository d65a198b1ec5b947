"""Settings of CCGNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from recommend.settings.part import AVERAGE, HEADS, LAYERS, NEIGHBOURS, FeaturesConfig


class CcgnnConfig(FeaturesConfig):
    """CCGNN: attention over a graph of users, items and the phrases in the items' texts."""

    title: ClassVar[str] = "CCGNN"
    needs: ClassVar[tuple[str, ...]] = ("phrases",)
    strangers: ClassVar[Mapping[str, str]] = {
        "user": f"CCGNN learns a vector for each user in training, and {AVERAGE}",
        "item": "CCGNN knows an item by phrases, which are drawn and weighed over the texts of all "
        "items at once, before training; those of another text have no place among them.",
    }
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "layers": LAYERS,
        "heads": HEADS,
        "neighbours": NEIGHBOURS,
    }
    name: Literal["ccgnn"] = "ccgnn"
    layers: Annotated[int, Field(ge=1, le=3)] = 1
    """Times that phrases hear from their items, and items from their phrases."""
    heads: PositiveInt = 2
    """Attention heads of every relation."""
    neighbours: PositiveInt = 16
    """Phrases that an item hears at most, the weightiest."""
