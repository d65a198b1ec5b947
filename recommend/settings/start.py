"""Settings of item vectors that begin as the texts say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveFloat

from recommend.settings.part import EnhancerConfig


class StartConfig(EnhancerConfig):
    """Start: item vectors begin as the principal components of the texts; nothing is added."""

    title: ClassVar[str] = "item vectors that begin as texts say"
    needs: ClassVar[tuple[str, ...]] = ("item_vectors",)
    read_once: ClassVar[bool] = True
    strangers: ClassVar[Mapping[str, str]] = {
        "item": "Its item vectors begin as their texts say, and training moves all of them from "
        "there; this one was not trained, so where its text puts it the others no longer are.",
    }
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "whiten": (False, True),
        "size": (1.0, 2.0, 4.0),
    }
    name: Literal["start"] = "start"
    whiten: bool = False
    """Whether all components vary alike at the start, or as much as they do in the texts."""
    size: PositiveFloat = 4.0
    """How large item vectors begin, as a multiple of those without texts."""

    @property
    def sides(self) -> tuple[str, ...]:
        """Whose vectors get its features: it has none."""
        return ()
