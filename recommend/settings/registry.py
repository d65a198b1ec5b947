"""Every backbone and enhancer by its name, without torch: its settings, and where its code is.

One that is added here is in the grid, the form, the command line and the contract tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from operator import or_
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from recommend.settings.autograph import AutoGraphConfig
from recommend.settings.ccgnn import CcgnnConfig
from recommend.settings.contextgnn import ContextGnnConfig
from recommend.settings.contrast import ContrastConfig
from recommend.settings.ease import EaseConfig
from recommend.settings.fusion import FusionConfig
from recommend.settings.grounded import GroundedConfig
from recommend.settings.gru4rec import Gru4RecConfig
from recommend.settings.hybrid import HybridConfig
from recommend.settings.item_knn import ItemKnnConfig
from recommend.settings.kar import KarConfig
from recommend.settings.lightgbm import LightGbmConfig
from recommend.settings.lightgcn import LightGcnConfig
from recommend.settings.mind import MindConfig
from recommend.settings.multivae import MultiVaeConfig
from recommend.settings.none import NoneConfig
from recommend.settings.part import BackboneConfig, EnhancerConfig
from recommend.settings.popularity import PopularityConfig
from recommend.settings.rankgraph import RankGraphConfig
from recommend.settings.sasrec import SasRecConfig
from recommend.settings.start import StartConfig
from recommend.settings.text_item import TextItemConfig
from recommend.settings.text_knn import TextKnnConfig
from recommend.settings.tokens import TokensConfig
from recommend.settings.topoi2i import TopoI2IConfig
from recommend.settings.towers import GraphSageConfig, LightGcnTowersConfig, NgcfConfig
from recommend.settings.uist import UistConfig
from recommend.settings.youtubednn import YouTubeDnnConfig
from recommend.settings.zoomer import ZoomerConfig

C = TypeVar("C", BackboneConfig, EnhancerConfig)


@dataclass(frozen=True, slots=True)
class Spec(Generic[C]):
    """What there is to know of a part of a recommender.

    Attributes:
        config: Its settings.
        place: Where its class is, as "module:Class"; it is imported when it is built.
        within: The recommender that it is a part of, likewise; none for what recommends by itself.
        around: Whether it is no part, but stands around a recommender that is trained without it.
    """

    config: type[C]
    place: str
    within: str = ""
    around: bool = False

    def load(self) -> Any:
        """Its class."""
        return _load(self.place)


_SEQUENCE = "recommend.sequence"
_READER = f"{_SEQUENCE}.recommender:SequenceRecommender"
_TOWERS = "recommend.graphs.towers:Towers"
BACKBONES: Mapping[str, Spec[BackboneConfig]] = {
    "youtubednn": Spec(YouTubeDnnConfig, f"{_SEQUENCE}.backbones.youtubednn:YouTubeDnn", _READER),
    "mind": Spec(MindConfig, f"{_SEQUENCE}.backbones.mind:Mind", _READER),
    "gru4rec": Spec(Gru4RecConfig, f"{_SEQUENCE}.backbones.gru4rec:Gru4Rec", _READER),
    "sasrec": Spec(SasRecConfig, f"{_SEQUENCE}.backbones.sasrec:SasRec", _READER),
    "popularity": Spec(PopularityConfig, "recommend.simple.behaviour:Popularity"),
    "item-knn": Spec(ItemKnnConfig, "recommend.simple.behaviour:ItemKnn"),
    "ease": Spec(EaseConfig, "recommend.simple.behaviour:Ease"),
    "text-knn": Spec(TextKnnConfig, "recommend.simple.texts:TextKnn"),
    "hybrid": Spec(HybridConfig, "recommend.simple.texts:Hybrid"),
    "contextgnn": Spec(ContextGnnConfig, "recommend.context.recommender:ContextGnn"),
    "lightgcn-cf": Spec(LightGcnTowersConfig, _TOWERS),
    "ngcf": Spec(NgcfConfig, _TOWERS),
    "graphsage": Spec(GraphSageConfig, _TOWERS),
    "rankgraph": Spec(RankGraphConfig, "recommend.rank.recommender:RankGraph"),
    "zoomer": Spec(ZoomerConfig, "recommend.zoom.recommender:Zoomer"),
    "lightgbm": Spec(LightGbmConfig, "recommend.simple.counts:LightGbm"),
    "multivae": Spec(MultiVaeConfig, "recommend.simple.autoencoder:MultiVae"),
}
ENHANCERS: Mapping[str, Spec[EnhancerConfig]] = {
    "none": Spec(NoneConfig, f"{_SEQUENCE}.enhancers.nothing:Nothing"),
    "autograph": Spec(AutoGraphConfig, f"{_SEQUENCE}.enhancers.autograph:AutoGraph"),
    "fusion": Spec(FusionConfig, "recommend.fusion:Fusion", around=True),
    "grounded": Spec(GroundedConfig, f"{_SEQUENCE}.enhancers.grounded:Grounded"),
    "kar": Spec(KarConfig, f"{_SEQUENCE}.enhancers.kar:Kar"),
    "uist": Spec(UistConfig, f"{_SEQUENCE}.enhancers.uist:Uist"),
    "lightgcn": Spec(LightGcnConfig, f"{_SEQUENCE}.enhancers.lightgcn:LightGcn"),
    "ccgnn": Spec(CcgnnConfig, f"{_SEQUENCE}.enhancers.ccgnn:Ccgnn"),
    "start": Spec(StartConfig, f"{_SEQUENCE}.enhancers.start:Start"),
    "text-item": Spec(TextItemConfig, f"{_SEQUENCE}.enhancers.text_item:TextItem"),
    "contrast": Spec(ContrastConfig, f"{_SEQUENCE}.enhancers.contrast:Contrast"),
    "tokens": Spec(TokensConfig, f"{_SEQUENCE}.enhancers.tokens:tokens_of"),
    "topoi2i": Spec(TopoI2IConfig, f"{_SEQUENCE}.enhancers.topoi2i:TopoI2I"),
}


def union_of(specs: Mapping[str, Spec[Any]]) -> Any:
    """The type of a setting that is one of them, told apart by its name."""
    kinds = reduce(or_, (spec.config for spec in specs.values()))
    return Annotated[kinds, Field(discriminator="name")]


def recommender_of(backbone: str) -> Any:
    """The class of the recommender that a backbone is a part of, or is by itself."""
    spec = BACKBONES[backbone]
    return _load(spec.within or spec.place)


def takes_enhancers(backbone: str) -> bool:
    """Whether a backbone is a part to which an enhancer can be added; so are unknown ones."""
    return backbone not in BACKBONES or bool(BACKBONES[backbone].within)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
