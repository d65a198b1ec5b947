"""What a person may set of a recommender: the model, its training and its evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from data.config import Config

Metapath = Literal[
    "item > user",
    "user > user_factor > user",
    "user > item",
    "item > item_factor > item",
]
PAPER_METAPATHS: tuple[Metapath, ...] = (
    "item > user",
    "user > user_factor > user",
    "user > item",
    "item > item_factor > item",
)
Share = Annotated[float, Field(ge=0, lt=1)]


class YouTubeDnnConfig(Config):
    """YouTubeDNN: mean of the history, then a multi-layer perceptron."""

    name: Literal["youtubednn"] = "youtubednn"
    hidden: tuple[PositiveInt, ...] = (128, 64)
    """Widths of the hidden layers."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""


class MindConfig(Config):
    """MIND: several interests a user, found by dynamic routing."""

    name: Literal["mind"] = "mind"
    interests: PositiveInt = 3
    """Largest number of interest capsules; a history of n items gets at most log2(n)."""
    iterations: PositiveInt = 3
    """Rounds of dynamic routing."""
    sharpness: PositiveFloat = 2.0
    """Factor in the label-aware attention; the larger, the closer to the best interest alone."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""


class Gru4RecConfig(Config):
    """GRU4Rec: a gated recurrent network over the history."""

    name: Literal["gru4rec"] = "gru4rec"
    layers: PositiveInt = 1
    """Stacked recurrent layers."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""


class SasRecConfig(Config):
    """SASRec: causal self-attention over the history."""

    name: Literal["sasrec"] = "sasrec"
    layers: PositiveInt = 2
    """Attention blocks."""
    heads: PositiveInt = 2
    """Attention heads a block."""
    dropout: Share = 0.2
    """Share of activations dropped in training."""


_AVERAGE = (
    "cannot make one of a description: the average of all users stands in, and the history says "
    "the rest."
)


class NoneConfig(Config):
    """No enhancer: the plain twin that every other one is compared with."""

    needs: ClassVar[tuple[str, ...]] = ()
    sides: ClassVar[tuple[str, ...]] = ()
    strangers: ClassVar[Mapping[str, str]] = {
        "item": "It knows an item by who had it, and nobody had this one; it could learn something "
        "only from attributes that other items share. Ask a recommender with an enhancer that "
        "reads texts or codes, such as autograph."
    }
    name: Literal["none"] = "none"

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:  # noqa: ARG002
        """Levels of the codes of `side`, of so many, that reach the scores: none."""
        return ()


class _EnhancerConfig(Config):
    needs: ClassVar[tuple[str, ...]] = ()
    """Parts of `Sources` that the enhancer learns from."""
    strangers: ClassVar[Mapping[str, str]] = {}
    """By side, why it cannot place a newcomer; those that can are `protocols.Grows`."""
    sides: Annotated[tuple[Literal["user", "item"], ...], Field(min_length=1)] = ("user", "item")
    """Whose vectors get its features. What is known of a user was written with every training
    interaction in view, the one to be predicted among them, so a recommender may learn to trust it
    more than it deserves; items have no such tale to tell."""
    dropout: Share = 0.2
    """Share of the enhancer's features dropped in training."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:  # noqa: ARG002
        """Levels of the codes of `side`, of so many, that reach the scores; none by default."""
        return ()


class _GraphConfig(_EnhancerConfig):
    metapaths: tuple[Metapath, ...] = PAPER_METAPATHS
    """Metapaths that carry messages; the paper's four by default."""
    levels: tuple[int, ...] = (0, 1)
    """Codebook levels whose factor nodes take part; the paper finds the first two best."""
    heads: PositiveInt = 2
    """Attention heads of every metapath."""
    neighbours: PositiveInt = 16
    """Users sampled for each item in every step of training."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels of `levels` whose factors carry messages between those of a side."""
        carried = f"{side} > {side}_factor > {side}" in self.metapaths
        return tuple(level for level in self.levels if level < levels) if carried else ()


class AutoGraphConfig(_GraphConfig):
    """Metapath attention over the latent-factor graph (eq. 6 to 9)."""

    needs: ClassVar[tuple[str, ...]] = ("graph",)
    name: Literal["autograph"] = "autograph"


class GroundedConfig(_GraphConfig):
    """The same graph, whose nodes begin as what their texts mean; not in the paper."""

    needs: ClassVar[tuple[str, ...]] = ("graph", "user_vectors", "item_vectors")
    name: Literal["grounded"] = "grounded"
    user_texts: bool = True
    """Whether users, too, begin as what their texts mean, or learn all they are."""


class KarConfig(_EnhancerConfig):
    """KAR: semantic vectors through a mixture of experts, as features of both sides."""

    needs: ClassVar[tuple[str, ...]] = ("user_vectors", "item_vectors")
    name: Literal["kar"] = "kar"
    shared: PositiveInt = 2
    """Experts that read the vectors of users and of items."""
    own: PositiveInt = 3
    """Experts that read those of one side alone."""
    hidden: PositiveInt = 64
    """Width of the experts' hidden layer."""


class UistConfig(_EnhancerConfig):
    """UIST: the codes of users and items as feature ids."""

    needs: ClassVar[tuple[str, ...]] = ("graph",)
    name: Literal["uist"] = "uist"
    levels: tuple[int, ...] | None = None
    """Codebook levels that are read; all of them unless given."""
    hidden: PositiveInt = 64
    """Width of the hidden layer behind the codes."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels whose codes are features of a side."""
        chosen = range(levels) if self.levels is None else self.levels
        return tuple(level for level in chosen if level < levels) if side in self.sides else ()


class LightGcnConfig(_EnhancerConfig):
    """LightGCN: normalised sums over users and items that interacted, layer after layer."""

    needs: ClassVar[tuple[str, ...]] = ("histories",)
    strangers: ClassVar[Mapping[str, str]] = {
        "user": f"LightGCN learns a vector for each user in training, and {_AVERAGE}",
        "item": "LightGCN knows an item by the users who had it, and nobody had this one.",
    }
    name: Literal["lightgcn"] = "lightgcn"
    layers: Annotated[int, Field(ge=1, le=3)] = 2
    """Steps away from a node that it hears from."""


class CcgnnConfig(_EnhancerConfig):
    """CCGNN: attention over a graph of users, items and the phrases in the items' texts."""

    needs: ClassVar[tuple[str, ...]] = ("phrases",)
    strangers: ClassVar[Mapping[str, str]] = {
        "user": f"CCGNN learns a vector for each user in training, and {_AVERAGE}",
        "item": "CCGNN knows an item by phrases, which are drawn and weighed over the texts of all "
        "items at once, before training; those of another text have no place among them.",
    }
    name: Literal["ccgnn"] = "ccgnn"
    layers: Annotated[int, Field(ge=1, le=3)] = 1
    """Times that phrases hear from their items, and items from their phrases."""
    heads: PositiveInt = 2
    """Attention heads of every relation."""
    neighbours: PositiveInt = 16
    """Phrases that an item hears at most, the weightiest."""


class TopoI2IConfig(_EnhancerConfig):
    """TopoI2I: attention over pairs of items that were judged to be alike."""

    needs: ClassVar[tuple[str, ...]] = ("pairs",)
    strangers: ClassVar[Mapping[str, str]] = {
        "user": f"TopoI2I learns a vector for each user in training, and {_AVERAGE}",
        "item": "TopoI2I knows an item by the items that it was judged to be like before training, "
        "and this one was not judged.",
    }
    name: Literal["topoi2i"] = "topoi2i"
    layers: Annotated[int, Field(ge=1, le=3)] = 1
    """Steps away from an item that it hears from."""
    heads: PositiveInt = 2
    """Attention heads of every relation."""
    neighbours: PositiveInt = 16
    """Similar items that an item hears at most, the most similar."""


Backbone = Annotated[
    YouTubeDnnConfig | MindConfig | Gru4RecConfig | SasRecConfig, Field(discriminator="name")
]
Enhancer = Annotated[
    NoneConfig
    | AutoGraphConfig
    | GroundedConfig
    | KarConfig
    | UistConfig
    | LightGcnConfig
    | CcgnnConfig
    | TopoI2IConfig,
    Field(discriminator="name"),
]


class ModelConfig(Config):
    """One recommender: what it is, not how it is run."""

    backbone: Backbone = SasRecConfig()
    """Maps a history to user vectors."""
    enhancer: Enhancer = AutoGraphConfig()
    """Adds features on both sides; `none` adds nothing."""
    width: PositiveInt = 64
    """Channels of every representation."""
    max_history: PositiveInt = 30
    """Most recent items a backbone reads."""
    embedding_dropout: Share = 0.2
    """Share of input channels dropped in training."""
    item_features: bool = True
    """Add the items' categorical attributes to their vectors."""
    user_features: bool = True
    """Add the users' categorical attributes to their vectors."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        for name in self.model_fields_set & {"backbone", "enhancer"}:  # no default that is unused
            part = getattr(self, name)
            heads = getattr(part, "heads", 1)
            if self.width % heads:
                raise ValueError(
                    f"the {heads} attention heads of {part.name} cannot share a width of "
                    f"{self.width} evenly; set heads to a number that divides it"
                )
        return self


class TrainConfig(Config):
    """How a recommender is fitted; the random seed is given beside it."""

    epochs: PositiveInt = 40
    """Passes over all training positions at most."""
    patience: PositiveInt = 3
    """Epochs without a better validation NDCG@10 before training stops."""
    batch_size: PositiveInt = 128
    """Chunks of histories in a step; each holds up to `max_history` positions, or 32 if that is
    more and the recommender is YouTubeDNN or MIND."""
    learning_rate: PositiveFloat = 1e-3
    """Peak step size of AdamW."""
    final_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the learning rate that is left after the last epoch; it falls in a line."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    """Decoupled weight decay of AdamW."""
    loss: Literal["auto", "full", "sampled"] = "auto"
    """Softmax over all items, or over shared sampled negatives; auto samples above 20,000 items."""
    negatives: PositiveInt = 1024
    """Sampled items that a step shares, where the loss is sampled."""


class EvaluateConfig(Config):
    """How recommendations are judged."""

    candidates: Literal["all"] | PositiveInt = "all"
    """Rank the true item against the whole catalogue, or against so many drawn negatives."""
    exclude_seen: Literal["auto"] | bool = "auto"
    """Leave out items that the user has had before, as published tables do; `auto` does so where
    the data hold no user with the same item twice. Of drawn negatives none is ever one of them."""
