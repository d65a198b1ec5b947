"""Settings of item-kNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from recommend.settings.part import BackboneConfig

NEARNESS = (0.5, 0.8, 1.0)
BACKWARD = (0.0, 0.5, 1.0)
RECENCY = (0.5, 0.7, 0.9, 1.0)


class NeighboursConfig(BackboneConfig):
    """Items that were had near the latest ones of a history."""

    learns: ClassVar[bool] = False
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "nearness": NEARNESS,
        "backward": BACKWARD,
        "recency": RECENCY,
    }
    reach: int = Field(default=30, ge=1)
    """Two items of a history meet if they are so many places apart at most."""
    nearness: float = Field(default=0.8, gt=0, le=1)
    """A meeting counts so many times less with every place between the two."""
    backward: float = Field(default=0.5, ge=0, le=1)
    """What a meeting counts for the earlier of two items; for the later one it is 1."""
    recency: float = Field(default=0.7, gt=0, le=1)
    """An item of a history counts so many times less with every item after it."""
    last: int | None = Field(default=None, ge=1)
    """Latest items of a history that count; none: all."""


class ItemKnnConfig(NeighboursConfig):
    """Item-kNN: items that others had near the latest ones of a history; nothing is learnt."""

    title: ClassVar[str] = "Item-kNN"
    name: Literal["item-knn"] = "item-knn"
