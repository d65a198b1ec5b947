"""Settings of KAR."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveInt

from recommend.settings.part import FeaturesConfig


class KarConfig(FeaturesConfig):
    """KAR: semantic vectors through a mixture of experts, as features of both sides."""

    title: ClassVar[str] = "KAR"
    needs: ClassVar[tuple[str, ...]] = ("user_vectors", "item_vectors")
    name: Literal["kar"] = "kar"
    shared: PositiveInt = 2
    """Experts that read the vectors of users and of items."""
    own: PositiveInt = 3
    """Experts that read those of one side alone."""
    hidden: PositiveInt = 64
    """Width of the experts' hidden layer."""
