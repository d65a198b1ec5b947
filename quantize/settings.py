"""Settings of the quantisation stage."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

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
    hidden: tuple[int, ...] = (512, 256)
    """Hidden widths of the encoder; the decoder has them in reverse."""
    beta: float = Field(0.25, ge=0)
    """How strongly the encoder is held to the codes it selects."""
    epochs: int = Field(60, ge=1)
    """Most passes over the vectors."""
    patience: int = Field(10, ge=1)
    """Passes without a better loss before training ends."""
    batch: int = Field(512, ge=1)
    """Vectors a step."""
    lr: float = Field(1e-3, gt=0)
    """Highest learning rate of AdamW; it falls along half a cosine."""
    weight_decay: float = Field(1e-4, ge=0)
    """Decoupled weight decay of encoder and decoder; code vectors have none."""
    init_sample: int = Field(16384, ge=2)
    """Vectors that k-means sees when it places the code vectors."""


class RqKMeansConfig(_CodesConfig):
    """Residual quantisation of the vectors themselves by k-means, with no network."""

    method: Literal["rq-kmeans"] = "rq-kmeans"
    """k-means of the vectors, then of what is left over, level by level."""
    iterations: int = Field(50, ge=1)
    """Most passes of k-means a level."""


SideConfig = Annotated[RqVaeConfig | RqKMeansConfig, Field(discriminator="method")]
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
