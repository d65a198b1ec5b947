"""What must not be drawn though it is there: edges to predict, nodes that a hop keeps away from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graph.sample.rows import Reach, Rows
from graph.sample.strategies import INDEPENDENT, Chosen, Strategy, full, pick
from graph.sample.tables import bisect
from graph.schema import Key, Schema

Numbers = Mapping[Key, np.ndarray]
"""(x,) numbers of edges, by type as the schema declares it."""
TRIES = (1, 1, 2, 4, 8, 16, 32, 64)
"""How often what must not be is drawn again, round by round, before whole rows are read."""
MOST = 4_000_000
"""Of how many edges or nodes weights are held at once, unless one row has more."""


@dataclass(frozen=True)
class Bars:
    """Edges and nodes that one hop must not draw.

    Attributes:
        numbers: (x,) int64 sorted: kind of each edge times `span`, and its number.
        span: More than any number of an edge.
        targets: (x,) sorted nodes that these edges lead to.
        times: (x,) int64 seconds from which they can be seen, by target; None without times.
        nodes: (y,) int64 sorted: place of a seed times the number of nodes, and a node; None where
            a hop keeps away from none.
    """

    numbers: np.ndarray
    span: int
    targets: np.ndarray
    times: np.ndarray | None
    nodes: np.ndarray | None

    @classmethod
    def of(
        cls,
        schema: Schema,
        keys: tuple[Key, ...],
        reach: Reach,
        exclude: Numbers,
        nodes: np.ndarray | None,
        counted: bool = False,
    ) -> Bars | None:
        """Those of a hop; None if nothing is barred.

        Args:
            schema: Says how edges are declared.
            keys: Types of edges of the hop.
            reach: Its edges.
            exclude: Edges that are not to be drawn.
            nodes: As in the attribute, in any order.
            counted: Whether in-degrees are to be without the edges that are not to be drawn.
        """
        out = [
            (kind, exclude[schema.edge(key).key])
            for kind, key in enumerate(keys)
            if len(exclude.get(schema.edge(key).key, ()))
        ]
        if not out and nodes is None:
            return None
        span = max((int(numbers.max()) for _, numbers in out), default=0) + 1
        codes = np.concatenate(
            [np.zeros(0, dtype=np.int64), *(kind * span + numbers for kind, numbers in out)]
        )
        codes.sort()
        at = reach.places_of(out if counted else [])
        relation = reach.relation
        targets = relation.targets[at]
        times = None if relation.times is None else relation.times[at]
        order = np.argsort(targets) if times is None else np.lexsort((times, targets))
        return cls(
            codes,
            span,
            targets[order],
            None if times is None else times[order],
            None if nodes is None else np.sort(nodes),
        )

    def hit(self, rows: Rows, places: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(e,) bool: which draws are barred."""
        reach = rows.reach
        hit = np.zeros(len(places), dtype=bool)
        if len(self.numbers):
            numbers = reach.numbers_of(positions)
            small = numbers < self.span
            if reach.kinds is not None:
                numbers = reach.kinds[positions] * np.int64(self.span) + numbers
            hit = small & among(numbers, self.numbers)
        if self.nodes is not None:
            codes = rows.owners[places] * np.int64(reach.relation.n_targets)
            hit |= among(codes + reach.relation.targets[positions], self.nodes)
        return hit

    def lost(self, targets: np.ndarray, limits: np.ndarray | None) -> np.ndarray:
        """(q,) how many edges that lead to nodes, and could be seen, are barred."""
        begins = np.searchsorted(self.targets, targets, side="left")
        ends = np.searchsorted(self.targets, targets, side="right")
        if self.times is not None and limits is not None:
            ends = bisect(self.times, begins, ends, limits)
        lost: np.ndarray = ends - begins
        return lost


def among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n,) bool: which values are among sorted ones."""
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: np.ndarray = known[at] == values
    return found


def draw_past(
    bars: Bars, by: str, strategy: Strategy, rows: Rows, count: int, rng: np.random.Generator
) -> Chosen:
    """What a strategy draws where what is barred is not there.

    Args:
        bars: What is barred.
        by: Name of the strategy.
        strategy: What draws.
        rows: To draw from.
        count: Draws a row.
        rng: Where chance comes from.
    """
    if by in INDEPENDENT:
        return _draw_again(bars, by, strategy, rows, count, rng)
    return _draw_more(bars, by, strategy, rows, count, rng)


def _draw_again(
    bars: Bars, by: str, strategy: Strategy, rows: Rows, count: int, rng: np.random.Generator
) -> Chosen:
    """Draws that know nothing of each other: those that are barred are drawn again.

    What is barred after many rounds is drawn from all that is left of its row.
    """
    places, positions = strategy(rows, count, rng)
    bad = np.flatnonzero(_refused(bars, by, rows, places, positions, rng))
    for tries in TRIES:
        if not len(bad):
            return places, positions
        _, again = strategy(rows.take(places[bad]), tries, rng)
        refused = _refused(bars, by, rows, np.repeat(places[bad], tries), again, rng)
        first, found = first_of(~refused, tries)
        positions[bad] = again[first]
        bad = bad[~found]

    def weigh(_: np.ndarray, part: Rows, of: np.ndarray, every: np.ndarray) -> np.ndarray:
        free = ~bars.hit(part, of, every)
        return np.asarray(_weights(bars, by, part, of, every) * free)

    some = rows.take(places[bad])
    positions[bad] = draw_whole(some, [] if bars.nodes is None else [some.owners], weigh, rng)
    kept = positions >= 0
    return places[kept], positions[kept]


def first_of(good: np.ndarray, tries: int) -> tuple[np.ndarray, np.ndarray]:
    """(q,) place of the first good one of so many tries each, and (q,) whether there is any.

    >>> first_of(np.array([False, True, False, False]), 2)
    (array([1, 2]), array([ True, False]))
    """
    first: np.ndarray = good.reshape(-1, tries).argmax(axis=1)
    first += np.arange(len(first)) * tries
    return first, good[first]


def draw_whole(
    rows: Rows,
    alike: Sequence[np.ndarray],
    weigh: Callable[[np.ndarray, Rows, np.ndarray, np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """(r,) an edge drawn from all of each row, rows that are alike read once; -1 where none can be.

    Args:
        rows: To draw from.
        alike: (r,) numbers each; rows are alike that are equal in them, and show the same edges.
        weigh: Gives weights of edges: of places among the rows, these rows, which of them each edge
            belongs to, and the edges.
        rng: Where chance comes from.
    """
    drawn = np.full(len(rows.rows), -1, dtype=np.int64)
    keys = [rows.rows, *([] if rows.limits is None else [rows.limits]), *alike]
    _, firsts, of = np.unique(np.stack(keys), axis=1, return_index=True, return_inverse=True)
    of = of.reshape(-1)
    blocks = np.cumsum(rows.lengths[firsts]) // MOST
    for block in np.unique(blocks):
        some = np.flatnonzero(blocks == block)
        part = rows.take(firsts[some])
        row, every = full(part, int(part.lengths.max(initial=0)), rng)
        mine = np.flatnonzero(blocks[of] == block)
        weights = weigh(firsts[some[row]], part, row, every)
        at = pick(part.lengths, weights, np.searchsorted(some, of[mine]), rng)
        drawn[mine[at >= 0]] = every[at[at >= 0]]
    return drawn


def _refused(
    bars: Bars,
    by: str,
    rows: Rows,
    places: np.ndarray,
    positions: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """(e,) bool: draws that are barred, or too many by what bars take from an in-degree."""
    hit = bars.hit(rows, places, positions)
    if by == "in_degree" and len(bars.targets):
        targets = rows.reach.relation.targets[positions]
        limits = None if rows.limits is None else rows.limits[places]
        degrees = rows.reach.arrivals.degrees_at(targets, limits)
        hit |= rng.random(len(places)) * degrees < bars.lost(targets, limits)
    return hit


def _weights(bars: Bars, by: str, rows: Rows, of: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(e,) what a strategy draws edges in proportion to."""
    weights = INDEPENDENT[by](rows, of, positions)
    if by == "in_degree":
        limits = None if rows.limits is None else rows.limits[of]
        weights = weights - bars.lost(rows.reach.relation.targets[positions], limits)
    return weights


def _draw_more(
    bars: Bars, by: str, strategy: Strategy, rows: Rows, count: int, rng: np.random.Generator
) -> Chosen:
    """Draws that belong together: more of them, of which the first that are not barred stay."""
    found: list[Chosen] = []
    left, asked = np.arange(len(rows.rows)), count + 4
    while len(left):
        part = rows.take(left)
        places, positions = strategy(part, asked, rng)
        free = ~bars.hit(part, places, positions)
        places, positions = places[free], positions[free]
        if by == "random_without_replacement":
            order = np.lexsort((rng.random(len(places)), places))
            places, positions = places[order], positions[order]
        counts = np.bincount(places, minlength=len(left))
        done = (counts >= count) | (part.lengths <= asked)
        rank = np.arange(len(places)) - (np.cumsum(counts) - counts)[places]
        kept = done[places] & (rank < count)
        found.append((left[places[kept]], positions[kept]))
        left, asked = left[~done], 4 * asked
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    places, positions = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(places, kind="stable")
    return places[order], positions[order]


Avoid = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Which of (q,) places among rows must not be set against (q,) nodes: (q,) bool."""
