"""How results are told: what a recommender is called, what was ranked, what is no difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from app.experiment.settings import Cell, Experiment
from app.pipeline.records import Record
from data.catalogue import card
from data.names import NOUNS, Nouns
from recommend.settings import BACKBONES, ENHANCERS, PLAIN
from recommend.settings.registry import takes_enhancers


def nouns_of(record: Record) -> Nouns:
    """How the items of an experiment are called."""
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


def drawn_in_short(ways: Iterable[Mapping[str, Any]]) -> str:
    """For titles, that true items stood among a few that were drawn; "" where they did not.

    >>> drawn_in_short([{"candidates": "all"}]), drawn_in_short([{"candidates": 99}] * 2)
    ('', ', among 99 drawn')
    >>> drawn_in_short([{"candidates": 99}, {"candidates": "all"}])
    ', some among 99 drawn'
    """
    every = list(dict.fromkeys(one["candidates"] for one in ways))
    drawn = " or ".join(f"{int(n):,}" for n in every if n != "all")
    if not drawn:
        return ""
    return f", {'some ' if 'all' in every else ''}among {drawn} drawn"


def added(enhancer: str) -> str:
    """What an enhancer adds to a recommender, in plain words.

    >>> added("autograph"), added("kar")
    ('the graph', 'KAR')
    """
    spec = ENHANCERS.get(enhancer)
    return spec.config.title if spec else enhancer


def called(cell: Cell, experiment: Experiment | None = None) -> str:
    """A recommender in plain words; of an experiment, with what is really added to it.

    >>> called(Cell("sasrec", "none", 0)), called(Cell("mind", "kar", 0))
    ('SASRec without the graph', 'MIND with KAR')
    >>> override = {"fusion": {"model": {"enhancer": {"evidence": ["words"]}}}}
    >>> called(Cell("sasrec", "fusion", 0), Experiment.model_validate({"override": override}))
    'SASRec with texts'
    """
    spec = BACKBONES.get(cell.backbone)
    name = spec.config.title if spec else cell.backbone
    if not takes_enhancers(cell.backbone):
        return name
    if cell.enhancer == PLAIN:
        return f"{name} without the graph"
    if experiment is None:
        return f"{name} with {added(cell.enhancer)}"
    return f"{name} with {experiment.model_of(cell).enhancer.adds}"


NONE, SIGN = "no difference", "≈"
"""What stands for a change whose interval holds zero; the sign where there is little room."""
NOTE = "No difference: the 95 % interval over users holds zero, so chance alone could make it."
SIGN_NOTE = f"{SIGN} is no difference: the 95 % interval over users holds zero."


def no_difference_note(
    compared: pl.DataFrame, note: str = NOTE, heads: Sequence[str] = ("",)
) -> list[str]:
    """The note on what "no difference" is, where a row of a comparison is one.

    Args:
        compared: With `low` and `high`.
        note: That explains it.
        heads: Before these names.
    """
    pairs = (compared.select(f"{head}low", f"{head}high").drop_nulls() for head in heads)
    none = any(not is_certain(low, high) for rows in pairs for low, high in rows.iter_rows())
    return [note] if none else []


def is_certain(low: float, high: float) -> bool:
    """Whether an interval of a difference leaves zero out.

    >>> is_certain(0.01, 0.03), is_certain(-0.01, 0.03), is_certain(0.0, 0.0)
    (True, False, False)
    """
    return not low <= 0 <= high


def change_in_words(row: Mapping[str, Any], head: str = "", short: bool = False) -> str:
    """The change of a row of `recommend.judge.compare.compare` in per cent, or that there is none.

    >>> row = {"change": 4.26, "low": 0.001, "high": 0.007}
    >>> change_in_words(row), change_in_words(row, short=True)
    ('+4.3 %', '+4.3')
    >>> change_in_words({**row, "low": -0.002}), change_in_words({**row, "low": -0.002}, short=True)
    ('no difference', '≈')

    Args:
        row: With `change`, `low` and `high`; no change gives "".
        head: Before these names.
        short: Without a unit, and with a sign for no difference.
    """
    change, low, high = (row[f"{head}{name}"] for name in ("change", "low", "high"))
    if low is None:
        return ""
    if not is_certain(low, high):
        return SIGN if short else NONE
    return "" if change is None else f"{change:+.1f}{'' if short else ' %'}"
