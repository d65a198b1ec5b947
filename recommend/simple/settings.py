"""Settings of the simple recommenders."""

from __future__ import annotations

from pydantic import Field

from data.config import Config


class ItemKnnConfig(Config):
    """Items that were had near the latest ones of a history."""

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


class EaseConfig(Config):
    """The item-item model with a closed form."""

    l2: float = Field(default=100.0, gt=0)
    """Weight of the regularisation."""
    most_items: int = Field(default=20_000, ge=1)
    """More items take too much memory: a dense matrix of items × items is turned over."""


class TextKnnConfig(Config):
    """Items whose texts are like those of the latest ones of a history."""

    recency: float = Field(default=0.7, gt=0, le=1)
    """An item of a history counts so many times less with every item after it."""
    last: int | None = Field(default=5, ge=1)
    """Latest items of a history that count; none: all."""


class HybridConfig(Config):
    """What was had together, and what texts have in common."""

    item_knn: ItemKnnConfig = ItemKnnConfig()
    """The part that knows interactions."""
    text_knn: TextKnnConfig = TextKnnConfig()
    """The part that knows texts."""
    weights: tuple[float, ...] = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
    """Weights of the texts that are tried on validation."""
