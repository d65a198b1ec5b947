"""How recommenders and items are called where no jargon belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.experiment.settings import Cell
from app.pipeline.records import Record
from recommend.settings import BACKBONES, ENHANCERS, PLAIN
from recommend.settings.registry import takes_enhancers


@dataclass(frozen=True, slots=True)
class Nouns:
    """How items are called, and what people do with them."""

    one: str
    many: str
    did: str


NOUNS = {
    "movies": Nouns("film", "films", "watched"),
    "books": Nouns("book", "books", "read"),
    "any": Nouns("item", "items", "chose"),
}
"""By the domain of the data set."""


def nouns_of(record: Record) -> Nouns:
    """How the items of an experiment are called."""
    from data.catalogue import card

    return NOUNS[card(record.experiment.data.name).domain]


def ranked_among(about: Mapping[str, Any], many: str = "items") -> str:
    """What the held-out item is ranked among, by what an evaluation says of itself.

    >>> ranked_among({"candidates": "all", "exclude_seen": True})
    'all items that the user has not had before'
    >>> ranked_among({"candidates": "all", "exclude_seen": False}, "films")
    'all films, those that the user has had before, too'
    >>> ranked_among({"candidates": 100, "exclude_seen": True})
    'itself and 100 items drawn from those that the user has not had before'
    """
    if about["candidates"] != "all":
        drawn = f"{int(about['candidates']):,} {many}"
        return f"itself and {drawn} drawn from those that the user has not had before"
    if about["exclude_seen"]:
        return f"all {many} that the user has not had before"
    return f"all {many}, those that the user has had before, too"


def added(enhancer: str) -> str:
    """What an enhancer adds to a recommender, in plain words.

    >>> added("autograph"), added("kar")
    ('the graph', 'KAR')
    """
    spec = ENHANCERS.get(enhancer)
    return spec.config.title if spec else enhancer


def called(cell: Cell) -> str:
    """A recommender in plain words.

    >>> called(Cell("sasrec", "none", 0)), called(Cell("mind", "kar", 0))
    ('SASRec without the graph', 'MIND with KAR')
    """
    spec = BACKBONES.get(cell.backbone)
    name = spec.config.title if spec else cell.backbone
    if not takes_enhancers(cell.backbone):
        return name
    if cell.enhancer == PLAIN:
        return f"{name} without the graph"
    return f"{name} with {added(cell.enhancer)}"
