"""How a recommender is fitted and judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from data.config import Config

SMALL_CATALOGUE = 20_000
"""Up to so many items the softmax is over all of them: about 0.1 ms a position on one core."""


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

    def is_full(self, n_items: int) -> bool:
        """Whether the softmax is over all of so many items."""
        return self.loss == "full" or (self.loss == "auto" and n_items <= SMALL_CATALOGUE)


class EvaluateConfig(Config):
    """How recommendations are judged."""

    candidates: Literal["all"] | PositiveInt = "all"
    """Rank the true item against the whole catalogue, or against so many drawn negatives."""
    exclude_seen: Literal["auto"] | bool = "auto"
    """Leave out items that the user has had before, as published tables do; `auto` does so where
    the data hold no user with the same item twice. Of drawn negatives none is ever one of them."""
