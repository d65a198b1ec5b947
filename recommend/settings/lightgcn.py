"""Settings of LightGCN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recommend.settings.part import AVERAGE, LAYERS, FeaturesConfig


class LightGcnConfig(FeaturesConfig):
    """LightGCN: normalised sums over users and items that interacted, layer after layer."""

    title: ClassVar[str] = "LightGCN"
    needs: ClassVar[tuple[str, ...]] = ("histories",)
    strangers: ClassVar[Mapping[str, str]] = {
        "user": f"LightGCN learns a vector for each user in training, and {AVERAGE}",
        "item": "LightGCN knows an item by the users who had it, and nobody had this one.",
    }
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"layers": LAYERS}
    name: Literal["lightgcn"] = "lightgcn"
    layers: Annotated[int, Field(ge=1, le=3)] = 2
    """Steps away from a node that it hears from."""
