"""What only some parts of a recommender can do: they declare it, and whoever needs it asks.

Read without torch, so that a page may ask settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from recommend.settings import Metapath


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is known of a user or an item that no recommender was trained with.

    Attributes:
        factors: (levels,) factor nodes, of the levels that the enhancer reads; None where it reads
            no graph.
        vector: (d,) what its text means, standardised as its side was in training; None where the
            enhancer reads no vectors.
        alike: (m,) entities that it is taken after.
        shares: (m,) what each of them weighs; they sum to one.
    """

    factors: Tensor | None
    vector: Tensor | None
    alike: Tensor
    shares: Tensor

    def mean(self, of: Tensor) -> Tensor:
        """(1, d) mean over those who are alike, of (n, d) values of all."""
        return (self.shares @ of[self.alike])[None]


@runtime_checkable
class Grows(Protocol):
    """An enhancer that can place newcomers; settings of others say in `strangers` why not."""

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, …) node of a user, as `propagate` gives those of the others."""
        ...

    def new_item(
        self, nodes: tuple[Tensor, Tensor], items: Tensor, newcomer: Newcomer
    ) -> tuple[Tensor, Tensor]:
        """Node of an item, as `propagate` gives those of the others, and its features, (1, …) each.

        Args:
            nodes: From `propagate`, without newcomers.
            items: (n_items, d) embeddings of items, those of the backbone.
            newcomer: The item.
        """
        ...


@runtime_checkable
class Walks(Protocol):
    """Settings of an enhancer that learns along metapaths, each of which can be switched off."""

    metapaths: tuple[Metapath, ...]
