"""What only some parts of a recommender can do: they declare it, and whoever needs it asks.

Read without torch, so that a page may ask settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from recommend.settings import Metapath


@runtime_checkable
class Walks(Protocol):
    """Settings of an enhancer that learns along metapaths, each of which can be switched off."""

    metapaths: tuple[Metapath, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Where items would stand if a history lacked one of its items, each in turn.

    Ranks are among all that the rest of the history does not hold, so what was left out is ranked,
    too; `falls` does not count it.

    Attributes:
        items: (m,) int64 items that were left out, the latest first; none of a history of one.
        ranks: (k,) int64 rank of each item asked about after the whole history, best = 1.
        without: (m, k) int64 its rank without each of `items`.
        falls: (m, k) int64 how many more others stand above it then; negative if fewer do.
        whole: Whether `items` are all of the history, or the latest of it.
    """

    items: np.ndarray
    ranks: np.ndarray
    without: np.ndarray
    falls: np.ndarray
    whole: bool


@runtime_checkable
class Explains(Protocol):
    """Can say what moved its scores: it is asked again with one item of the history left out."""

    def left_out(
        self, user: int, history: np.ndarray, items: np.ndarray, known: int | None = None
    ) -> LeftOut:
        """Where `items` would stand without each item of a history.

        Args:
            user: Number by which the recommender knows the user.
            history: (n,) items that the user is taken to have had, oldest first.
            items: (k,) items asked about, none of them in the history.
            known: How many of the history, from its beginning, are edges of the graph; all of
                them unless given.
        """


@runtime_checkable
class ReadsFactors(Protocol):
    """Reads the codes of users or items, so that a latent factor may have moved its scores."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels of the codes of a side that reach its scores; none for a plain recommender.

        Args:
            side: "user" or "item".
            levels: How many there are.
        """
