"""The sampler: walks a query from seeds, each hop drawing from rows that it never expands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data.errors import ConfigError, DataError
from graph.hetero import HeteroGraph
from graph.query.query import Hop, Query
from graph.sample.assemble import assemble
from graph.sample.rows import Reach, Rows, reach
from graph.sample.sample import Draws, Sample
from graph.sample.strategies import STRATEGIES, Chosen, Strategy, draw_all


class Sampler:
    """Draws the surroundings of seeds, nothing of them as young as its seed.

    An edge is visible to a seed if its time is strictly before the seed's, and so is a node whose
    type has the attribute "time"; what has no time is always visible. Nothing that is not visible
    has any influence on what is drawn. A hop along several types of edges draws its count from all
    of them together.

    Args:
        graph: To walk.
        query: What to walk.
        disjoint: Whether each seed has nodes of its own; otherwise they are merged, which is
            refused for seeds of different times, because one would see what another may.
        strategies: Further ones, by the name that a hop calls them.
        most: Edges that a hop without a count may lead to, of all seeds together.

    Raises:
        ConfigError: the query names what there is not.
    """

    def __init__(
        self,
        graph: HeteroGraph,
        query: Query,
        *,
        disjoint: bool = True,
        strategies: Mapping[str, Strategy] | None = None,
        most: int = 1_000_000,
    ) -> None:
        self.graph = graph
        self.query = query
        self.disjoint = disjoint
        self.most = most
        self.strategies = {**STRATEGIES, **(strategies or {})}
        for hop in query.hops:
            self._check(hop)
        self._reaches = [self._reach(hop) for hop in query.hops]

    def _check(self, hop: Hop) -> None:
        if not hop.edges:
            raise ConfigError(f"The hop to {hop.type} names no edges.")
        if hop.negative or hop.walk is not None:
            raise ConfigError("Negatives and walks are not drawn yet.")
        if hop.count is not None and hop.by not in self.strategies:
            raise ConfigError(
                f"There is no strategy {hop.by!r}; there are {', '.join(self.strategies)}."
            )

    def _reach(self, hop: Hop) -> Reach:
        return reach(self.graph, hop.edges, hop.where)

    def sample(
        self,
        seeds: np.ndarray,
        times: np.ndarray | None = None,
        rng: np.random.Generator | int = 0,
    ) -> Sample:
        """The subgraph around seeds.

        Args:
            seeds: (b,) numbers of nodes of the type that the query starts from.
            times: (b,) int64 seconds at which each stands, or one for all; all edges are visible
                without.
            rng: Where chance comes from: the same one gives the same sample.

        Raises:
            DataError: a seed is not there, or there is not a time for each.
            ConfigError: a hop without a count leads to too many edges, or seeds of different
                times are to be merged.
        """
        seeds, times = self._seeds(seeds, times)
        rng = np.random.default_rng(rng)
        nodes, owners = [seeds], [np.arange(len(seeds))]
        draws: list[Draws] = []
        for hop, edges in zip(self.query.hops, self._reaches, strict=True):
            whose = owners[hop.origin]
            limits = None if times is None else times[whose]
            rows = Rows.of(edges, nodes[hop.origin], limits, whose, seeds)
            draws.append(_draws(edges, *self._choose(hop, rows, rng)))
            nodes.append(draws[-1].nodes)
            owners.append(whose[draws[-1].origins])
        return assemble(
            self.graph.schema,
            dict(self.graph.sizes),
            self.query,
            seeds,
            seeds,
            times,
            draws,
            owners,
            self.disjoint,
        )

    def _choose(self, hop: Hop, rows: Rows, rng: np.random.Generator) -> Chosen:
        if hop.count is None:
            return draw_all(rows, self.most, hop.type)
        return self.strategies[hop.by](rows, hop.count, rng)

    def _seeds(
        self, seeds: np.ndarray, times: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        kind = self.query.start.type
        seeds = np.asarray(seeds, dtype=np.int64).reshape(-1)
        n = self.graph.size(kind)
        odd = np.flatnonzero((seeds < 0) | (seeds >= n))
        if len(odd):
            raise DataError(
                f"Seed {odd[0]} is node {seeds[odd[0]]} of type {kind}; the numbers are 0 to "
                f"{n - 1}."
            )
        if times is None:
            return seeds, None
        times = np.asarray(times, dtype=np.int64).reshape(-1)
        if len(times) == 1:
            times = np.repeat(times, len(seeds))
        if len(times) != len(seeds):
            raise DataError(f"There are {len(times)} times for {len(seeds)} seeds; give one each.")
        if not self.disjoint and len(times) and (times != times[0]).any():
            raise ConfigError(
                "Seeds of different times cannot be merged: one would see what only another may. "
                "Sample them disjoint, or those of one time together."
            )
        return seeds, times


def _draws(edges: Reach, places: np.ndarray, positions: np.ndarray) -> Draws:
    relation = edges.relation
    kinds = edges.kinds
    return Draws(
        places,
        relation.targets[positions],
        edges.numbers_of(positions),
        np.zeros(len(places), dtype=np.int8) if kinds is None else kinds[positions],
        None if edges.moments is None else edges.moments[positions],
    )
