"""Settings of AutoGraph, and of enhancers that learn along its metapaths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import PositiveInt

from recommend.settings.part import HEADS, NEIGHBOURS, FeaturesConfig

Metapath = Literal[
    "item > user",
    "user > user_factor > user",
    "user > item",
    "item > item_factor > item",
]
PAPER_METAPATHS: tuple[Metapath, ...] = (
    "item > user",
    "user > user_factor > user",
    "user > item",
    "item > item_factor > item",
)
OURS: Final = "autograph"
"""The paper's own enhancer."""


class WalkingConfig(FeaturesConfig):
    """An enhancer that learns along metapaths of the latent-factor graph."""

    ours: ClassVar[bool] = True
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"heads": HEADS, "neighbours": NEIGHBOURS}
    metapaths: tuple[Metapath, ...] = PAPER_METAPATHS
    """Metapaths that carry messages; the paper's four by default."""
    levels: tuple[int, ...] = (0, 1)
    """Codebook levels whose factor nodes take part; the paper finds the first two best."""
    heads: PositiveInt = 2
    """Attention heads of every metapath."""
    neighbours: PositiveInt = 16
    """Users sampled for each item in every step of training."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels of `levels` whose factors carry messages between those of a side."""
        carried = f"{side} > {side}_factor > {side}" in self.metapaths
        return tuple(level for level in self.levels if level < levels) if carried else ()


class AutoGraphConfig(WalkingConfig):
    """Metapath attention over the latent-factor graph (eq. 6 to 9)."""

    title: ClassVar[str] = "the graph"
    needs: ClassVar[tuple[str, ...]] = ("graph",)
    embeds: ClassVar[bool] = True
    name: Literal["autograph"] = OURS
