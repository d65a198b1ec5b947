"""Settings of the quantisation stage."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from data.config import Config


class _CodesConfig(Config):
    k: int = Field(256, ge=2)
    """Codes a level, the number of latent factors; lowered in small sets, see `per_code`."""
    levels: int = Field(3, ge=1, le=8)
    """Codebooks one after another, T of the paper: each quantises what the last one left over."""
    per_code: int = Field(8, ge=1)
    """Least vectors a code on average: n vectors get at most n / `per_code` codes a level."""

    def codes_for(self, n: int) -> int:
        """Codes a level for `n` vectors.

        >>> RqVaeConfig(k=256).codes_for(3533), RqVaeConfig(k=256).codes_for(400)
        (256, 50)
        """
        return max(2, min(self.k, n // self.per_code))


class RqVaeConfig(_CodesConfig):
    """Residual quantisation inside an autoencoder. Source: AutoGraph, eq. 4-5 and D.1."""

    method: Literal["rq-vae"] = "rq-vae"
    """A learned encoder and decoder around the codebooks."""
    dim: int = Field(32, ge=1)
    """Width of a code vector."""
    hidden: tuple[PositiveInt, ...] = (512, 256)
    """Hidden widths of the encoder; the decoder has them in reverse."""
    beta: float = Field(0.25, ge=0)
    """How strongly the encoder is held to the codes it selects."""
    epochs: int = Field(25, ge=1)
    """Passes over the vectors; small sets get more, see `least_steps`, large ones see `sample`."""
    least_steps: int = Field(150, ge=1)
    """Steps that even a small set gets: its epochs are raised until there are so many."""
    warm_up: float = Field(0.2, ge=0, lt=1)
    """Share of the epochs without codes, before k-means places the code vectors.

    The paper places them by the first output of an untrained encoder, which 0 does here, too.
    Some passes as a plain autoencoder first give codes that keep more and mean more.
    """
    batch: int = Field(128, ge=1)
    """Vectors a step."""
    lr: float = Field(1e-3, gt=0)
    """Highest learning rate of AdamW; it falls along half a cosine."""
    weight_decay: float = Field(1e-4, ge=0)
    """Decoupled weight decay of encoder and decoder; code vectors have none."""
    sample: int = Field(32768, ge=2)
    """Most vectors that one epoch, k-means or the search for dead codes sees, drawn anew each."""

    def epochs_for(self, n: int) -> int:
        """Passes over `n` vectors.

        >>> RqVaeConfig().epochs_for(3533), RqVaeConfig().epochs_for(256)
        (25, 75)
        """
        return max(self.epochs, math.ceil(self.least_steps / math.ceil(n / self.batch)))


class RqKMeansConfig(_CodesConfig):
    """Residual quantisation of the vectors themselves by k-means, with no network."""

    method: Literal["rq-kmeans"] = "rq-kmeans"
    """k-means of the vectors, then of what is left over, level by level."""
    iterations: int = Field(50, ge=1)
    """Most passes of k-means a level."""


class HierarchicalConfig(_CodesConfig):
    """Clusters of the vectors, and clusters inside each of them. Source: AutoGraph, 4.4.2."""

    method: Literal["hierarchical"] = "hierarchical"
    """k-means of the vectors, then inside every cluster, level by level."""
    iterations: int = Field(50, ge=1)
    """Most passes of k-means a cluster."""

    def children_for(self, n: int) -> int:
        """Parts of a cluster of `n` vectors; a few that `k` cannot divide stay together.

        >>> config = HierarchicalConfig(k=256)
        >>> config.children_for(14), config.children_for(1), config.children_for(3533)
        (2, 1, 256)
        """
        return min(self.codes_for(n), max(n, 1))


class LshConfig(_CodesConfig):
    """Random hyperplanes: nothing is learnt. Source: AutoGraph, 4.4.2."""

    method: Literal["lsh"] = "lsh"
    """On which side of log2(k) random hyperplanes a vector lies, with new planes a level."""


class PqConfig(_CodesConfig):
    """Product quantisation: each level sees a part of the vectors alone."""

    method: Literal["pq"] = "pq"
    """The vectors are cut into as many parts as there are levels, and k-means runs in each."""
    iterations: int = Field(50, ge=1)
    """Most passes of k-means a part."""


AnyConfig = RqVaeConfig | RqKMeansConfig | HierarchicalConfig | LshConfig | PqConfig
"""Settings of any method."""
SideConfig = Annotated[AnyConfig, Field(discriminator="method")]
"""How one side, users or items, is quantised."""


class QuantizeConfig(Config):
    """How semantic vectors become codes; users and items apart."""

    user: SideConfig = RqVaeConfig(k=300)
    """Codes of users."""
    item: SideConfig = RqVaeConfig(k=256)
    """Codes of items."""

    @model_validator(mode="before")
    @classmethod
    def _name_defaults(cls, given: Any) -> Any:
        """Fill in method and k of a side that is given in part, so that each keeps its own k."""
        if not isinstance(given, dict):
            return given
        defaults = {"user": {"method": "rq-vae", "k": 300}, "item": {"method": "rq-vae", "k": 256}}
        partial = {
            s: {**d, **given[s]} for s, d in defaults.items() if isinstance(given.get(s), dict)
        }
        return {**given, **partial}


class PhrasesConfig(Config):
    """Which phrases of the items' texts become nodes of the enhancer `ccgnn`."""

    per_text: int = Field(12, ge=1)
    """Phrases of one text at most: the weightiest, several words before one."""
    least_texts: int = Field(3, ge=2)
    """Texts that must hold a phrase: what stands in one alone joins nothing."""
    most_share: float = Field(0.1, gt=0, le=1)
    """Share of the texts that may hold a phrase: what stands everywhere tells nothing apart."""


class WordsConfig(Config):
    """Which words of items `text-knn` and `hybrid` compare."""

    of: Literal["title", "details", "texts"] = "title"
    """Titles; titles with whatever else the items' table says in words, descriptions left out; or
    the texts that the items are described by."""
