"""The rows that a hop draws from, and the part of each that its seed may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from data.relation import Relation, offsets_of
from graph.hetero import HeteroGraph
from graph.query.query import Condition
from graph.sample.conditions import holds_of_edges, holds_of_nodes
from graph.schema import Key

NEVER = int(np.iinfo(np.int64).min)
"""The time of an edge without one: before everything."""


@dataclass(frozen=True)
class Reach:
    """All edges that a hop may walk, as one relation.

    Of several types of edges, a row holds those of all of them. What a seed sees of a row is a
    prefix, because rows are in the order in which their edges can be seen: an edge is there from
    its own time on, and not before the node that it leads to.

    Attributes:
        relation: With `times` from which each edge can be seen, and `numbers` within its type.
        kinds: (m,) int8 place of each edge's type among the hop's; None where it has one.
        moments: (m,) int64 times of the edges themselves, `NEVER` where one has none; None where
            none has one.
    """

    relation: Relation
    kinds: np.ndarray | None = None
    moments: np.ndarray | None = None

    @cached_property
    def sums(self) -> np.ndarray:
        """(m + 1,) float64 weights of all edges before each."""
        return cumulate(self.relation.weights if self.relation.weights is not None else 0)

    def numbers_of(self, edges: np.ndarray) -> np.ndarray:
        """(e,) int64 numbers of edges within their type, of places in the relation."""
        numbers = self.relation.numbers
        return edges if numbers is None else numbers[edges].astype(np.int64)


@dataclass(frozen=True)
class Rows:
    """Rows of one relation, and how far each is seen.

    Attributes:
        reach: The edges.
        rows: (r,) numbers of the nodes that they start from.
        begins: (r,) int64 where each row begins in the relation.
        lengths: (r,) int64 how many of its edges can be seen.
        limits: (r,) int64 seconds of the seed of each; None where time does not matter.
        owners: (r,) place of the seed that each belongs to.
        seeds: (b,) numbers of the seeds.
    """

    reach: Reach
    rows: np.ndarray
    begins: np.ndarray
    lengths: np.ndarray
    limits: np.ndarray | None
    owners: np.ndarray
    seeds: np.ndarray

    @classmethod
    def of(
        cls,
        reach: Reach,
        rows: np.ndarray,
        limits: np.ndarray | None,
        owners: np.ndarray | None = None,
        seeds: np.ndarray | None = None,
    ) -> Rows:
        """What is seen of rows: edges strictly before their limits.

        Args:
            reach: The edges.
            rows: (r,) numbers of nodes.
            limits: (r,) int64 seconds.
            owners: (r,) place of the seed of each; each is its own by default.
            seeds: (b,) numbers of the seeds; the rows by default.
        """
        begins, lengths = visible(reach.relation, rows, limits)
        owners = np.arange(len(rows)) if owners is None else owners
        return cls(reach, rows, begins, lengths, limits, owners, rows if seeds is None else seeds)

    def take(self, places: np.ndarray) -> Rows:
        """Some of the rows."""
        limits = None if self.limits is None else self.limits[places]
        return replace(
            self,
            rows=self.rows[places],
            begins=self.begins[places],
            lengths=self.lengths[places],
            limits=limits,
            owners=self.owners[places],
        )


def visible(
    relation: Relation, rows: np.ndarray, limits: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Where rows begin, and how many of their edges are strictly before a time each.

    Args:
        relation: Edges by source and time.
        rows: (r,) sources.
        limits: (r,) int64 seconds; None to see all.

    Returns:
        (r,) int64 begins, and (r,) int64 lengths.
    """
    begins = relation.offsets[rows]
    ends = relation.offsets[1:][rows]
    if limits is not None and relation.times is not None:
        ends = bisect(relation.times, begins, ends, limits)
    return begins, ends - begins


def bisect(
    values: np.ndarray, begins: np.ndarray, ends: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """The first place from each begin at which a value is not below a limit.

    Args:
        values: (m,) in order within every stretch.
        begins: (r,) where stretches begin.
        ends: (r,) where they end; the answer where all values are below.
        limits: (r,) what to compare with.

    >>> bisect(np.array([1, 3, 5, 2, 2]), np.array([0, 3]), np.array([3, 5]), np.array([4, 2]))
    array([2, 3])
    """
    low = begins.copy()
    if not len(values) or not len(low):
        return low
    step = 1 << int((ends - begins).max()).bit_length()
    while step := step >> 1:
        probe = low + step
        below = values[np.minimum(probe, ends) - 1] < limits
        below &= probe <= ends
        low += step * below
    return low


def cumulate(weights: np.ndarray | int) -> np.ndarray:
    """(m + 1,) float64 sums of what stands before each."""
    sums = np.zeros(np.size(weights) + 1)
    np.cumsum(weights, dtype=np.float64, out=sums[1:])
    return sums


def reach(graph: HeteroGraph, keys: Sequence[Key], where: Sequence[Condition] = ()) -> Reach:
    """The edges of some types that meet conditions.

    Args:
        graph: To walk.
        keys: Types of edges from one type of nodes to one other, in the direction of the walk.
        where: What their edges and the nodes that they lead to have to be.

    Raises:
        ConfigError: a type or an attribute is not there.
    """
    target = keys[0][2]
    born = node_times(graph, target)
    if len(keys) == 1 and not where and born is None:
        relation = replace(graph.relation(keys[0]), numbers=_numbers(graph, keys[0]))
        return Reach(relation, None, relation.times)
    parts = [_part(graph, key, kind, where) for kind, key in enumerate(keys)]
    sources, targets, numbers, kinds, times, weights = map(np.concatenate, zip(*parts, strict=True))
    seen = times if born is None else np.maximum(times, born[targets])
    order = np.lexsort((seen, sources))
    timed = bool(len(seen)) and seen.max() > NEVER
    weighted = any(graph.relation(key).weights is not None for key in keys)
    relation = Relation(
        offsets_of(sources, graph.size(keys[0][0])),
        targets[order],
        graph.size(target),
        seen[order] if timed else None,
        weights[order] if weighted else None,
        numbers[order],
    )
    moments = times[order] if len(times) and times.max() > NEVER else None
    return Reach(relation, kinds[order] if len(keys) > 1 else None, moments)


def node_times(graph: HeteroGraph, kind: str) -> np.ndarray | None:
    """(n,) int64 seconds from which nodes of a type are there, if the graph knows."""
    column = graph.attributes.get(kind, {}).get("time")
    return None if column is None else np.asarray(column, dtype=np.int64)


def _part(
    graph: HeteroGraph, key: Key, kind: int, where: Sequence[Condition]
) -> tuple[np.ndarray, ...]:
    """Sources, targets, numbers, kinds, times and weights of the edges of one type that stay."""
    relation, numbers = graph.relation(key), _numbers(graph, key)
    m = len(relation.targets)
    if numbers is None:
        numbers = np.arange(m)
    kept = np.ones(m, dtype=bool)
    for condition in where:
        if condition.of_edge:
            kept &= holds_of_edges(graph, key, condition)[numbers]
        else:
            kept &= holds_of_nodes(graph, key[2], condition)[relation.targets]
    times, weights = relation.times, relation.weights
    return (
        relation.sources[kept],
        relation.targets[kept],
        numbers[kept],
        np.full(int(kept.sum()), kind, dtype=np.int8),
        np.full(int(kept.sum()), NEVER) if times is None else times[kept],
        np.ones(int(kept.sum()), dtype=np.float32) if weights is None else weights[kept],
    )


def _numbers(graph: HeteroGraph, key: Key) -> np.ndarray | None:
    """(m,) which edge of the declared relation each is; None where it is the declared one."""
    relation, declared = graph.relation(key), graph.schema.edge(key).key
    if key == declared or relation.numbers is not None:
        return relation.numbers
    own = graph.relation(declared)
    if own.times is None:
        return np.argsort(own.targets, kind="stable")
    return np.lexsort((own.times, own.targets))
