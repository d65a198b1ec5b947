"""The edges among the nodes of a sample, as far as their seed can see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graph.sample.assemble import once
from graph.sample.bars import Bars, Numbers
from graph.sample.rows import Reach, Rows
from graph.sample.sample import Sample
from graph.sample.strategies import full
from graph.schema import Key, Schema

_SHORT = 4


def with_induced(
    sample: Sample,
    schema: Schema,
    reach: Callable[[tuple[Key, ...]], Reach],
    exclude: Numbers,
    disjoint: bool,
) -> Sample:
    """The sample with all edges between nodes of one seed.

    Rows that are short, against the nodes that their edges could lead to, are read; of others each
    of those nodes is looked up.

    Args:
        sample: Without them.
        schema: Of the graph.
        reach: Gives its edges by type.
        exclude: Edges that are left out, by type.
        disjoint: Whether each seed has nodes of its own.
    """
    edges = dict(sample.edges)
    for key in (edge.key for edge in schema.edges):
        if key[0] in sample.nodes and key[2] in sample.nodes:
            known = edges.get(key)
            parts = [_among(sample, key, reach((key,)), schema, exclude, disjoint)]
            if known is not None:
                own = (known.rows, known.columns, known.numbers)
                parts.insert(0, own if known.times is None else (*own, known.times))
            edges[key] = once(parts)
    return replace(sample, edges=edges)


def _among(
    sample: Sample, key: Key, edges: Reach, schema: Schema, exclude: Numbers, disjoint: bool
) -> tuple[np.ndarray, ...]:
    """Rows, columns, numbers and times of the edges of one type."""
    sources, targets = sample.nodes[key[0]], sample.nodes[key[2]]
    seed = [sample.owners[kind].astype(np.int64) * disjoint for kind in (key[0], key[2])]
    alone = sample.times is None or not len(sample.times)
    limits = None if sample.times is None or alone else sample.times[seed[0]]
    rows = Rows.of(edges, sources, limits, seed[0])
    group = _Group(seed[1], targets, edges.relation.n_targets)
    long = rows.lengths > _SHORT * group.sizes(seed[0])
    found = [_read(rows, np.flatnonzero(~long), group), _look_up(rows, long, group)]
    places, columns, positions = map(np.concatenate, zip(*found, strict=True))
    bars = Bars.of(schema, (key,), edges, exclude, None)
    if bars is not None:
        free = ~bars.hit(rows, places, positions)
        places, columns, positions = places[free], columns[free], positions[free]
    parts = (places, columns, edges.numbers_of(positions))
    return parts if edges.moments is None else (*parts, edges.moments[positions])


class _Group:
    """The nodes of one type by seed: which each seed has, and where they stand in the sample."""

    def __init__(self, owners: np.ndarray, nodes: np.ndarray, n: int) -> None:
        self.n, codes = n, owners * np.int64(n) + nodes
        self.order = np.argsort(codes, kind="stable")
        self.codes = codes[self.order]

    def spans(self, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low = np.searchsorted(self.codes, owners * np.int64(self.n))
        return low, np.searchsorted(self.codes, (owners + 1) * np.int64(self.n))

    def sizes(self, owners: np.ndarray) -> np.ndarray:
        low, high = self.spans(owners)
        sizes: np.ndarray = high - low
        return sizes

    def places(self, owners: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """(q,) where nodes stand in the sample; -1 where it has none."""
        if not len(self.codes):
            return np.full(len(nodes), -1)
        codes = owners * np.int64(self.n) + nodes
        at = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[at] == codes, self.order[at], -1)


def _read(rows: Rows, some: np.ndarray, group: _Group) -> tuple[np.ndarray, ...]:
    """Places of rows, places of the nodes they lead to, and edges: of short rows."""
    part = rows.take(some)
    of, positions = full(part, int(part.lengths.max(initial=0)), np.random.default_rng(0))
    columns = group.places(part.owners[of], rows.reach.relation.targets[positions])
    there = columns >= 0
    return some[of[there]], columns[there], positions[there]


def _look_up(rows: Rows, long: np.ndarray, group: _Group) -> tuple[np.ndarray, ...]:
    """The same of long rows."""
    some = np.flatnonzero(long)
    low, high = group.spans(rows.owners[some])
    of, at = _stretches(low, high)
    columns = group.order[at]
    edges: Reach = rows.reach
    begins, ends = edges.pairs(rows.rows[some][of], group.codes[at] % group.n)
    pair, place = _stretches(begins, ends)
    positions = edges.by_target[place].astype(np.int64)
    if rows.limits is not None and edges.relation.times is not None:
        seen = edges.relation.times[positions] < rows.limits[some][of[pair]]
        pair, positions = pair[seen], positions[seen]
    return some[of[pair]], columns[pair], positions


def _stretches(begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which stretch, and every place in it, of stretches of numbers."""
    sizes = ends - begins
    of = np.repeat(np.arange(len(sizes)), sizes)
    return of, np.arange(len(of)) - (np.cumsum(sizes) - sizes)[of] + begins[of]
