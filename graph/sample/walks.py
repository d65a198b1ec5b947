"""Random walks, of first and of second order."""

from __future__ import annotations

import numpy as np

from data.errors import ConfigError
from graph.query.query import Hop, Walk
from graph.sample.bars import TRIES, Bars, draw_past, draw_whole, first_of
from graph.sample.rows import Reach, Rows
from graph.sample.strategies import INDEPENDENT, STRATEGIES, Chosen


def check_walk(hop: Hop) -> None:
    """Nothing, if a hop is a walk that can be walked.

    Raises:
        ConfigError: it is not.
    """
    walk = hop.walk
    if walk is None:
        return
    if any(key[0] != key[2] for key in hop.edges):
        raise ConfigError("A random walk needs edges from a type of nodes to itself.")
    if hop.by not in INDEPENDENT:
        raise ConfigError(
            f"A random walk does not step by {hop.by!r}; it can by {', '.join(INDEPENDENT)}."
        )
    if walk.p <= 0 or walk.q <= 0:
        raise ConfigError(f"p and q are {walk.p} and {walk.q}; choose numbers above 0.")


def take_walks(
    hop: Hop, rows: Rows, bars: Bars | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Walks from nodes; each ends where no edge leads on that its seed can see.

    Args:
        hop: How to walk.
        rows: From where; a row a walk.
        bars: What must not be walked.
        rng: Where chance comes from.

    Returns:
        (r, length) nodes and (r, length) places of edges, -1 after the end of a walk.
    """
    walk = hop.walk
    assert walk is not None
    targets = rows.reach.relation.targets
    nodes = np.full((len(rows.rows), walk.length), -1, dtype=np.int64)
    edges = np.full_like(nodes, -1)
    here, active = rows, np.arange(len(rows.rows))
    before: np.ndarray | None = None
    for step in range(walk.length):
        places, positions = _step(hop, walk, here, before, bars, rng)
        active, before = active[places], here.rows[places]
        edges[active, step] = positions
        nodes[active, step] = targets[positions]
        limits = None if rows.limits is None else rows.limits[active]
        here = Rows.of(rows.reach, nodes[active, step], limits, rows.owners[active], rows.seeds)
    return nodes, edges


def _step(
    hop: Hop,
    walk: Walk,
    here: Rows,
    before: np.ndarray | None,
    bars: Bars | None,
    rng: np.random.Generator,
) -> Chosen:
    """One step of each walk, in proportion to node2vec's bias.

    A step of first order is kept in proportion to its bias, by the largest there is; what is still
    open after some rounds is drawn from all edges of its node.
    """
    places, positions = _first_order(hop, here, bars, rng)
    if before is None or walk.p == walk.q == 1:
        return places, positions
    top = max(1.0, 1 / walk.p, 1 / walk.q)

    def bias(of: np.ndarray, at: np.ndarray) -> np.ndarray:
        limits = None if here.limits is None else here.limits[of]
        return _bias(walk, here.reach, before[of], at, limits)

    left = np.arange(len(places))
    left = left[rng.random(len(left)) * top >= bias(places, positions)]
    for tries in TRIES:
        if not len(left):
            return places, positions
        _, again = _first_order(hop, here.take(places[left]), bars, rng, tries)
        worth = bias(np.repeat(places[left], tries), again)
        first, found = first_of(rng.random(len(again)) * top < worth, tries)
        positions[left] = again[first]
        left = left[~found]
    some = places[left]
    owned = [] if bars is None or bars.nodes is None else [here.owners[some]]

    def weigh(at: np.ndarray, part: Rows, of: np.ndarray, every: np.ndarray) -> np.ndarray:
        weights = INDEPENDENT[hop.by](part, of, every) * bias(some[at], every)
        return np.asarray(weights if bars is None else weights * ~bars.hit(part, of, every))

    positions[left] = draw_whole(here.take(some), [before[some], *owned], weigh, rng)
    return places, positions


def _first_order(
    hop: Hop, here: Rows, bars: Bars | None, rng: np.random.Generator, count: int = 1
) -> Chosen:
    strategy = STRATEGIES[hop.by]
    if bars is None:
        return strategy(here, count, rng)
    return draw_past(bars, hop.by, strategy, here, count, rng)


def _bias(
    walk: Walk, reach: Reach, before: np.ndarray, positions: np.ndarray, limits: np.ndarray | None
) -> np.ndarray:
    """(e,) what a step is worth: 1/p back, 1 to a neighbour of where it came from, 1/q onwards.

    Source: node2vec, section 3.2.2, the search bias alpha.
    """
    nodes = reach.relation.targets[positions]
    bias = np.where(reach.joined(before, nodes, limits), 1.0, 1 / walk.q)
    bias[nodes == before] = 1 / walk.p
    return bias
