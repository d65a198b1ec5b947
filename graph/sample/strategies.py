"""How a hop chooses among the edges that its seed may see; a row is never expanded but whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data.errors import ConfigError
from graph.sample.rows import Rows

Chosen = tuple[np.ndarray, np.ndarray]
"""(e,) int64 which of the rows each draw belongs to, in order, and (e,) int64 its edge's place."""
Strategy = Callable[[Rows, int, np.random.Generator], Chosen]
"""What draws at most so many edges of each row, all of them among those it may see."""


def random(rows: Rows, count: int, rng: np.random.Generator) -> Chosen:
    """Every draw is any of a row's edges, alike and with replacement."""
    some = np.flatnonzero(rows.lengths)
    places = np.repeat(some, count)
    lengths = rows.lengths[some, None]
    within = (rng.random((len(some), count)) * lengths).astype(np.int64)
    within += rows.begins[some, None]
    return places, within.ravel()


def random_without_replacement(rows: Rows, count: int, rng: np.random.Generator) -> Chosen:
    """Every subset of a row's edges is as likely; short rows are taken whole.

    Source: Floyd's algorithm (Bentley and Floyd, A Sample of Brilliance, CACM 1987), all rows at
    once.
    """
    long = np.flatnonzero(rows.lengths > count)
    taken, within = _first(rows.lengths, count)
    if len(long):
        picks = np.empty((len(long), count), dtype=np.int64)
        tops = rows.lengths[long] - count
        uniform = rng.random((count, len(long)))
        for place in range(count):
            top = tops + place
            pick = (uniform[place] * (top + 1)).astype(np.int64)
            again = (picks[:, :place] == pick[:, None]).any(axis=1)
            picks[:, place] = np.where(again, top, pick)
        within[np.repeat(rows.lengths > count, np.minimum(rows.lengths, count))] = picks.ravel()
    return taken, rows.begins[taken] + within


def latest(rows: Rows, count: int, _: np.random.Generator) -> Chosen:
    """The youngest edges of each row, the youngest first; those without times are the oldest."""
    places, within = _first(rows.lengths, count)
    return places, (rows.begins + rows.lengths - 1)[places] - within


def full(rows: Rows, count: int, _: np.random.Generator) -> Chosen:
    """All edges of each row up to a count, in their order."""
    places, within = _first(rows.lengths, count)
    return places, rows.begins[places] + within


STRATEGIES: dict[str, Strategy] = {
    "random": random,
    "random_without_replacement": random_without_replacement,
    "latest": latest,
    "full": full,
}


def draw_all(rows: Rows, most: int, name: str) -> Chosen:
    """Every edge that each row may show.

    Args:
        rows: To take whole.
        most: Edges at the most.
        name: Of the type of nodes they lead to, for the message.

    Raises:
        ConfigError: there are more.
    """
    total = int(rows.lengths.sum())
    if total > most:
        raise ConfigError(
            f"All edges of {len(rows.rows):,} nodes to {name} are {total:,}, and at most {most:,} "
            f"are expanded; write how many of each you want, as in {name}:8."
        )
    return full(rows, int(rows.lengths.max(initial=0)), np.random.default_rng(0))


def _first(lengths: np.ndarray, count: int) -> Chosen:
    """Which row, and which of its edges: the first `count`, or all of a shorter one."""
    taken = np.minimum(lengths, count)
    places = np.repeat(np.arange(len(lengths)), taken)
    starts = np.cumsum(taken) - taken
    return places, np.arange(len(places)) - starts[places]
