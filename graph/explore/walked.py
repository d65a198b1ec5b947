"""What a query finds from some seeds: rows with names, what each hop did, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from data.errors import ConfigError
from graph.explore.atlas import Atlas, Picture, picture_of
from graph.explore.flat import Node
from graph.query.query import Hop, Query
from graph.sample.rows import NEVER
from graph.sample.sample import Sample
from graph.sample.sampler import Sampler
from graph.sample.tables import visible

SEEDS = 1_000
"""Most seeds of a walk that a person looks at."""
DRAWS = 200_000
"""Most nodes that one hop of it leads to."""
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


@dataclass(frozen=True)
class Walked:
    """A query walked from some seeds.

    Attributes:
        atlas: Of the graph.
        sampler: That walked.
        sample: What it found.
        seconds: That every hop took.
    """

    atlas: Atlas
    sampler: Sampler
    sample: Sample
    seconds: tuple[float, ...]

    @property
    def query(self) -> Query:
        """That was walked."""
        return self.sample.query

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
                draws = self.sample.draws[hop - 1]
                if draws.times is not None:
                    columns.append(_moments(f"{name}, at", draws.times[rows]))
            numbers = self.numbers(hop)[rows]
            columns.append(self.atlas.names.titles[kind].gather(numbers).alias(name))
            if hop:
                rows = self.sample.draws[hop - 1].origins[rows]
        return pl.DataFrame(columns[::-1])

    def numbers(self, hop: int) -> np.ndarray:
        """(e,) numbers of the nodes that a hop led to, a draw each; of the start for 0."""
        if hop:
            return self.sample.draws[hop - 1].nodes
        start: np.ndarray = self.sample.nodes[self.query.start.type][self.sample.places[0]]
        return start

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

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What every hop did."""
        lines = self.query.explain()[1 : len(self.query.hops) + 1]
        every = zip(lines, self.query.hops, self.sample.draws, self.seconds, strict=True)
        return tuple(
            Step(
                says=line.says,
                origins=self.size(hop.origin),
                seen=self._seen(hop),
                drawn=len(draws.nodes),
                distinct=len(np.unique(draws.nodes)),
                seconds=seconds,
            )
            for line, hop, draws, seconds in every
        )

    def _seen(self, hop: Hop) -> int | None:
        """Edges that lead from where a hop started, as far as its seeds could see."""
        if hop.end or hop.negative:
            return None
        reach, times = self.sampler.reach(hop.edges, hop.where), self.sample.times
        limits = None if times is None else times[self._owners(hop.origin)]
        _, lengths = visible(reach.relation, self.numbers(hop.origin), limits)
        return int(lengths.sum())

    def _owners(self, hop: int) -> np.ndarray:
        """(e,) place of the seed of every draw of a hop."""
        if not hop:
            return np.arange(self.size(0))
        origin = self.query.hops[hop - 1].origin
        owners: np.ndarray = self._owners(origin)[self.sample.draws[hop - 1].origins]
        return owners

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Different nodes, as they were reached."""
        every = [
            (kind, int(number))
            for hop, kind in enumerate(self.query.types)
            for number in self.numbers(hop).tolist()
        ]
        return tuple(dict.fromkeys(every))

    @cached_property
    def picture(self) -> Picture:
        """What was found, laid out."""
        return picture_of(self.atlas, self.sample)


def walk(
    atlas: Atlas,
    query: Query,
    seeds: Sequence[int] | np.ndarray,
    at: int | None = None,
    seed: int = 0,
) -> Walked:
    """What a query finds, within limits that suit somebody who looks at it.

    Args:
        atlas: Of the graph.
        query: To walk.
        seeds: (b,) numbers of the nodes, or edges, that it starts from.
        at: Seconds at which they stand; without, all edges are visible.
        seed: Where chance begins.

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
    sampler = Sampler(atlas.graph, query, most=DRAWS, limit=DRAWS)
    trace: list[float] = []
    sample = sampler.sample(np.asarray(seeds, dtype=np.int64), at, seed, trace=trace)
    return Walked(atlas, sampler, sample, tuple(trace))


def _moments(name: str, times: np.ndarray) -> pl.Series:
    """Seconds as moments; none where there is no time, or one that no calendar has."""
    known = (times != NEVER) & (np.abs(times.astype(np.float64)) < _YEARS)
    whole = np.where(known, times, 0).astype("datetime64[s]").astype("datetime64[us]")
    return pl.Series(name, whole).set(pl.Series(~known), None)
