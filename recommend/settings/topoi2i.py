"""Settings of TopoI2I."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from recommend.settings.part import AVERAGE, HEADS, LAYERS, NEIGHBOURS, FeaturesConfig


class TopoI2IConfig(FeaturesConfig):
    """TopoI2I: attention over pairs of items that were judged to be alike."""

    title: ClassVar[str] = "TopoI2I"
    needs: ClassVar[tuple[str, ...]] = ("pairs",)
    strangers: ClassVar[Mapping[str, str]] = {
        "user": f"TopoI2I learns a vector for each user in training, and {AVERAGE}",
        "item": "TopoI2I knows an item by the items that it was judged to be like before training, "
        "and this one was not judged.",
    }
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "layers": LAYERS,
        "heads": HEADS,
        "neighbours": NEIGHBOURS,
    }
    name: Literal["topoi2i"] = "topoi2i"
    layers: Annotated[int, Field(ge=1, le=3)] = 1
    """Steps away from an item that it hears from."""
    heads: PositiveInt = 2
    """Attention heads of every relation."""
    neighbours: PositiveInt = 16
    """Similar items that an item hears at most, the most similar."""
