"""The rows that a hop draws from, and the part of each that its seed may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from data.errors import ConfigError, DataError
from data.relation import Relation, offsets_of
from data.seconds import seconds_of
from graph.hetero import HeteroGraph
from graph.query.query import Condition
from graph.sample.conditions import holds_of_edges, holds_of_nodes
from graph.sample.pairs import Pairs
from graph.sample.tables import Alias, Arrivals, Doublings, cumulate, guide_to, visible
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
        starts: (n,) int64 seconds from which the nodes that they start from are there, if known.
        target: Type of the nodes that they lead to, "" where nobody asks.
    """

    relation: Relation
    kinds: np.ndarray | None = None
    moments: np.ndarray | None = None
    starts: np.ndarray | None = None
    target: str = ""

    @cached_property
    def weights(self) -> np.ndarray:
        """(m,) float32 weights of the edges.

        Raises:
            ConfigError: they have none.
            DataError: one is negative or not a number.
        """
        weights = self.relation.weights
        if weights is None:
            raise ConfigError(
                "These edges have no weights to draw by; draw them at random, or give them some."
            )
        odd = np.flatnonzero(~(weights >= 0) | np.isinf(weights))
        if len(odd):
            raise DataError(
                f"The weight of edge {self.numbers_of(odd[:1])[0]} is {weights[odd[0]]}; to draw "
                "by weights they have to be numbers from 0."
            )
        return weights

    @cached_property
    def sums(self) -> np.ndarray:
        """(m + 1,) float64 weights of all edges before each, by the mean of their row.

        So weights that are small beside those of other rows do not vanish in a sum with them.
        """
        rows, degrees = self.relation.sources, self.relation.degrees
        totals = np.bincount(rows, self.weights, minlength=len(degrees))
        means = np.where(totals > 0, totals / np.maximum(degrees, 1), 1)
        return cumulate(self.weights / means[rows])

    @cached_property
    def guide(self) -> np.ndarray:
        """(m + 2,) to `sums`."""
        return guide_to(self.sums)

    @cached_property
    def alias(self) -> Alias:
        """To draw by weight from whole rows."""
        return Alias.of(self.relation.offsets, self.weights)

    @cached_property
    def popularity(self) -> Alias:
        """To draw by the in-degree of targets from whole rows."""
        return Alias.of(self.relation.offsets, self.arrivals.degrees[self.relation.targets])

    @cached_property
    def heaviest(self) -> np.ndarray:
        """(m,) edges by source, those of more weight first, ties by their order in the graph."""
        relation = self.relation
        kinds = np.zeros(1, dtype=np.int8) if self.kinds is None else self.kinds
        numbers = self.numbers_of(np.arange(len(relation.targets)))
        ties = np.broadcast_to(kinds, numbers.shape)
        order: np.ndarray = np.lexsort((numbers, ties, -self.weights, relation.sources))
        return order

    @cached_property
    def weight_ranks(self) -> np.ndarray:
        """(m,) place of each edge in `heaviest`."""
        ranks = np.empty_like(self.heaviest)
        ranks[self.heaviest] = np.arange(len(ranks))
        return ranks

    @cached_property
    def arrivals(self) -> Arrivals:
        """The same edges by the node that they lead to, and by time."""
        return Arrivals.of(self.relation, self.starts)

    @cached_property
    def doublings(self) -> Doublings:
        """To draw by the in-degree that targets have at a time."""
        return Doublings.of(self.relation, self.arrivals)

    @cached_property
    def pairs(self) -> Pairs:
        """The edges by the nodes that they join."""
        return Pairs.of(self.relation)

    def places_of(self, numbers: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
        """(x,) places of edges in the relation that it has.

        Args:
            numbers: The place of a type among the hop's, and numbers of edges of it; several times.
        """
        found = [np.zeros(0, dtype=np.int64)]
        for kind, sought in numbers:
            if self.relation.numbers is None:
                found.append(sought)
                continue
            order, ordered = self.by_number
            codes = kind * self._span + sought
            at = np.searchsorted(ordered, codes)
            at = at[ordered[np.minimum(at, len(ordered) - 1)] == codes] if len(ordered) else at[:0]
            found.append(order[at])
        return np.concatenate(found)

    @cached_property
    def _span(self) -> int:
        return int(self.numbers_of(np.arange(len(self.relation.targets))).max(initial=0)) + 1

    @cached_property
    def by_number(self) -> tuple[np.ndarray, np.ndarray]:
        """(m,) places of edges by type and number, and (m,) what they are ordered by."""
        codes = self.numbers_of(np.arange(len(self.relation.targets)))
        if self.kinds is not None:
            codes = codes + self.kinds * np.int64(self._span)
        order = np.argsort(codes, kind="stable")
        return order, codes[order]

    def joined(
        self, sources: np.ndarray, targets: np.ndarray, limits: np.ndarray | None
    ) -> np.ndarray:
        """(p,) bool: whether an edge leads from a node to another that can be seen at a time."""
        pairs = self.pairs
        which, places = pairs.find(sources * np.int64(pairs.n_targets) + targets)
        if limits is not None and self.relation.times is not None:
            oldest = pairs.order[pairs.firsts[places]]
            which = which[self.relation.times[oldest] < limits[which]]
        there = np.zeros(len(sources), dtype=bool)
        there[which] = True
        return there

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

    @property
    def whole(self) -> bool:
        """Whether all edges of the rows can be seen."""
        return self.limits is None or self.reach.relation.times is None

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
        relation = graph.relation(keys[0])
        return Reach(relation, None, relation.times, node_times(graph, keys[0][0]), target)
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
    own = kinds[order] if len(keys) > 1 else None
    return Reach(relation, own, moments, node_times(graph, keys[0][0]), target)


def node_times(graph: HeteroGraph, kind: str) -> np.ndarray | None:
    """(n,) int64 seconds from which nodes of a type are there, if the graph knows."""
    column = graph.attributes.get(kind, {}).get("time")
    return None if column is None else seconds_of(column, f"times of {kind}")


def _part(
    graph: HeteroGraph, key: Key, kind: int, where: Sequence[Condition]
) -> tuple[np.ndarray, ...]:
    """Sources, targets, numbers, kinds, times and weights of the edges of one type that stay."""
    relation = graph.relation(key)
    numbers = relation.numbers
    m = len(relation.targets)
    if numbers is None:
        numbers = np.arange(m)
    kept = np.ones(m, dtype=bool)
    for condition in where:
        if condition.of_edge:
            kept &= holds_of_edges(graph, key, condition)
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
