"""What a query finds from some seeds: rows with names, what each hop did, and a picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from data.errors import ConfigError
from graph.explore.atlas import Atlas, Picture, lay_out
from graph.explore.sketch import sketch
from graph.explore.subgraph import Subgraph
from graph.hetero import HeteroGraph
from graph.query.query import Hop, Query
from graph.sample.draws import Ask, Draws
from graph.sample.rows import NEVER
from graph.sample.sample import Sample
from graph.sample.sampler import Sampler
from graph.sample.strategies import Strategy
from graph.sample.tables import visible

SEEDS = 1_000
"""Most seeds of a walk that a person looks at."""
DRAWS = 200_000
"""Most nodes that all its hops lead to together."""
SECONDS = 10.0
"""After which no further hop begins."""
AT_ONCE = 2
"""Walks at the same time, in one process."""
TURN = 6.0
"""Seconds for which a walk waits until fewer run."""
_TURNS = threading.BoundedSemaphore(AT_ONCE)
_YEARS = 62135596800


@dataclass(frozen=True, slots=True)
class Step:
    """What one hop did.

    Attributes:
        says: What it does, in a sentence.
        origins: Nodes from which it started.
        seen: Edges that its seeds could see from there; None where it walks none.
        drawn: What it led to.
        distinct: Different nodes among that.
        seconds: That it took.
    """

    says: str
    origins: int
    seen: int | None
    drawn: int
    distinct: int
    seconds: float


class _Careful(Sampler):
    """A sampler for one walk, whose hops share what may be drawn and how long it may take."""

    def __init__(
        self, graph: HeteroGraph, query: Query, strategies: Mapping[str, Strategy] | None
    ) -> None:
        super().__init__(graph, query, strategies=strategies)
        self._left, self._end = DRAWS, time.monotonic() + SECONDS

    def answer(self, ask: Ask, rng: np.random.Generator) -> Draws:
        """As of any sampler, if it is neither too much nor too late.

        Raises:
            ConfigError: it is.
        """
        hop = self.query.hops[ask.hop]
        if time.monotonic() > self._end:
            raise ConfigError(
                f"The query took more than {SECONDS:g} seconds before its hop {ask.hop + 1}, to "
                f"{hop.type}; begin with fewer nodes, or draw fewer of each."
            )
        times = 1 + _ends_of(self.query, ask.hop + 1)
        room = self._left // times
        each = (hop.count or 1) * hop.walk.length if hop.walk else hop.count or 0
        many = len(ask.nodes) * each
        if many > room:
            raise ConfigError(
                f"The hop to {hop.type} draws up to {many:,} from {len(ask.nodes):,} nodes, and "
                f"{room:,} are left of the {DRAWS:,} that are drawn at most by all hops together; "
                "begin with fewer nodes, or draw fewer of each."
            )
        self.most = room
        draws = super().answer(ask, rng)
        self._left -= len(draws.nodes) * times
        return draws


def _ends_of(query: Query, number: int) -> int:
    """Hops to an end of the edges of a hop, from 1: each leads to as many nodes as that."""
    hops = enumerate(query.hops, 1)
    return sum(1 + _ends_of(query, n) for n, hop in hops if hop.end and hop.origin == number)


@dataclass(frozen=True)
class Walked:
    """A query walked from some seeds.

    Attributes:
        atlas: Of the graph.
        query: That was walked.
        starts: (b,) numbers of the nodes from which it started.
        draws: What every hop drew.
        steps: What every hop did.
        sketch: The part of it that a picture shows.
    """

    atlas: Atlas
    query: Query
    starts: np.ndarray
    draws: tuple[Draws, ...]
    steps: tuple[Step, ...]
    sketch: Subgraph

    @property
    def leaves(self) -> tuple[int, ...]:
        """Hops, from 1, from which no other starts: a branch each; 0 where there is no hop."""
        origins = {hop.origin for hop in self.query.hops}
        return tuple(n for n in range(len(self.query.hops) + 1) if n not in origins)

    def chain(self, leaf: int) -> tuple[int, ...]:
        """The hops on the way to one of `leaves`, the start, 0, first."""
        chain = [leaf]
        while chain[-1]:
            chain.append(self.query.hops[chain[-1] - 1].origin)
        return tuple(reversed(chain))

    def branch(self, leaf: int) -> str:
        """What the way to one of `leaves` is called."""
        return " > ".join(self._called(hop) for hop in self.chain(leaf))

    def table(self, leaf: int, limit: int | None = None) -> pl.DataFrame:
        """A row for every walk to the end of a branch: names of its nodes, and times of its edges.

        Args:
            leaf: One of `leaves`.
            limit: Most rows; all by default.
        """
        columns: list[pl.Series] = []
        rows = np.arange(self.size(leaf))[:limit]
        for hop in reversed(self.chain(leaf)):
            kind, name = self.query.types[hop], self._column(hop)
            if hop:
                draws = self.draws[hop - 1]
                if draws.times is not None:
                    columns.append(self._when(name, draws.times[rows]))
            numbers = self.numbers(hop)[rows]
            columns.append(self.atlas.names.titles[kind].gather(numbers).alias(name))
            if hop:
                rows = self.draws[hop - 1].origins[rows]
        return pl.DataFrame(columns[::-1])

    def _when(self, name: str, times: np.ndarray) -> pl.Series:
        """Times of edges as moments; as numbers where they only count steps."""
        if self.atlas.graph.clock:
            return _moments(f"{name}, at", times)
        return pl.Series(f"{name}, step", times).set(pl.Series(times == NEVER), None)

    def numbers(self, hop: int) -> np.ndarray:
        """(e,) numbers of the nodes that a hop led to, a draw each; of the start for 0."""
        return self.draws[hop - 1].nodes if hop else self.starts

    def size(self, hop: int) -> int:
        """What a hop led to; of one of `leaves`, the rows of its whole table."""
        return len(self.numbers(hop))

    def _called(self, hop: int) -> str:
        alias = self.query.hops[hop - 1].alias if hop else self.query.start.alias
        return alias or self.query.types[hop]

    def _column(self, hop: int) -> str:
        """The name of a hop's column; hops that would share one are numbered."""
        called = self._called(hop)
        before = sum(self._called(n) == called for n in range(hop))
        return f"{called} {before + 1}" if before else called

    @property
    def distinct(self) -> int:
        """How many different nodes there are, those from which it started among them."""
        return sum(count.total for count in self.sketch.counts.values())

    @cached_property
    def picture(self) -> Picture:
        """What was found, laid out: all, or the first ways."""
        return lay_out(self.sketch)


def walk(
    atlas: Atlas,
    query: Query,
    seeds: Sequence[int] | np.ndarray,
    at: int | None = None,
    seed: int = 0,
    strategies: Mapping[str, Strategy] | None = None,
) -> Walked:
    """What a query finds, within limits that suit somebody who looks at it.

    Args:
        atlas: Of the graph.
        query: To walk.
        seeds: (b,) numbers of the nodes, or edges, that it starts from.
        at: Seconds at which they stand; without, all edges are visible.
        seed: Where chance begins.
        strategies: Further ones, by the name that a hop calls them.

    Raises:
        ConfigError: it would lead too far.
        DataError: a seed is not there, or there are not enough negatives.
    """
    if len(seeds) > SEEDS:
        raise ConfigError(
            f"The query starts from {len(seeds):,} nodes, and from {SEEDS:,} at most it can be "
            f"looked at; write how many, as in {query.start.type}:16."
        )
    query.check(atlas.graph)
    if not _TURNS.acquire(timeout=TURN):
        raise ConfigError("Others ask at this moment; try again in some seconds.")
    try:
        sampler = _Careful(atlas.graph, query, strategies)
        trace: list[float] = []
        sample = sampler.sample(np.asarray(seeds, dtype=np.int64), at, seed, trace=trace)
        return Walked(
            atlas,
            query,
            sample.starts,
            sample.draws,
            tuple(_steps(sampler, sample, trace)),
            sketch(sample, atlas.flat),
        )
    finally:
        _TURNS.release()


def _steps(sampler: Sampler, sample: Sample, trace: Sequence[float]) -> Iterator[Step]:
    """What every hop did."""
    query = sample.query
    lines = query.explain()[1 : len(query.hops) + 1]
    nodes = [sample.starts, *(draws.nodes for draws in sample.draws)]
    owners = [np.arange(len(sample.starts))]
    for line, hop, draws, seconds in zip(lines, query.hops, sample.draws, trace, strict=True):
        yield Step(
            says=line.says,
            origins=len(nodes[hop.origin]),
            seen=_seen(sampler, hop, nodes[hop.origin], sample.times, owners[hop.origin]),
            drawn=len(draws.nodes),
            distinct=len(np.unique(draws.nodes)),
            seconds=seconds,
        )
        owners.append(owners[hop.origin][draws.origins])


def _seen(
    sampler: Sampler, hop: Hop, origins: np.ndarray, times: np.ndarray | None, owners: np.ndarray
) -> int | None:
    """Edges that lead from where a hop started, as far as its seeds could see."""
    if hop.end or hop.negative:
        return None
    reach = sampler.reach(hop.edges, hop.where)
    _, lengths = visible(reach.relation, origins, None if times is None else times[owners])
    return int(lengths.sum())


def _moments(name: str, times: np.ndarray) -> pl.Series:
    """Seconds as moments; none where there is no time, or one that no calendar has."""
    known = (times != NEVER) & (np.abs(times.astype(np.float64)) < _YEARS)
    whole = np.where(known, times, 0).astype("datetime64[s]").astype("datetime64[us]")
    return pl.Series(name, whole).set(pl.Series(~known), None)
