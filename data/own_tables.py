"""What becomes of a person's own tables, before anything is made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from data.errors import AutoGraphError
from data.loaders import own_domains
from data.loaders.raw import BadRows
from data.preprocess import preprocess
from data.settings import DataConfig


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of tables as they were read.

    Attributes:
        bad_rows: `file`, `line` (from 1), `reason`; a row a row that could not be used.
        counts: Users, items and interactions that are left; empty with `problem`.
        left_out: Counts of what was read and not kept, in words.
        problem: Why they cannot be used at all, in a sentence; "" if they can.
        understood: How columns were read whose meaning was told from their values, in sentences.
    """

    bad_rows: pl.DataFrame
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    problem: str = ""
    understood: tuple[str, ...] = ()


def try_tables(config: DataConfig) -> Outcome:
    """What becomes of a person's tables, all rows of them, as a run would read them.

    Every row that cannot be used is listed, whatever the settings would do at the first.
    """
    assert config.tables, "these are settings of own tables"
    bad_rows, least = BadRows("skip"), config.min_rating
    try:
        raw = own_domains.load(config, bad_rows)
        low = -math.inf if least is None else least
        prepared = preprocess(raw, config.name, low, config.min_history)
    except AutoGraphError as error:
        return Outcome(bad_rows.table(), {}, {}, _without_folders(str(error), config))
    except pl.exceptions.PolarsError as error:
        first = str(error).partition("\n")[0]
        return Outcome(bad_rows.table(), {}, {}, f"The tables cannot be read: {first}.")
    made = prepared.dataset
    counts = {"users": made.n_users, "items": made.n_items, "interactions": len(made.interactions)}
    if made.log is not None:
        counts |= {
            "asks": made.log.n_asks,
            "queries": made.log.n_queries,
            "items taken": made.log.rows.height,
        }
    return Outcome(bad_rows.table(), counts, prepared.left_out, understood=prepared.understood)


def _without_folders(sentence: str, config: DataConfig) -> str:
    """A message in which files are called as the person calls them."""
    paths = [path for files in config.tables for path in files.paths.values()]
    for path in filter(None, paths):
        sentence = sentence.replace(str(path), path.name)
    return sentence
