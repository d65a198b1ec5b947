"""What a person may set of a recommender, without torch: a file a backbone or enhancer."""

from recommend.settings.autograph import OURS, PAPER_METAPATHS, Metapath
from recommend.settings.model import ModelConfig
from recommend.settings.none import PLAIN
from recommend.settings.registry import BACKBONES, ENHANCERS
from recommend.settings.training import EvaluateConfig, TrainConfig

__all__ = [
    "BACKBONES",
    "ENHANCERS",
    "OURS",
    "PAPER_METAPATHS",
    "PLAIN",
    "EvaluateConfig",
    "Metapath",
    "ModelConfig",
    "TrainConfig",
]
