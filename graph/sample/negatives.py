"""Negatives: nodes that no edge joins to a node, as far as its seed can see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.query.query import Condition, Hop
from graph.sample.bars import MOST, TRIES, Avoid
from graph.sample.conditions import holds_of_nodes
from graph.sample.rows import Reach, Rows, node_times
from graph.sample.strategies import edge_weight, pick, random

NEGATIVES = ("random", "in_degree", "node_weight")


class Negatives:
    """What one hop draws its negatives from.

    Nodes stand in pools in the order in which they can be seen, so that a seed sees a prefix: one
    pool of all nodes, and a pool a value of every attribute that some have to share. In the pool
    by in-degree a node stands once an edge that leads to it.

    Args:
        graph: That has the nodes.
        hop: What is drawn.
        joined: The edges that must not be there; None where any node will do.
        strict: Whether a node that an edge joins is never drawn.
        origin: Type of the nodes that negatives are set against.

    Raises:
        ConfigError: there is no such strategy or attribute.
    """

    def __init__(
        self,
        graph: HeteroGraph,
        hop: Hop,
        joined: Reach | None,
        strict: bool = True,
        origin: str = "",
    ) -> None:
        if hop.by not in NEGATIVES:
            raise ConfigError(
                f"No negatives are drawn by {hop.by!r}; there are {', '.join(NEGATIVES)}."
            )
        if hop.count is None:
            raise ConfigError(f"Say how many negatives you want, as in not {hop.type}:5.")
        if hop.by == "in_degree" and joined is None:
            raise ConfigError("Negatives by in-degree need edges that lead to them; name some.")
        self.hop, self.count = hop, hop.count
        self.joined = joined if strict else None
        self._origin, self._ids = origin or "node", graph.attributes.get(origin, {}).get("id")
        self.shared = hop.like is not None and hop.like.shared
        self.unique = hop.like is not None and hop.like.unique
        n = self._n = graph.size(hop.type)
        self._strategy = edge_weight if hop.by == "node_weight" else random
        self._allowed = _allowed(graph, hop.type, hop.where)
        self._born = node_times(graph, hop.type)
        self._weights = _node_weights(graph, hop.type) if hop.by == "node_weight" else None
        self._arrivals = joined.arrivals if joined is not None and hop.by == "in_degree" else None
        nodes, times = np.arange(n), self._born
        if self._arrivals is not None:
            nodes, times = self._arrivals.targets, self._arrivals.moments
        kept = self._allowed[nodes]
        nodes, times = nodes[kept], None if times is None else times[kept]
        weights = None if self._weights is None else self._weights[nodes]
        self.pools = [_pool(np.zeros(n, dtype=np.int64), nodes, times, weights, n)]
        self._codes: list[np.ndarray] = []
        self._shares: list[int] = []
        for name, share in hop.like.shares if hop.like else ():
            codes = _codes(graph, hop.type, name)
            self._codes.append(codes)
            self._shares.append(int(share * hop.count + 1e-9))
            self.pools.append(_pool(codes, nodes, times, weights, n))

    def draw(
        self,
        origins: np.ndarray,
        limits: np.ndarray | None,
        avoid: Sequence[Avoid],
        like: np.ndarray | None,
        rng: np.random.Generator,
        owners: np.ndarray | None = None,
    ) -> np.ndarray:
        """(r, count) int32 nodes, none of them joined to its origin.

        Args:
            origins: (r,) numbers of nodes.
            limits: (r,) int64 seconds at which each stands.
            avoid: What else must not be drawn.
            like: (r, count) nodes that some have to be like; None where they need not.
            rng: Where chance comes from.
            owners: (r,) what `avoid` tells apart origins by, where it does.

        Raises:
            DataError: there are not enough.
        """
        if not len(origins):
            return np.zeros((0, self.count), dtype=np.int32)
        bad = self._refusal(origins, limits, avoid)
        if self.shared:
            once = self._draw_shared(origins, limits, bad, like, rng)
            return np.broadcast_to(once, (len(origins), self.count))
        return self._fill(origins, limits, owners, bad, like, rng)

    def _refusal(
        self, origins: np.ndarray, limits: np.ndarray | None, avoid: Sequence[Avoid]
    ) -> Avoid:
        """Which nodes must not be set against origins at places."""

        def bad(rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
            out = np.zeros(len(rows), dtype=bool)
            if self.joined is not None:
                seen = None if limits is None else limits[rows]
                out |= self.joined.joined(origins[rows], nodes, seen)
            for one in avoid:
                out |= one(rows, nodes)
            return out

        return bad

    def _draw_shared(
        self,
        origins: np.ndarray,
        limits: np.ndarray | None,
        refusal: Avoid,
        like: np.ndarray | None,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """(1, count) nodes that every seed can see, and none is joined to."""
        every = np.arange(len(origins))

        def bad(rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
            if len(nodes) * len(every) <= MOST:
                each = refusal(np.tile(every, len(rows)), np.repeat(nodes, len(every)))
                return np.asarray(each.reshape(len(rows), len(every)).any(axis=1))
            out = np.ones(len(nodes), dtype=bool)
            left = np.arange(len(nodes))
            for one in every:
                left = left[~refusal(np.full(len(left), one), nodes[left])]
            out[left] = False
            return out

        first = None if limits is None else limits.min()[None]
        each = np.arange(self.count)
        some = None if like is None else like[each % len(like), each][None]
        return self._fill(origins[:1], first, None, bad, some, rng)

    def _fill(
        self,
        origins: np.ndarray,
        limits: np.ndarray | None,
        owners: np.ndarray | None,
        bad: Avoid,
        like: np.ndarray | None,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Draws again what must not be; then from all that may be."""
        drawn = np.full((len(origins), self.count), -1, dtype=np.int32)
        rows = np.repeat(np.arange(len(origins)), self.count)
        pool, codes = self._conditions(len(origins), like)
        flat = drawn.ravel()
        open_ = np.arange(len(flat))
        for tries in (1, *TRIES):
            for number, edges in enumerate(self.pools):
                of = open_[pool[open_] == number]
                seen = None if limits is None else limits[rows[of]]
                some = Rows.of(edges, codes[of], seen)
                places, positions = self._strategy(some, tries, rng)
                nodes = edges.relation.targets[positions]
                good = np.flatnonzero(~bad(rows[of[places]], nodes))
                first = good[np.flatnonzero(np.diff(places[good], prepend=-1))]
                flat[of[places[first]]] = nodes[first]
            if self.unique:
                _clear_repeats(drawn)
            open_ = np.flatnonzero(flat < 0)
            if not len(open_):
                return drawn
        self._fill_rest(origins, limits, owners, bad, drawn, pool, codes, rng)
        return drawn

    def _conditions(self, n: int, like: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The pool of every draw, and its row there."""
        pool = np.zeros((n, self.count), dtype=np.int64)
        codes = np.zeros((n, self.count), dtype=np.int64)
        at = 0
        for number, (column, share) in enumerate(zip(self._codes, self._shares, strict=True), 1):
            if like is not None:
                span = slice(at, at + share)
                known = like[:, span] >= 0
                pool[:, span] = np.where(known, number, 0)
                codes[:, span] = np.where(known, column[like[:, span]], 0)
            at += share
        return pool.ravel(), codes.ravel()

    def _fill_rest(
        self,
        origins: np.ndarray,
        limits: np.ndarray | None,
        owners: np.ndarray | None,
        bad: Avoid,
        drawn: np.ndarray,
        pool: np.ndarray,
        codes: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """Fills what is open from all nodes that are allowed, listed once for origins alike."""
        open_ = np.flatnonzero(drawn.ravel() < 0)
        keys = [origins] if not self.unique else [np.arange(len(origins))]
        keys += [one for one in (limits, owners) if one is not None]
        keys = [one[open_ // self.count] for one in keys]
        _, firsts, group = np.unique(np.stack(keys), axis=1, return_index=True, return_inverse=True)
        group, size = group.reshape(-1), max(1, MOST // self._n)
        for begin in range(0, len(firsts), size):
            chances = self._chances(open_[firsts[begin : begin + size]] // self.count, limits, bad)
            here = np.flatnonzero((group >= begin) & (group < begin + size))
            of, slots = group[here] - begin, open_[here]
            self._fill_from(chances, of, slots, origins, drawn, pool, codes, rng)

    def _fill_from(
        self,
        chances: np.ndarray,
        of: np.ndarray,
        slots: np.ndarray,
        origins: np.ndarray,
        drawn: np.ndarray,
        pool: np.ndarray,
        codes: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """Fills slots, each from one row of chances; of unique ones, one a row after another."""
        flat = drawn.ravel()
        while len(left := np.flatnonzero(flat[slots] < 0)):
            if self.unique:
                left = left[np.unique(of[left], return_index=True)[1]]
            keys = np.stack([of[left], pool[slots[left]], codes[slots[left]]])
            kinds, which = np.unique(keys, axis=1, return_inverse=True)
            which, kinds = which.reshape(-1), kinds[:, : len(chances)]
            left, which = left[which < len(chances)], which[which < len(chances)]
            weights = chances[kinds[0]]
            for number, column in enumerate(self._codes, 1):
                some = np.flatnonzero(kinds[1] == number)
                weights[some] *= column == kinds[2][some, None]
            at = slots[left]
            if self.unique:
                again = drawn[at // self.count]
                row, place = np.nonzero(again >= 0)
                weights[which[row], again[row, place]] = 0
            picks = pick(np.full(len(weights), self._n), weights.ravel(), which, rng)
            flat[at[picks >= 0]] = picks[picks >= 0] % self._n
            lost = at[picks < 0]
            missing = lost[pool[lost] == 0]
            if len(missing):
                raise self._missing(int(origins[missing[0] // self.count]))
            pool[lost], codes[lost] = 0, 0

    def _chances(self, rows: np.ndarray, limits: np.ndarray | None, bad: Avoid) -> np.ndarray:
        """(s, n) what nodes are drawn in proportion to from some rows; 0 if one must not be."""
        every, of = np.tile(np.arange(self._n), len(rows)), np.repeat(rows, self._n)
        weights = self._weigh(every, None if limits is None else limits[of])
        some = np.flatnonzero(weights)
        for part in np.array_split(some, len(some) // MOST + 1):
            weights[part[bad(of[part], every[part])]] = 0
        return weights.reshape(len(rows), self._n)

    def _weigh(self, nodes: np.ndarray, limits: np.ndarray | None) -> np.ndarray:
        """(q,) what nodes are drawn in proportion to at a time each."""
        weights = self._allowed[nodes].astype(np.float64)
        if self._weights is not None:
            weights *= self._weights[nodes]
        if self._arrivals is not None:
            weights *= self._arrivals.degrees_at(nodes, limits)
        if self._born is not None and limits is not None:
            weights *= self._born[nodes] < limits
        return np.asarray(weights)

    def _missing(self, origin: int) -> DataError:
        what = f"{self.count} different nodes" if self.unique else "a node"
        name = f"number {origin}" if self._ids is None else f"{self._ids[origin]!s}"
        whom = "all seeds together" if self.shared else f"{self._origin} {name}"
        return DataError(
            f"There is not {what} of type {self.hop.type} that {whom} could be set against: "
            "the others are not there yet, have no chance to be drawn, or are among those it must "
            "not be set against. Draw fewer, or not strictly."
        )


def _node_weights(graph: HeteroGraph, kind: str) -> np.ndarray:
    """(n,) float32 numbers from 0 by which nodes are drawn."""
    column = graph.attributes.get(kind, {}).get("weight")
    if not isinstance(column, np.ndarray):
        raise ConfigError(
            f"Nodes of type {kind} have no weights to be drawn by; give them the attribute "
            "'weight', a number each."
        )
    weights: np.ndarray = column.astype(np.float32)
    return weights


def _allowed(graph: HeteroGraph, kind: str, where: Sequence[Condition]) -> np.ndarray:
    allowed = np.ones(graph.size(kind), dtype=bool)
    for condition in where:
        allowed &= holds_of_nodes(graph, kind, condition)
    return allowed


def _pool(
    codes: np.ndarray,
    nodes: np.ndarray,
    times: np.ndarray | None,
    weights: np.ndarray | None,
    n: int,
) -> Reach:
    n_codes = int(codes.max(initial=0)) + 1
    return Reach(Relation.between(codes[nodes], nodes, n_codes, n, times, weights))


def _codes(graph: HeteroGraph, kind: str, name: str) -> np.ndarray:
    """(n,) int64: equal for nodes with an equal value of an attribute."""
    columns = graph.attributes.get(kind, {})
    column = columns.get(name)
    if column is None or not isinstance(column, np.ndarray | tuple):
        raise ConfigError(
            f"Nodes of type {kind} have no attribute {name!r} with a value each; they have "
            f"{', '.join(columns) or 'none'}."
        )
    codes: np.ndarray = np.unique(np.asarray(column), return_inverse=True)[1].reshape(-1)
    return codes


def _clear_repeats(drawn: np.ndarray) -> None:
    """Takes out what stands before in its row."""
    order = np.argsort(drawn, axis=1, kind="stable")
    ranked = np.take_along_axis(drawn, order, axis=1)
    again = np.zeros_like(ranked, dtype=bool)
    again[:, 1:] = ranked[:, 1:] == ranked[:, :-1]
    cleared = np.where(again, -1, ranked)
    np.put_along_axis(drawn, order, cleared, axis=1)
