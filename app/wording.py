"""How recommenders and items are called where no jargon belongs."""

from __future__ import annotations

from dataclasses import dataclass

from app.records import Record
from app.settings import PLAIN, Cell

BACKBONES = {
    "youtubednn": "YouTubeDNN",
    "mind": "MIND",
    "gru4rec": "GRU4Rec",
    "sasrec": "SASRec",
}
"""How papers write the names of backbones."""


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


def called(cell: Cell) -> str:
    """A recommender in plain words.

    >>> called(Cell("sasrec", "none", 0))
    'SASRec without the graph'
    """
    name = BACKBONES.get(cell.backbone, cell.backbone)
    return f"{name} without the graph" if cell.enhancer == PLAIN else f"{name} with the graph"
