"""How nearest vectors are searched."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from data.config import Config


class _Search(Config):
    metric: Literal["ip", "l2"] = "ip"
    """What near means: a large inner product, or a small squared distance."""


class FlatSearch(_Search):
    """All vectors are looked at: the answer is exact."""

    kind: Literal["flat"] = "flat"


class _Lists(_Search):
    nlist: int = Field(default=100, ge=1)
    """Lists, into which the vectors are parted by k-means."""
    nprobe: int = Field(default=10, ge=1)
    """Lists that a query looks at."""


class IvfFlatSearch(_Lists):
    """Only vectors in the lists whose centres are nearest to the query are looked at."""

    kind: Literal["ivfflat"] = "ivfflat"


class IvfPqSearch(_Lists):
    """The same, of vectors that are kept as m bytes each."""

    kind: Literal["ivfpq"] = "ivfpq"
    m: int = Field(default=8, ge=1)
    """Parts of a vector, of which each is kept as the nearest of 256; d has to be a multiple."""


Search = Annotated[FlatSearch | IvfFlatSearch | IvfPqSearch, Field(discriminator="kind")]
"""A search of any kind."""
