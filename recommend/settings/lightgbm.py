"""Settings of LightGBM on counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from recommend.settings.part import BackboneConfig


class LightGbmConfig(BackboneConfig):
    """LightGBM on counts: trees that order what others had together with a history."""

    title: ClassVar[str] = "LightGBM"
    learns: ClassVar[bool] = False
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "trees": (50, 100, 200),
        "leaves": (15, 31, 63),
    }
    name: Literal["lightgbm"] = "lightgbm"
    trees: PositiveInt = 100
    """How many trees there are."""
    leaves: int = Field(default=31, ge=2)
    """Leaves of each tree."""
    candidates: PositiveInt = 200
    """Items that are ordered for somebody, those that were most had together with the history; all
    others stand below them by popularity."""
    people: PositiveInt = 10_000
    """Users that it is trained on, at most, drawn at random."""
    factors: bool = False
    """Also count the latent factors that an item shares with a history."""

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The graph, where it counts factors."""
        return ("graph",) if self.factors else ()

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """All levels of the items' codes, where it counts factors."""
        return tuple(range(levels)) if self.factors and side == "item" else ()
