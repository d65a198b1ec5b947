"""What a model reads of the attributes of nodes or edges, column by column."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from data.config import Config


class NumericColumn(Config):
    """Numbers as they are: an attribute of d numbers gives d."""

    kind: Literal["numeric"] = "numeric"
    attribute: str
    """Numbers; one that is missing (NaN) counts as the mean."""
    normalise: bool = True
    """Whether they are taken less their mean and divided by their standard deviation."""


class _Learnt(Config):
    """What columns of learnt vectors share."""

    dim: int = Field(ge=1)
    """Numbers a vector."""
    reduce: Literal["mean", "sum"] = "mean"
    """What becomes of the vectors of an attribute that has several values; 0 where it has none."""


class EmbeddingColumn(_Learnt):
    """A vector for each of the whole numbers 0 to buckets - 1."""

    kind: Literal["embedding"] = "embedding"
    attribute: str
    """Whole numbers, one or several a row."""
    buckets: int = Field(ge=1)
    """How many there are."""


class HashedColumn(_Learnt):
    """A vector for each of so many buckets, into which values fall by their hash."""

    kind: Literal["hashed"] = "hashed"
    attribute: str
    """Texts or whole numbers, one or several a row."""
    buckets: int = Field(ge=1)
    """How many buckets there are; values in one bucket share a vector."""


class DynamicColumn(_Learnt):
    """A vector for every value that is there, however many; one for all that are not known."""

    kind: Literal["dynamic"] = "dynamic"
    attribute: str
    """Texts or whole numbers, one or several a row."""


class OwnColumn(_Learnt):
    """A vector for every node or edge itself."""

    kind: Literal["own"] = "own"


Column = Annotated[
    NumericColumn | EmbeddingColumn | HashedColumn | DynamicColumn | OwnColumn,
    Field(discriminator="kind"),
]
"""A column of any kind."""
LearntColumn = EmbeddingColumn | HashedColumn | DynamicColumn | OwnColumn
"""A column whose vectors are learnt."""
