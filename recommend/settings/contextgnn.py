"""Settings of ContextGNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from recommend.settings.part import BackboneConfig


class ContextGnnConfig(BackboneConfig):
    """ContextGNN: items near a user by the paths that lead to them, all others by vectors."""

    title: ClassVar[str] = "ContextGNN"
    looks_around: ClassVar[bool] = True
    embeds: ClassVar[bool] = True
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "hops": (2, 3),
        "neighbours": (8, 16, 32),
        "reduce": ("mean", "sum"),
    }
    name: Literal["contextgnn"] = "contextgnn"
    parts: Literal["both", "pair", "tower"] = "both"
    """What scores items: the pair where an item is near and the towers elsewhere, or one of them.
    The pair alone (in the manner of NBFNet) ranks all items that are not near below those that
    are."""
    meeting: Literal["offset", "gate"] = "offset"
    """How the two meet near a user: a number of the user's is added to every pair's score, or a
    share of the user's is of the pair's score and the rest of the tower's."""
    items: Literal["lookup", "feature", "fusion"] = "lookup"
    """What an item's vector outside is made of: one of its own, what is said of it (so that items
    nobody has had get one too), or the sum of both."""
    says: Literal["attributes", "texts"] = "attributes"
    """What is said of an item: its attributes, or what its text means, without its attributes."""
    start: Literal["random", "svd"] = "random"
    """Where items' own vectors begin: anywhere, or at the singular vectors of who had what in
    training, which brings early epochs further."""
    hops: Annotated[int, Field(ge=1, le=4)] = 3
    """Hops of a user's sample, user to item to user and so on, and layers over it."""
    neighbours: Annotated[int, Field(ge=1, le=1024)] = 16
    """How many the first hop draws; every further hop half as many a node."""
    draws: Literal["latest", "spread"] = "latest"
    """Whether hops draw the latest edges or some of all; without times always of all."""
    skip: bool = False
    """Add the sum of somebody's items, those that the first hop draws, to what the towers ask
    with, and to each item a number of its own, at first by how many had it. With start = svd,
    training then begins at a recommender by singular vectors, and the layers learn what that
    misses."""
    layer: Literal["sage", "gat"] = "sage"
    """How a node hears its neighbours by one type of edges: GraphSAGE, all alike, or graph
    attention, each as much as the two of them say."""
    reduce: Literal["mean", "sum", "max"] = "sum"
    """What GraphSAGE makes of all neighbours of a node by one type of edges."""
    heads: PositiveInt = 1
    """Heads of graph attention, each of an equal part of the width."""
    time: Literal["auto", "clock", "order", "none"] = "auto"
    """What a user may see in training: edges strictly before the moment of the item to predict
    (`clock`); the own items before it, and all training edges of others (`order`); or all but the
    edges to predict (`none`). `auto` is `none` where all of a user has one time, `order` where
    times are mere places in histories, and otherwise `clock`."""
    positions: PositiveInt | None = 4
    """Interactions of each user that an epoch predicts, drawn anew for every epoch; none: all.
    Without times it predicts all of them once."""
    ahead: PositiveInt = 1
    """Items that one view of a history predicts: the next, or so many of those that follow. The
    more, the faster it learns what somebody likes, and the less what comes next."""
    window_days: PositiveFloat | None = None
    """Predict all that a user had within so many days, in view of all before these days, rather
    than one interaction after another; only where there is a clock. An epoch then draws as many
    windows of each user as `positions` says."""
    labels: PositiveInt = 8
    """Items of one user that are predicted together, where there are no times."""
    classes: PositiveInt = 20_000
    """Items that a step sets against each other where the softmax is sampled: those to predict
    first, then those near the users, then others."""
    followed: Annotated[int, Field(ge=0, le=16)] = 0
    """Also walk from the items of a history to those that others had after them, within so many
    places of their histories; 0 does not. It takes histories that have an order."""
    factors: bool = False
    """Also walk from the items of a history over their latent factors to other items. Users' own
    are not walked over: the text about a user was written with all that training predicts in view,
    and with these edges taken off nothing would teach what they mean."""

    @model_validator(mode="after")
    def _a_start_is_of_own_vectors(self) -> Self:
        if self.start == "svd" and (self.parts == "pair" or self.items == "feature"):
            raise ValueError(
                "start = svd is where items' own vectors begin, and with "
                f"parts = {self.parts} and items = {self.items} they have none; "
                "leave it at random"
            )
        if self.skip and (self.parts == "pair" or self.items != "lookup"):
            raise ValueError(
                "skip = true adds up items' own vectors for the towers, and with "
                f"parts = {self.parts} and items = {self.items} there are none of one kind; "
                "leave it out"
            )
        return self

    @model_validator(mode="after")
    def _times_are_there_for_what_reads_them(self) -> Self:
        if self.followed and self.time == "none":
            raise ValueError(
                f"followed = {self.followed} walks over what came after what, and with time = none "
                "nothing did; set followed to 0, or time to order or clock"
            )
        if self.window_days is not None and self.time in ("order", "none"):
            raise ValueError(
                f"window_days = {self.window_days:g} counts days, and time = {self.time} knows "
                "none; leave it out, or set time to clock"
            )
        return self

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The graph, where it reads factors, and texts, where these are said of items."""
        graph = ("graph",) if self.factors else ()
        return (*graph, "item_vectors") if self.listens and self.says == "texts" else graph

    @property
    def listens(self) -> bool:
        """Whether items' vectors are made of what is said of them, with or without their own."""
        return self.parts != "pair" and self.items != "lookup"

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """All levels of the items' codes, where it reads factors."""
        return tuple(range(levels)) if self.factors and side == "item" else ()
