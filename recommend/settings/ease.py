"""Settings of EASE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from recommend.settings.part import BackboneConfig


class EaseConfig(BackboneConfig):
    """EASE: each item as a weighted sum of all others in a history, solved in closed form."""

    title: ClassVar[str] = "EASE"
    learns: ClassVar[bool] = False
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"l2": (10.0, 50.0, 100.0, 250.0, 500.0)}
    name: Literal["ease"] = "ease"
    l2: float = Field(default=100.0, gt=0)
    """Weight of the regularisation."""
    most_items: int = Field(default=20_000, ge=1)
    """More items take too much memory: a dense matrix of items × items is turned over."""
