"""Settings of ZOOMER."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from recommend.settings.part import BackboneConfig

Level = Literal["feature", "edge", "semantic"]
"""Where attention can be: among the features of a node, its neighbours of a type, and types."""


class ZoomerConfig(BackboneConfig):
    """ZOOMER: what is near a user and a query and relevant to both, and attention over it."""

    title: ClassVar[str] = "ZOOMER"
    embeds: ClassVar[bool] = True
    asks: ClassVar[bool] = True
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "neighbours": (5, 10, 20),
        "hops": (1, 2),
        "focus": (0.0, 1.0, 2.0),
    }
    name: Literal["zoomer"] = "zoomer"
    queries: Literal["factors", "log"] = "factors"
    """What a query is: a latent factor of items, as if somebody asked for a meaning, or what users
    asked for in the log of the data set."""
    level: NonNegativeInt = 0
    """Level of the items' codes whose factors are queries; the first is the coarsest."""
    asked: Literal["latest", "own", "both"] = "both"
    """Which query stands beside a user in training: that of the latest item before, as when a list
    is asked for; the one for which the item was taken, as when words are; or one or the other."""
    neighbours: PositiveInt = 10
    """Neighbours of each type that a node keeps: those most relevant to user and query."""
    hops: Annotated[int, Field(ge=1, le=2)] = 1
    """Steps away from user and query that are read."""
    reach: PositiveInt = 64
    """Neighbours of each type that are looked at for it: the latest, or, where edges have no times,
    the heaviest. What a step costs does not grow with degrees beyond it."""
    relevance: Literal["tanimoto", "cosine"] = "tanimoto"
    """What relevance is, of a node's vector and the sum of those of user and query."""
    feature: bool = True
    """Weigh the features of a node by the focus; otherwise all alike."""
    edge: bool = True
    """Weigh neighbours of a type by the focus; otherwise all alike."""
    semantic: bool = True
    """Weigh types of neighbours by how alike they are to the node; otherwise all alike."""
    norm: Literal["type", "all"] = "type"
    """Whether weights of neighbours sum to 1 within a type, as the text of the paper has it, or
    over all types, as its formula is printed."""
    scale: Literal["n", "one"] = "n"
    """Whether the weights of the n features of a node sum to n, as in the authors' code, or 1."""
    own: bool = True
    """Whether a node hears itself beside its neighbours. In the paper it hears them alone, and a
    user without any would be like every other such user."""
    focus: NonNegativeFloat = 2.0
    """How much less counts what is predicted well already: γ of the focal loss; 0 is plain
    cross-entropy."""
    loss: Literal["softmax", "sigmoid"] = "softmax"
    """Whether items are set against each other, or each is a question of yes or no, as in the
    paper."""
    sharpness: PositiveFloat = 5.0
    """What cosines are multiplied by in the loss; the authors' code has 4."""
    l2: NonNegativeFloat = 1e-6
    """What the sum of squares of all weights is multiplied by in the loss."""
    positions: PositiveInt | None = 4
    """Interactions of each user that an epoch predicts, drawn anew for every epoch; none: all."""

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The graph, where its factors are queries."""
        return ("graph",) if self.queries == "factors" else ()

    @property
    def attention(self) -> frozenset[Level]:
        """Where it is."""
        levels: tuple[Level, ...] = ("feature", "edge", "semantic")
        return frozenset(level for level in levels if getattr(self, level))

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """The level whose factors are queries."""
        reads = self.queries == "factors" and side == "item" and self.level < levels
        return (self.level,) if reads else ()
