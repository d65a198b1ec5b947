"""What a recommender is: its backbone, its enhancer and their size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import PositiveInt, model_validator

from data.config import Config
from recommend.settings.autograph import AutoGraphConfig
from recommend.settings.none import PLAIN
from recommend.settings.part import BackboneConfig, EnhancerConfig, Share
from recommend.settings.registry import BACKBONES, ENHANCERS, takes_enhancers, union_of
from recommend.settings.sasrec import SasRecConfig

if TYPE_CHECKING:
    Backbone = BackboneConfig
    Enhancer = EnhancerConfig
else:
    Backbone, Enhancer = union_of(BACKBONES), union_of(ENHANCERS)


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

    @property
    def upon(self) -> ModelConfig | None:
        """The recommender that its enhancer stands around; None where it is a part of its own."""
        if not ENHANCERS[self.enhancer.name].around:
            return None
        beneath = ENHANCERS[getattr(self.enhancer, "upon", PLAIN)].config()
        return self.model_copy(update={"enhancer": beneath})

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts of `Sources` that it learns from."""
        beneath = () if self.upon is None else self.upon.needs
        return tuple(dict.fromkeys((*self.backbone.needs, *beneath, *self.enhancer.needs)))

    @property
    def strangers(self) -> dict[str, str]:
        """By side, why it cannot place a newcomer: neither can what it stands upon."""
        beneath = {} if self.upon is None else self.upon.strangers
        return {**beneath, **self.enhancer.strangers}

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels of the codes of `side`, of so many, that reach the scores."""
        parts = (self.backbone, self.enhancer, *(() if self.upon is None else (self.upon,)))
        return tuple(dict.fromkeys(n for part in parts for n in part.levels_read(side, levels)))

    @model_validator(mode="after")
    def _enhancers_go_with_parts(self) -> Self:
        plain = self.enhancer.name == PLAIN
        if not plain and not takes_enhancers(self.backbone.name):
            raise ValueError(
                f"{self.backbone.name} recommends by itself and takes no enhancer; "
                f"set enhancer.name to {PLAIN}"
            )
        return self

    @model_validator(mode="after")
    def _what_stands_around_has_something_inside(self) -> Self:
        upon = getattr(self.enhancer, "upon", PLAIN)
        inside = [name for name, spec in ENHANCERS.items() if not spec.around]
        if upon not in inside:
            raise ValueError(
                f"{self.enhancer.name} cannot stand upon {upon!r}; it can upon {', '.join(inside)}"
            )
        return self

    @model_validator(mode="after")
    def _vectors_are_of_who_has_some(self) -> Self:
        source = getattr(self.enhancer, "source", None)
        have = [name for name, spec in BACKBONES.items() if spec.config.embeds]
        have += [name for name, spec in ENHANCERS.items() if spec.config.embeds]
        if source is not None and source not in have:
            raise ValueError(
                f"source = {source}: that has no vector of every user and item for "
                f"{self.enhancer.name}; those that do are {', '.join(have)}"
            )
        return self

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
