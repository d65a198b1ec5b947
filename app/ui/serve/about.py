"""What an export is, in sentences for people who did not make it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.experiment.settings import Cell
from app.results.wording import called, ranked_among
from data.catalogue import CATALOGUE
from data.names import NOUNS, Nouns

Card = Mapping[str, Any]
FIGURES = ("ndcg@10", "hr@10", "mrr")
"""Test figures that are shown, where the card has them."""
_CELL = re.compile(r"([^\s+]+)\+(\S+) seed (\d+)")
INDEXES = {
    "flat": "all items are looked at",
    "ivf": "items in the nearest lists are looked at",
    "hnsw": "a graph of neighbours is walked",
}
"""How vectors are searched, by kind of index."""
FORMS = {
    "vectors": "vectors of people and {many}",
    "weights": "what one {one} of a history says of others",
    "lists": "lists that were made beforehand",
}
"""What scores are made of, by form."""


def nouns_of(card: Card) -> Nouns:
    """How the items of an export are called."""
    known = CATALOGUE.get(str(card["data"]["name"]))
    return NOUNS[known.domain if known else "any"]


def recommender_of(card: Card) -> str:
    """What the recommender of an export is called.

    >>> recommender_of({"recommender": "sasrec+none seed 0"}), recommender_of({"recommender": "x"})
    ('SASRec without the graph', 'x')
    """
    told = str(card["recommender"])
    found = _CELL.fullmatch(told)
    return told if found is None else called(Cell(found[1], found[2], int(found[3])))


def day_of(card: Card) -> str:
    """When it was exported.

    >>> day_of({"made": "2026-11-29T13:51:02+00:00"})
    '29 November 2026, 13:51 UTC'
    """
    made = datetime.fromisoformat(str(card["made"]))
    return f"{made.day} {made:%B %Y, %H:%M} UTC"


def tell_export(card: Card) -> str:
    """Of what it is, from which day, and what it knows."""
    nouns, sizes = nouns_of(card), card["sizes"]
    of = f", of the experiment {card['experiment']}" if "experiment" in card else ""
    said = (
        f"{recommender_of(card)}{of}, exported on {day_of(card)}. It knows {sizes['users']:,} "
        f"people, {sizes['items']:,} {nouns.many} and {sizes['interactions']:,} interactions."
    )
    return f"{said} {_learnt(card)}".strip()


def _learnt(card: Card) -> str:
    """Until when the interactions go that it learnt from; "" where the data tell no dates."""
    until = card.get("learnt_until")
    if not until:
        return ""
    day = datetime.fromisoformat(str(until))
    return f"It learnt from interactions until {day.day} {day:%B %Y}."


def tell_answers(card: Card) -> str:
    """What scores are made of, and whether a history in a call is answered."""
    nouns = nouns_of(card)
    form = str(card["form"])
    made = FORMS.get(form, form).format(one=nouns.one, many=nouns.many)
    if not answers_histories(card):
        how = ", for people whom it knows alone, as they were when it was exported."
    elif note := card["history"].get("note"):
        how = f". It answers for a history that is given, too. {note}"
    else:
        how = ", and reads a history that is given as the recommender itself does."
    return f"It answers by {made}{how}{_tell_asks(card)}"


def _tell_asks(card: Card) -> str:
    """What can be asked for beside; "" where nothing can."""
    asks = card.get("asks", {})
    if asks.get("answered_by", "nothing") == "nothing":
        return ""
    many = "meanings" if asks["noun"] == "meaning" else "queries"
    return f" A call can say what is asked for (“for”), one of {asks['n']:,} {many}. {asks['note']}"


def answers_histories(card: Card) -> bool:
    """Whether somebody can be asked about of whom a history alone is known."""
    return bool(card["history"]["answered_by"] != "refused")


def tell_index(card: Card) -> tuple[str, str, str]:
    """The kind of index, its recall, and what it is; "none" where nothing is searched.

    >>> tell_index({"index": {"kind": "ivf", "recall@100": 0.974}})[:2]
    ('ivf', '97.4 %')
    """
    index = card.get("index")
    if index is None:
        return "none", "–", "Scores are not made of vectors, so there is no index to search."
    kind = index["kind"]
    name, recall = next((n, v) for n, v in index.items() if n.startswith("recall@"))
    share = f"{100 * recall:.1f} %"
    what = f"{INDEXES.get(kind, kind).capitalize()}. {name.capitalize()} against all: {share}."
    return kind, share, what


def figures_of(card: Card) -> list[tuple[str, float]]:
    """Test figures by name, those that people ask for first."""
    there = card.get("test", {}).get("figures", {})
    return [(name, float(there[name])) for name in FIGURES if name in there]


def tell_test(card: Card) -> str:
    """What test figures are of; "" where there are none."""
    test = card.get("test", {})
    if not figures_of(card) or "candidates" not in test:
        return ""
    many = nouns_of(card).many
    return (
        f"Measured before the export, on each person's last interaction, which was held out: its "
        f"rank among {ranked_among(test, many)}. The export has that interaction in the person's "
        "history."
    )


def tell_other_data(card: Card, chosen: str, data: str) -> str:
    """That an export is of other data than the chosen experiment; "" where it is not.

    >>> card = {"data": {"name": "ml-1m", "title": "MovieLens 1M"}}
    >>> tell_other_data(card, "demo", "demo")[:60]
    'This export is of MovieLens 1M, and the experiment demo is o'
    """
    if card["data"]["name"] == data:
        return ""
    known = CATALOGUE.get(data)
    return (
        f"This export is of {card['data']['title']}, and the experiment {chosen} is of "
        f"{known.title if known else data}."
    )


def tell_terms(card: Card) -> str:
    """The terms under which its data may be used, since it holds ids and titles."""
    terms = card["data"].get("licence")
    held = "The export holds ids, titles and attributes of these data, and who had what"
    if not terms:
        return f"{held}: hand it on only to who may have the data."
    return f"{held}. Terms of {card['data']['title']}: {terms}."


def bytes_of(card: Card) -> int:
    """Of all its files together."""
    return sum(int(one["bytes"]) for one in card["files"].values())


def size_in_words(size: float) -> str:
    """A size in the unit that fits.

    >>> size_in_words(340), size_in_words(2_310_000), size_in_words(1.5e9)
    ('340 bytes', '2.3 MB', '1.5 GB')
    """
    for unit, of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= of:
            return f"{size / of:,.1f} {unit}"
    return f"{size:.0f} bytes"
