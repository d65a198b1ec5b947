"""What the parts of the network promise each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from recommend.sequence.chunks import Batch

Nodes = tuple[Tensor, Tensor]
"""(n_users, …) and (n_items, …), what an enhancer knows of everybody in a step."""


class Backbone(Protocol):
    """Item vectors of a history in, user vectors after every position out.

    Built of its settings, the width and the longest history.

    Attributes:
        slides: Whether it reads the last `max_history` items at every position of however long a
            chunk; the others read what is before a position in a chunk of at most `max_history`.
    """

    slides: bool

    def __call__(self, items: Tensor, before: Tensor | None = None) -> Tensor:
        """(b, l, k, d) user vectors, k interests each, of (b, l, d) items.

        Args:
            items: Of which a position reads those up to it.
            before: (b, t, d) tokens that stand before them, which every position reads.
        """
        ...

    def attend(self, interests: Tensor, label: Tensor) -> Tensor:
        """(p, d) user vectors that are trained to find (p, d) labels, of (p, k, d) interests."""
        ...


class Enhancer(Protocol):
    """Further features of users and items, added to any backbone.

    Built of its settings, the inputs and the width.
    """

    @property
    def item_width(self) -> int:
        """Channels of items' features."""
        ...

    @property
    def user_width(self) -> int:
        """Channels of users' features."""
        ...

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:
        """What a step shares.

        Args:
            items: (n_items, d) embeddings of items, those of the backbone.
            hidden: (h,) users whose edges must not show: in training those of the batch.
        """
        ...

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:
        """(n, item_width) features of items, or of some of them."""
        ...

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, user_width) features of users at every position of a batch."""
        ...


@runtime_checkable
class Begins(Protocol):
    """An enhancer that says with what a network begins, where that is not drawn."""

    def begin(self, item: nn.Embedding, features: nn.Module) -> None:
        """Sets the weights of a network that is being built.

        Args:
            item: Vectors that items have of their own, drawn.
            features: The map of items' features to vectors, drawn.
        """
        ...


@runtime_checkable
class Regularises(Protocol):
    """An enhancer that adds a term to the loss of training."""

    def penalty(self, items: Tensor, parts: Sequence[Batch]) -> Tensor:
        """() what a step adds to its loss.

        Args:
            items: (n_items, d) vectors of items, features included.
            parts: What the step reads.
        """
        ...


@runtime_checkable
class StandsBefore(Protocol):
    """An enhancer that puts tokens before a history."""

    def cut(self, batch: Batch) -> Batch:
        """A batch of training with cuts, and without targets at positions that are before them."""
        ...

    def before(self, nodes: Nodes, batch: Batch) -> tuple[Tensor, Tensor]:
        """(b, t, d) tokens, and (b,) whether a row has any; they know nothing after its cut."""
        ...


@runtime_checkable
class StandsAfter(Protocol):
    """An enhancer that adds to what was read of a history, position by position."""

    def after(self, nodes: Nodes, batch: Batch, users: Tensor) -> Tensor:
        """(b, l, k, d) user vectors, of (b, l, k, d) those of the backbone."""
        ...


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
class Places(Protocol):
    """An enhancer that can place newcomers; settings of others say in `strangers` why not."""

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, …) node of a user, as `propagate` gives those of the others."""
        ...

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:
        """Node of an item, as `propagate` gives those of the others, and its features, (1, …) each.

        Args:
            nodes: From `propagate`, without newcomers.
            items: (n_items, d) embeddings of items, those of the backbone.
            newcomer: The item.
        """
        ...
