"""The edges among the nodes of a sample, as far as their seed can see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from data.relation import offsets_of
from graph.sample.assemble import once
from graph.sample.bars import Bars, Numbers
from graph.sample.rows import Reach, Rows
from graph.sample.sample import Sample, SampledEdges
from graph.sample.strategies import full
from graph.schema import Key, Schema


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
            reached, known = reach((key,)), edges.get(key)
            found = _among(sample, key, reached, schema, exclude, disjoint)
            if known is None or reached.moments is reached.relation.times:
                edges[key] = SampledEdges(*found)
                continue
            # Of a seed that is not there yet itself edges can be drawn that lead to it.
            own = (known.rows, known.columns, known.numbers)
            edges[key] = once([own if known.times is None else (*own, known.times), found])
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
    group = _Group(seed[1], targets, max(len(sample.seeds), 1), edges.relation.n_targets)
    long = rows.lengths > np.diff(group.begins)[seed[0]]
    found = [
        _read(rows, np.flatnonzero(~long), group),
        _look_up(rows, np.flatnonzero(long), group),
    ]
    places, columns, positions = map(np.concatenate, zip(*found, strict=True))
    bars = Bars.of(schema, (key,), edges, exclude, None)
    if bars is not None:
        free = ~bars.hit(rows, places, positions)
        places, columns, positions = places[free], columns[free], positions[free]
    parts = (places, columns, edges.numbers_of(positions))
    return parts if edges.moments is None else (*parts, edges.moments[positions])


class _Group:
    """The nodes of one type by seed: which each seed has, and where they stand in the sample."""

    def __init__(self, owners: np.ndarray, nodes: np.ndarray, seeds: int, n: int) -> None:
        self.n, codes = n, owners * np.int64(n) + nodes
        self.order = np.argsort(codes, kind="stable")
        self.codes, self.nodes = codes[self.order], nodes[self.order]
        self.begins = offsets_of(owners, seeds)

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


def _look_up(rows: Rows, some: np.ndarray, group: _Group) -> tuple[np.ndarray, ...]:
    """The same of long rows."""
    pairs, relation = rows.reach.pairs, rows.reach.relation
    owners = rows.owners[some]
    of, at = _stretches(group.begins[owners], group.begins[owners + 1])
    codes = (rows.rows[some] * np.int64(pairs.n_targets))[of]
    codes += group.nodes[at]
    which, found = pairs.find(codes)
    of, at = some[of[which]], group.order[at[which]]
    pair, place = _stretches(pairs.firsts[found], pairs.firsts[1:][found])
    positions = pairs.order[place].astype(np.int64)
    of, at = of[pair], at[pair]
    if rows.limits is not None and relation.times is not None:
        seen = np.flatnonzero(relation.times[positions] < rows.limits[of])
        of, at, positions = of[seen], at[seen], positions[seen]
    return of, at, positions


def _stretches(begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which stretch, and every place in it, of stretches of numbers."""
    sizes = ends - begins
    of = np.repeat(np.arange(len(sizes)), sizes)
    return of, np.arange(len(of)) + (begins - np.cumsum(sizes) + sizes)[of]
