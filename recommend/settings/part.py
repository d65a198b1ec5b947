"""What settings of every backbone and enhancer declare, so that no list of names stands elsewhere.

A class of settings says, without torch, what its part is called, what it needs and what it can do;
whoever wants to know asks it (`recommend/settings/registry.py` knows all of them).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from data.config import Config

Share = Annotated[float, Field(ge=0, lt=1)]
HEADS = (1, 2, 4)
"""Numbers of attention heads that are tried, of which those count that divide the width."""
NEIGHBOURS = (12, 14, 16, 18)
"""Numbers of neighbours that are tried. Source: AutoGraph, appendix D.3."""
LAYERS = (1, 2, 3)
"""Numbers of layers that are tried. Source: AutoGraph, appendix D."""
AVERAGE = (
    "cannot make one of a description: the average of all users stands in, and the history says "
    "the rest."
)


class PartConfig(Config):
    """A backbone or an enhancer, found by its name."""

    title: ClassVar[str]
    """How it is called where no jargon belongs: as papers write its name, or in plain words."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Parts of `Sources` that it learns from."""
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    """Values that a search tries, by field; a field that is not here stays as it is."""
    embeds: ClassVar[bool] = False
    """Whether it has a vector of every user and every item, upon which others can be built."""

    if TYPE_CHECKING:  # a field would stand first in what is stored and shown

        @property
        def name(self) -> str:
            """Tells it apart."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:  # noqa: ARG002
        """Levels of the codes of `side`, of so many, that reach the scores; none by default."""
        return ()


class BackboneConfig(PartConfig):
    """What reads histories, a part to which an enhancer is added; or what recommends by itself."""

    learns: ClassVar[bool] = True
    """Whether it is trained epoch by epoch; what is not is the same for every seed."""
    looks_around: ClassVar[bool] = False
    """Whether it scores items by a sample of what is around a user, so that one may ask what is in
    it, and what each way in it gave."""
    asks: ClassVar[bool] = False
    """Whether it can be asked for something beside who asks: see `protocols.Asks`."""


class EnhancerConfig(PartConfig):
    """What is added to a backbone."""

    ours: ClassVar[bool] = False
    """Whether it is the method of this house, or a variant of it, and no method of others."""
    strangers: ClassVar[Mapping[str, str]] = {}
    """By side, why it cannot place a newcomer; those that can are `sequence.protocols.Places`."""
    attributes_do: ClassVar[bool] = False
    """Whether attributes alone place a newcomer all the same."""
    read_once: ClassVar[bool] = False
    """Whether vectors of texts are read when a fresh one is made and never again, so that they are
    not stored with it."""

    @property
    def adds(self) -> str:
        """What it adds with these settings, in words: its title, where they do not change it."""
        return self.title

    @property
    def hindsight(self) -> bool:
        """Whether it reads vectors of users that were made with all they had in training."""
        return False

    @property
    def remembers(self) -> bool:
        """Whether it reads something of each user that was made of all they had in training."""
        return "user" in self.sides

    @property
    def misplaced(self) -> bool:
        """Whether what it reads is of other entities: a control."""
        return False

    if TYPE_CHECKING:

        @property
        def sides(self) -> tuple[str, ...]:
            """Whose vectors get its features."""


class FeaturesConfig(EnhancerConfig):
    """An enhancer that has features."""

    sides: Annotated[tuple[Literal["user", "item"], ...], Field(min_length=1)] = ("user", "item")
    """Whose vectors get its features. What is known of a user was written with every training
    interaction in view, the one to be predicted among them, so a recommender may learn to trust it
    more than it deserves; items have no such tale to tell."""
    dropout: Share = 0.2
    """Share of the enhancer's features dropped in training."""
