"""Settings of MultiVAE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from recommend.settings.part import BackboneConfig, Share


class MultiVaeConfig(BackboneConfig):
    """MultiVAE: an autoencoder that says from a history which items go with it."""

    title: ClassVar[str] = "MultiVAE"
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "hidden": (200, 400, 600),
        "divergence": (0.1, 0.2, 0.5),
        "dropout": (0.3, 0.5),
    }
    name: Literal["multivae"] = "multivae"
    hidden: PositiveInt = 600
    """Width of the layer on each side of the middle, which is as wide as `model.width`."""
    dropout: Share = 0.5
    """Share of a history that is dropped in training."""
    divergence: Annotated[float, Field(ge=0, le=1)] = 0.2
    """What the divergence from the prior weighs at most."""
    annealed: PositiveInt = 2000
    """Steps over which it gets there from nothing."""
