"""Settings of what most had."""

from __future__ import annotations

from typing import ClassVar, Literal

from recommend.settings.part import BackboneConfig


class PopularityConfig(BackboneConfig):
    """Popularity: what most users had, the same for everybody; nothing is learnt."""

    title: ClassVar[str] = "Popularity"
    learns: ClassVar[bool] = False
    name: Literal["popularity"] = "popularity"
