"""Settings of AutoGraph whose nodes begin as what their texts mean."""

from __future__ import annotations

from typing import ClassVar, Literal

from recommend.settings.autograph import WalkingConfig


class GroundedConfig(WalkingConfig):
    """The same graph, whose nodes begin as what their texts mean; not in the paper."""

    title: ClassVar[str] = "the grounded graph"
    needs: ClassVar[tuple[str, ...]] = ("graph", "user_vectors", "item_vectors")
    name: Literal["grounded"] = "grounded"
    user_texts: bool = True
    """Whether users, too, begin as what their texts mean, or learn all they are."""
