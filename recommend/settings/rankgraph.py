"""Settings of RankGraph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from recommend.settings.part import LAYERS, BackboneConfig

Negatives = Literal["batch", "pool", "semantic"]


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
    """Whether items of every domain have an encoder of their own and every type of edges a matrix
    of its own, or all share one, and a node hears the mean over all its edges."""
    layers: Annotated[int, Field(ge=1, le=4)] = 2
    """Steps away from a node that it hears from."""
    bases: PositiveInt | None = None
    """Matrices of which those of all types of edges are mixed; none: each has its own."""
    features: Literal["none", "attributes", "texts", "both"] = "attributes"
    """What is known of an item beside a vector of its own: attributes, what its text means."""
    alike: tuple[Literal["engaged", "factors", "texts"], ...] = ("engaged",)
    """Edges between items, within and across domains: those that the same users had, that share
    our factors, or whose texts are near. `engaged` joins users who had the same items, too."""
    nearest: PositiveInt = 10
    """Most alike nodes of each type that each is joined with by each kind of such edges."""
    shared: PositiveInt = 2
    """Users that two items have to share for an `engaged` edge, and items that two users have to.
    Where histories are short, most of such edges are of one user alone, and say too much to whoever
    learns to predict what that user had: on Amazon Office's validation Recall@100 is .331 with 2
    and .322 with 1 (one seed)."""
    half_life_days: PositiveFloat | None = None
    """After how many days an interaction weighs half; none: all weigh alike, whatever their age."""
    hide: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of what the users of a step had that is predicted and that nobody hears in that step;
    0 predicts all of it in view of all of it, as LightGCN does."""
    balance: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share λ of the triplet loss, which looks at one negative at a time; the rest is InfoNCE's,
    which looks at all at once."""
    margin: PositiveFloat = 0.2
    """By how much the cosine of a pair should be above that of a negative, for the triplet loss."""
    temperature: PositiveFloat = 0.1
    """What cosines are divided by in InfoNCE: the smaller, the more the hardest negatives count."""
    anchors: Annotated[
        tuple[Literal["user-item", "user-user", "item-item"], ...], Field(min_length=1)
    ] = ("user-item",)
    """What is drawn together: users and items they had, users who had the same, and items that the
    same users had, each of these with one of its nearest. Of several, the losses are averaged."""
    negatives: Annotated[tuple[Negatives, ...], Field(min_length=1)] = ("batch",)
    """What a user and an item are set against: other items of the same step, items of earlier
    steps, or items that are near the item. Never what the user had in training."""
    pool: PositiveInt = 256
    """Items of earlier steps that are kept. No gradient reaches them, so that many more of them
    than a step has push users away while nothing pushes items."""
    hard: PositiveInt = 8
    """Items near an item that it is set against, drawn from the `reach` nearest."""
    reach: PositiveInt = 50
    """How many near items these are drawn from."""
    corrected: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How much it is made up for that popular items are negatives more often: 0 leaves it as it is,
    so that they are ranked low; 1 takes the logarithm of how many had them off their scores."""

    @model_validator(mode="after")
    def _near_items_are_known(self) -> Self:
        need = {"user-user", "item-item"} & {*self.anchors}
        if need and "engaged" not in self.alike:
            raise ValueError(
                f"anchors has {min(need)}, which draws together what `engaged` edges join; add "
                "engaged to alike, or take it out of anchors"
            )
        return self

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The graph, where items are alike by factors, and texts, where they are read."""
        graph = ("graph",) if "factors" in self.alike else ()
        return (*graph, "item_vectors") if self.reads_texts else graph

    @property
    def reads_texts(self) -> bool:
        """Whether what items' texts mean is read."""
        return "texts" in self.alike or self.features in ("texts", "both")

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """All levels of the items' codes, where they join items."""
        return tuple(range(levels)) if "factors" in self.alike and side == "item" else ()
