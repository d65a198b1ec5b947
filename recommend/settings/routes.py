"""How far each route of retrieval by vectors looks."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from data.config import Config


class RoutesConfig(Config):
    """What is looked at between a user and an item."""

    neighbours: PositiveInt = 100
    """Most similar users whose items are pooled."""
    last: PositiveInt = 10
    """Items of a history, the latest first, whose neighbours are pooled."""
    similar: PositiveInt = 100
    """Most similar items of each of these."""
    pool: Literal["sum", "max"] = "sum"
    """What counts of the similarities of an item that several of these lead to."""
