"""How a hop chooses among the edges that its seed may see; a row is never expanded but whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data.errors import ConfigError
from graph.sample.rows import Rows
from graph.sample.tables import Alias, cumulate, fallen, visible

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


def edge_weight(rows: Rows, count: int, rng: np.random.Generator) -> Chosen:
    """Every draw is one of a row's edges in proportion to its weight, with replacement."""
    if rows.whole:
        return _by_alias(rows, rows.reach.alias, count, rng)
    sums = rows.reach.sums
    low = sums[rows.begins]
    total = sums[rows.begins + rows.lengths] - low
    some = np.flatnonzero(total > 0)
    sought = low[some, None] + rng.random((len(some), count)) * total[some, None]
    below = np.nextafter(low[some] + total[some], low[some])  # the last may have no weight
    sought = np.minimum(sought, below[:, None])
    places = np.repeat(some, count)
    return places, fallen(
        sums, rows.reach.guide, rows.begins[places], rows.lengths[places], sought.ravel()
    )


def in_degree(rows: Rows, count: int, rng: np.random.Generator) -> Chosen:
    """Every draw is in proportion to the edges that lead to its node and can be seen."""
    arrived = rows.reach.arrivals.times
    if rows.limits is None or arrived is None:
        return _by_alias(rows, rows.reach.popularity, count, rng)
    doublings = rows.reach.doublings
    sums, guide = doublings.sums, doublings.guide
    begins, lengths = visible(doublings.rises, rows.rows, rows.limits)
    low = sums[begins]
    total = sums[begins + lengths] - low
    places = np.repeat(np.flatnonzero(total), count)
    positions = np.empty(len(places), dtype=np.int64)
    left, tries = np.arange(len(places)), 1
    while len(left):
        of = np.repeat(places[left], tries)
        sought = low[of] + rng.random(len(of)) * total[of]
        rises = fallen(sums, guide, begins[of], lengths[of], sought)
        edges, taken = doublings.taken(rises, sought, arrived, rows.limits[of])
        first = taken.reshape(-1, tries).argmax(axis=1) + np.arange(len(left)) * tries
        positions[left] = edges[first]
        left, tries = left[~taken[first]], 2
    return places, positions


def topk(rows: Rows, count: int, _: np.random.Generator) -> Chosen:
    """The edges of the most weight of each row, the heaviest first; ties as the graph numbers them.

    Where a row is seen whole, or for the most part, it is read from its heaviest edge on; where
    little of it is seen, that is sorted.
    """
    heaviest, relation = rows.reach.heaviest, rows.reach.relation
    if rows.whole:
        places, within = _first(rows.lengths, count)
        return places, heaviest[rows.begins[places] + within]
    degrees = relation.offsets[1:][rows.rows] - rows.begins
    wanted = np.minimum(rows.lengths, count)
    scanned = np.minimum(degrees, 2 * count)
    times, limits = relation.moments, rows.limits
    assert limits is not None
    found: list[Chosen] = []
    left = np.flatnonzero(wanted)
    while len(left):
        brief = rows.lengths[left] <= scanned[left]
        if brief.any():
            found.append(_sorted_prefix(rows, left[brief], count))
            left = left[~brief]
        of, within = _first(scanned[left], int(scanned[left].max(initial=0)))
        edges = heaviest[rows.begins[left][of] + within]
        seen = np.flatnonzero(times[edges] < limits[left][of])
        of, edges = of[seen], edges[seen]
        counts = np.bincount(of, minlength=len(left))
        rank = np.arange(len(of)) - (np.cumsum(counts) - counts)[of]
        enough = counts >= wanted[left]
        kept = enough[of] & (rank < count)
        found.append((left[of[kept]], edges[kept]))
        left = left[~enough]
        scanned = np.minimum(degrees, 2 * scanned)
    places, positions = (
        (np.concatenate(part) for part in zip(*found, strict=True))
        if found
        else (
            np.zeros(0, dtype=np.int64),
            np.zeros(0, dtype=np.int64),
        )
    )
    order = np.argsort(places, kind="stable")
    return places[order], positions[order]


STRATEGIES: dict[str, Strategy] = {
    "random": random,
    "random_without_replacement": random_without_replacement,
    "topk": topk,
    "edge_weight": edge_weight,
    "in_degree": in_degree,
    "full": full,
    "latest": latest,
}
INDEPENDENT: dict[str, Callable[[Rows, np.ndarray, np.ndarray], np.ndarray]] = {
    "random": lambda _rows, _places, edges: np.ones(len(edges)),
    "edge_weight": lambda rows, _, edges: rows.reach.weights[edges],
    "in_degree": lambda rows, places, edges: rows.reach.arrivals.degrees_at(
        rows.reach.relation.targets[edges], None if rows.limits is None else rows.limits[places]
    ),
}
"""Those whose draws know nothing of each other, and what edges are drawn in proportion to."""


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


def _by_alias(rows: Rows, alias: Alias, count: int, rng: np.random.Generator) -> Chosen:
    """Draws from whole rows: where a uniform number falls says the slot, and how far in which."""
    some = np.flatnonzero(alias.filled[rows.rows])
    at = rng.random((len(some), count)) * rows.lengths[some, None]
    slots = at.astype(np.int64)
    at -= slots
    slots += rows.begins[some, None]
    slots = slots.ravel()
    chosen = np.where(at.ravel() < alias.kept[slots], slots, alias.others[slots])
    return np.repeat(some, count), chosen


def pick(
    lengths: np.ndarray, weights: np.ndarray, of: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(q,) places in `weights`, each in proportion to those of its row; -1 where it has none.

    Args:
        lengths: (r,) how many of the weights each row has.
        weights: (e,) numbers from 0, row by row.
        of: (q,) the row of every draw.
        rng: Where chance comes from.
    """
    rows, ends = np.repeat(np.arange(len(lengths)), lengths), np.cumsum(lengths)
    totals = np.bincount(rows, weights, minlength=len(lengths))
    sums = cumulate(weights / np.where(totals > 0, totals, 1)[rows])
    low, high = sums[ends - lengths][of], sums[ends][of]
    sought = low + rng.random(len(of)) * (high - low)
    sought = np.minimum(sought, np.nextafter(high, low))  # the last may have no weight
    found = np.searchsorted(sums, sought, side="right") - 1
    return np.where(high > low, found, -1)


def _sorted_prefix(rows: Rows, places: np.ndarray, count: int) -> Chosen:
    """The heaviest edges of what is seen of some rows, by sorting it."""
    part = rows.take(places)
    of, within = _first(part.lengths, int(part.lengths.max(initial=0)))
    edges = part.begins[of] + within
    rank = rows.reach.weight_ranks[edges]
    order = np.lexsort((rank, of))
    taken, within = _first(part.lengths, count)
    starts = np.cumsum(part.lengths) - part.lengths
    return places[taken], edges[order[starts[taken] + within]]
