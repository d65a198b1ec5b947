"""Settings of text-kNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from recommend.settings.part import BackboneConfig

READ: Final[Mapping[str, str]] = {"words": "words", "vectors": "item_vectors"}
"""The part of `Sources` that each kind of text is."""


class TextKnnConfig(BackboneConfig):
    """Text-kNN: items whose texts are like those of the latest of a history; nothing is learnt."""

    title: ClassVar[str] = "Text-kNN"
    learns: ClassVar[bool] = False
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "text_recency": (0.5, 0.7, 0.9, 1.0),
        "text_last": (1, 3, 5, 10),
    }
    name: Literal["text-knn"] = "text-knn"
    texts: Literal["words", "vectors"] = "words"
    """Compare the words of items, rare ones weighing more (`words` says which words), or the
    encoder's vectors of their texts."""
    text_recency: float = Field(default=0.7, gt=0, le=1)
    """The text of an item counts so many times less with every item after it."""
    text_last: int | None = Field(default=5, ge=1)
    """Latest items of a history whose texts count; none: all."""

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The texts that it compares."""
        return (READ[self.texts],)
