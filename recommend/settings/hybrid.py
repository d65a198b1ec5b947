"""Settings of item-kNN beside text-kNN."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recommend.settings.item_knn import NeighboursConfig
from recommend.settings.text_knn import READ, TextKnnConfig


class HybridConfig(NeighboursConfig):
    """Hybrid: item-kNN and text-kNN in one sum, whose weight is chosen on validation."""

    title: ClassVar[str] = "Item-kNN with texts"
    name: Literal["hybrid"] = "hybrid"
    texts: Literal["words", "vectors"] = "words"
    """Compare the words of items, rare ones weighing more (`words` says which words), or the
    encoder's vectors of their texts."""
    text_recency: float = Field(default=0.7, gt=0, le=1)
    """The text of an item counts so many times less with every item after it."""
    text_last: int | None = Field(default=5, ge=1)
    """Latest items of a history whose texts count; none: all."""
    weights: Annotated[tuple[float, ...], Field(min_length=1)] = (
        *(0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0),
    )
    """Weights of the texts that are tried on validation."""

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The texts that it compares."""
        return (READ[self.texts],)

    @property
    def of_texts(self) -> TextKnnConfig:
        """Settings of the part that knows texts."""
        return TextKnnConfig(
            texts=self.texts, text_recency=self.text_recency, text_last=self.text_last
        )
