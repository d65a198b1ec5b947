"""Settings of RankGraph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from recommend.settings.part import LAYERS, BackboneConfig


class RankGraphConfig(BackboneConfig):
    """RankGraph: one graph of users and the items of every domain, and a vector of each of them."""

    title: ClassVar[str] = "RankGraph"
    embeds: ClassVar[bool] = True
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "layers": LAYERS,
        "balance": (0.0, 0.25, 0.5, 0.75, 1.0),
        "temperature": (0.05, 0.1, 0.2),
    }
    name: Literal["rankgraph"] = "rankgraph"
    domains: Literal["joined", "apart"] = "joined"
    """Whether a user is one node for all domains, or one for each, as if every domain had a
    recommender of its own; without `data.domains` there is one domain."""
    types: Literal["typed", "homogeneous"] = "typed"
    """Whether every type of nodes has an encoder of its own and every type of edges a matrix of its
    own, or all share one."""
    layers: Annotated[int, Field(ge=1, le=4)] = 2
    """Steps away from a node that it hears from."""
    bases: PositiveInt | None = None
    """Matrices of which those of all types of edges are mixed; none: each has its own."""
    features: Literal["none", "attributes", "texts"] = "attributes"
    """What an item's first vector is made of, beside one of its own."""
    alike: tuple[Literal["engaged", "factors", "texts"], ...] = ("engaged",)
    """Edges between items, within and across domains: those whose users are the same, that share
    our factors, or whose texts are near. `engaged` joins users with the same items, too."""
    nearest: PositiveInt = 10
    """Most alike nodes that each is joined with by each kind of such edges."""
    half_life_days: PositiveFloat | None = None
    """After how many days an interaction weighs half; none: all weigh alike, whatever their age."""
    balance: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share λ of the triplet loss, which looks at one negative at a time; the rest is InfoNCE's,
    which looks at all at once."""
    margin: PositiveFloat = 0.2
    """By how much the cosine of a pair should be above that of a negative, for the triplet loss."""
    temperature: PositiveFloat = 0.1
    """What cosines are divided by in InfoNCE: the smaller, the more the hardest negatives count."""
    anchors: tuple[Literal["user-item", "user-user", "item-item"], ...] = ("user-item",)
    """Edges whose two ends are drawn together."""
    negatives: tuple[Literal["batch", "pool", "semantic"], ...] = ("batch",)
    """What an anchor is set against: the items of the others in its batch, items of earlier batches
    as they were then, or items that are near its own item and that the user has not had."""
    pool: PositiveInt = 4096
    """Items of earlier batches that are kept."""
    hard: PositiveInt = 8
    """Semantic negatives of each anchor."""
    fanout: PositiveInt | None = None
    """Edges of each type that a node hears in a step of training, drawn anew; none: all of them."""
