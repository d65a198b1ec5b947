"""Settings of two towers over the whole graph of interactions: LightGCN, NGCF and GraphSAGE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat

from recommend.settings.part import LAYERS, BackboneConfig, Share


class TowersConfig(BackboneConfig):
    """A vector of each user and one of each item, made of what is around them in the graph."""

    embeds: ClassVar[bool] = True
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "layers": LAYERS,
        "temperature": (0.05, 0.1, 0.2),
    }
    layers: Annotated[int, Field(ge=1, le=4)] = 3
    """Steps away from a node that it hears from."""
    loss: Literal["softmax", "bpr"] = "softmax"
    """All that a user had against items that the user had not, by cosines, which takes few epochs;
    or each against one such item, by products of vectors, as published."""
    temperature: PositiveFloat = 0.1
    """What cosines are divided by in the softmax: the smaller, the more the hardest items count."""


class LightGcnTowersConfig(TowersConfig):
    """LightGCN as a recommender of its own: vectors averaged over the graph, layer after layer."""

    title: ClassVar[str] = "LightGCN-CF"
    name: Literal["lightgcn-cf"] = "lightgcn-cf"


class NgcfConfig(TowersConfig):
    """NGCF: what neighbours say and what they share with a node, through weights and layers."""

    title: ClassVar[str] = "NGCF"
    name: Literal["ngcf"] = "ngcf"
    dropout: Share = 0.1
    """Share of what a layer hears that is dropped in training."""


class GraphSageConfig(TowersConfig):
    """GraphSAGE in two towers: the mean of neighbours beside the node itself, layer after layer."""

    title: ClassVar[str] = "GraphSAGE"
    name: Literal["graphsage"] = "graphsage"
    layers: Annotated[int, Field(ge=1, le=4)] = 2
    """Steps away from a node that it hears from."""
