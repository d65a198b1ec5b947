"""Settings of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import NonNegativeInt

from recommend.settings.part import AVERAGE, FeaturesConfig


class TokensConfig(FeaturesConfig):
    """Tokens: vectors that a trained graph model has of items and users, given to a sequence model.

    The graph model is trained once for all that read it, by the settings of its own name.
    """

    title: ClassVar[str] = "tokens of a graph model"
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "fusion": ("concat", "prepend", "cross"),
        "trainable": (False, True),
        "dropout": (0.0, 0.2, 0.5),
    }
    name: Literal["tokens"] = "tokens"
    source: str = "lightgcn-cf"
    """Whose vectors: those of a recommender that has one of every user and item, such as
    lightgcn-cf, or the nodes that an enhancer (autograph) has upon the same backbone. The grid need
    not name it."""
    fusion: Literal["concat", "prepend", "cross"] = "concat"
    """How they are given: added to the vectors of items and users through a map (`concat`), as
    tokens that stand before the history (`prepend`), or attended to after it (`cross`)."""
    trainable: bool = False
    """Whether the vectors are trained on from where the graph model left them, or stay."""
    moment: Literal["each", "whole"] = "each"
    """What a user's token is made of: at each position the mean of what the graph model says of the
    items up to it, or its own vector of the user. It made that one with every training interaction
    of the user in view, the one to be predicted among them, so training learns to trust it more
    than it deserves."""
    permuted: bool = False
    """A control: items get the vectors of other items, and users those of other users."""
    permutation: NonNegativeInt = 0
    """Seed by which that is drawn."""

    @property
    def of_users(self) -> bool:
        """Whether it reads the graph model's own vectors of users."""
        return self.moment == "whole" and "user" in self.sides

    @property
    def hindsight(self) -> bool:
        """Whether users have vectors that were made with all their training interactions."""
        return self.of_users

    @property
    def remembers(self) -> bool:
        """Whether it does; a mean of items that a user had is made of the history alone."""
        return self.of_users

    @property
    def misplaced(self) -> bool:
        """Whether it is the control."""
        return self.permuted

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Vectors of items, and of users where they are read."""
        return ("item_embeddings", *(("user_embeddings",) if self.of_users else ()))

    @property
    def strangers(self) -> Mapping[str, str]:  # type: ignore[override]
        """Why it cannot place a new user, where it cannot."""
        if not self.of_users:
            return {}
        return {
            "user": f"The graph model that it gets vectors of knew its users in training, and "
            f"{AVERAGE}"
        }
