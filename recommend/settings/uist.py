"""Settings of UIST."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveInt

from recommend.settings.part import FeaturesConfig


class UistConfig(FeaturesConfig):
    """UIST: the codes of users and items as feature ids."""

    title: ClassVar[str] = "UIST"
    needs: ClassVar[tuple[str, ...]] = ("graph",)
    name: Literal["uist"] = "uist"
    levels: tuple[int, ...] | None = None
    """Codebook levels that are read; all of them unless given."""
    hidden: PositiveInt = 64
    """Width of the hidden layer behind the codes."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels whose codes are features of a side."""
        chosen = range(levels) if self.levels is None else self.levels
        return tuple(level for level in chosen if level < levels) if side in self.sides else ()
