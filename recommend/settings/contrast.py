"""Settings of a contrast between what texts and what interactions say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveFloat

from recommend.settings.part import EnhancerConfig


class ContrastConfig(EnhancerConfig):
    """Contrast: training draws each item's vector to what its text says, away from other texts."""

    title: ClassVar[str] = "a contrast with texts"
    needs: ClassVar[tuple[str, ...]] = ("item_vectors",)
    strangers: ClassVar[Mapping[str, str]] = {
        "item": "Texts help it to learn the vectors of items that people had, and nobody had this "
        "one; a text alone gives it the direction of a vector and no length.",
    }
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "weight": (0.03, 0.1, 0.3, 1.0),
        "temperature": (0.1, 0.2, 0.5),
    }
    name: Literal["contrast"] = "contrast"
    weight: PositiveFloat = 0.1
    """Weight of the contrast in the loss."""
    temperature: PositiveFloat = 0.2
    """Cosines are divided by it: the smaller, the more the nearest other texts count."""

    @property
    def sides(self) -> tuple[str, ...]:
        """Whose vectors get its features: it has none."""
        return ()
