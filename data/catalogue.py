"""The data sets that are known by name: what they are, whose they are, how they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from data.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Card:
    """One data set.

    Attributes:
        name: What a person types.
        title: Its readable name.
        what: One or two sentences.
        size: In words.
        licence: Terms of use, in short.
        publisher: Who made it.
        citation: What to cite, "" if nothing.
        domain: Decides the prompt templates.
        min_rating: Interactions rated below are no positive ones (appendix B of the paper).
        urls: Publisher's addresses.
        checks: Of each downloaded file, "md5:…" or "sha256:…"; None where the publisher
            changes the file or states no sum.
        contents: SHA-256 of files inside an archive, as far as they are known.
        files: The publisher's files that a folder given as --from must hold.
    """

    name: str
    title: str
    what: str
    size: str
    licence: str
    publisher: str
    citation: str
    domain: Literal["movies", "books", "any"]
    min_rating: float
    urls: tuple[str, ...] = ()
    checks: Mapping[str, str | None] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()


_GROUPLENS = "https://files.grouplens.org/datasets/movielens"
_MOVIELENS = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19."
)
_RESEARCH = (
    "research use, acknowledged, no endorsement; no commercial use and no redistribution without "
    "permission"
)

_CARDS = (
    Card(
        name="demo",
        title="Lantern, an invented film service",
        what=(
            "Made by a generator with a fixed seed: invented films with descriptions that follow "
            "planted themes, and people whose tastes follow the themes."
        ),
        size="a few hundred people and films, made in a second",
        licence="Apache-2.0, as this software",
        publisher="AutoGraph",
        citation="",
        domain="movies",
        min_rating=0,
    ),
    Card(
        name="ml-1m",
        title="MovieLens 1M",
        what="Ratings of films by MovieLens users who joined in 2000, with their demographics.",
        size="1,000,209 ratings, 6,040 users, 3,883 films; 6 MB to download",
        licence=_RESEARCH,
        publisher="GroupLens, University of Minnesota",
        citation=_MOVIELENS,
        domain="movies",
        min_rating=4,
        urls=(f"{_GROUPLENS}/ml-1m.zip",),
        checks={"ml-1m.zip": "md5:c4d9eecfca2ab87c1945afe126590906"},
        contents={
            "users.dat": "1dc3a95300cb19f7c10e027daf29b8cdf1d908dab65b5edfb45950aa389a10a3",
            "movies.dat": "0140fc2356357c1a851d0f52e893a1e4d3696df632c4141cea8d5bc3d621f0b9",
        },
        files=("ratings.dat", "users.dat", "movies.dat"),
    ),
)

CATALOGUE: dict[str, Card] = {card.name: card for card in _CARDS}


def card(name: str) -> Card:
    """The card of a data set.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in CATALOGUE:
        raise ConfigError(
            f"There is no data set {name!r}. data.name may be {', '.join(CATALOGUE)}."
        )
    return CATALOGUE[name]
