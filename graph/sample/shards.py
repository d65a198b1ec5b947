"""A graph in parts by source, each answering for its own nodes, behind the call of the sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import BackendError, ConfigError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.query.gsl import Chain
from graph.query.query import Condition, Hop, Query
from graph.sample.carriers import Carrier, GoneError, InProcess, OnRay
from graph.sample.draws import Ask, Draws
from graph.sample.part import Part, Plan, edges_of
from graph.sample.rows import NEVER, node_times
from graph.sample.sampler import Sampler
from graph.sample.tables import Arrivals
from graph.schema import Key


def write_shards(graph: HeteroGraph, directory: Path, shards: int) -> list[Path]:
    """Folders of the parts of a graph, one a shard."""
    folders = [directory / f"shard-{number}" for number in range(shards)]
    for number, folder in enumerate(folders):
        Part.of(graph, number, shards).save(folder)
    return folders


class Shards:
    """A graph in parts, the nodes of each those whose number leaves its own when divided by n.

    A hop sends every shard the nodes that are its own, with their times, and gets draws back. A
    shard holds all nodes and their attributes, and the edges from its own nodes either way, so that
    an edge is in at most two of them.

    Args:
        carrier: Runs the shards.
        n: How many there are.

    >>> from graph import EdgeType, HeteroGraph, NodeType, Query, Schema
    >>> schema = Schema((NodeType("user"),), (EdgeType("user", "trusts", "user"),))
    >>> trusts = Relation.between(np.arange(5), np.arange(5)[::-1], 5, 5)
    >>> graph = HeteroGraph(schema, {"user": 5}, {("user", "trusts", "user"): trusts})
    >>> with Shards.of(graph, 2) as shards:
    ...     sampler = shards.sampler(Query.parse("user -trusts-> user:1 full", schema))
    ...     sampler.sample(np.array([0, 1, 4])).draws[0].nodes.tolist()
    [4, 3, 0]

    Source: GLE, "Graph object", section "partition": src_id % n.
    """

    def __init__(self, carrier: Carrier, n: int) -> None:
        if n < 1:
            raise ConfigError(f"A graph cannot stand in {n} shards; choose 1 or more.")
        self.carrier, self.n = carrier, n
        self._plans: list[Plan] = []
        for shard in range(n):
            carrier.start(shard)
        self.graph: HeteroGraph = self.call({0: ("outline",)})[0]

    @classmethod
    def of(cls, graph: HeteroGraph, n: int) -> Shards:
        """A graph split within this process."""
        return cls(InProcess([Part.of(graph, shard, n) for shard in range(n)]), n)

    @classmethod
    def on_ray(cls, folders: Sequence[Path], address: str | None = None, cpus: float = 0) -> Shards:
        """The parts that `write_shards` stored, a Ray actor each.

        Raises:
            BackendError: Ray is not installed, or cannot be reached.
        """
        return cls(OnRay(folders, address, cpus), len(folders))

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all shards."""
        for shard in range(self.n):
            self.carrier.stop(shard)

    def restart(self, shard: int) -> None:
        """Starts a shard again; samplers go on with it."""
        if not 0 <= shard < self.n:
            raise ConfigError(f"There is no shard {shard}; they are 0 to {self.n - 1}.")
        self.carrier.start(shard)
        for number, plan in enumerate(self._plans):
            self.call({shard: ("learn", number, plan)})

    def call(self, asked: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """What shards answer, all asked before any is waited for.

        Args:
            asked: Name of a method of `Shard` and what it is given, by shard.

        Raises:
            BackendError: one does not answer.
        """
        begun = {shard: self.carrier.ask(shard, *about) for shard, about in asked.items()}
        answers = {}
        for shard, promise in begun.items():
            try:
                answers[shard] = self.carrier.wait(promise)
            except GoneError as error:
                raise BackendError(
                    f"Shard {shard} of {self.n} (from 0) does not answer: {error}. Start it again "
                    f"with restart({shard}), then sample again."
                ) from error
        return answers

    def every(self, *about: Any) -> list[Any]:
        """What all shards answer to the same."""
        return [*self.call(dict.fromkeys(range(self.n), about)).values()]

    def sampler(self, query: Query | Chain | str, **options: Any) -> ShardedSampler:
        """What samples from all shards; it takes what `Sampler` does.

        Raises:
            ConfigError: the query names what there is not, or what shards cannot do.
        """
        return ShardedSampler(self, query, **options)

    def learn(self, plan: Plan) -> int:
        """The number of a plan that all shards know from now on."""
        number = len(self._plans)
        self.every("learn", number, plan)
        self._plans.append(plan)
        return number


class ShardedSampler(Sampler):
    """A sampler whose hops are answered by the shards of the nodes that they start from."""

    def __init__(self, shards: Shards, query: Query | Chain | str, **options: Any) -> None:
        super().__init__(shards.graph, query, **options)
        query = self.query
        self.shards = shards
        for refused, what in (
            (query.induced, "Edges between all nodes of a sample"),
            (any(hop.like and hop.like.shared for hop in query.hops), "Negatives that seeds share"),
            (any(hop.walk and (hop.walk.p, hop.walk.q) != (1, 1) for hop in query.hops),
             "Random walks with p or q"),
        ):  # fmt: skip
            if refused:
                raise ConfigError(f"{what} need the whole graph; sample this by Sampler.")
        arrivals = {
            number: self._gather(hop)
            for number, hop in enumerate(query.hops)
            if hop.by == "in_degree" and hop.edges
        }
        steps = tuple(replace(hop, walk=None, count=1) if hop.walk else hop for hop in query.hops)
        self._plan = shards.learn(Plan(replace(query, hops=steps), options, arrivals))

    def _gather(self, hop: Hop) -> Arrivals:
        """All edges that lead to the nodes of a hop, of all shards."""
        parts = self.shards.every("arriving", *edges_of(hop))
        source, target = hop.edges[0][0], hop.edges[0][2]
        timed = any(times is not None for *_, times in parts)
        whole = [
            (sources, targets, np.full(len(targets), NEVER) if times is None else times)
            for sources, targets, times in parts
        ]
        sources, targets, times = map(np.concatenate, zip(*whole, strict=True))
        sizes = self.graph.size(source), self.graph.size(target)
        relation = Relation.between(sources, targets, *sizes, times if timed else None)
        return Arrivals.of(relation, node_times(self.graph, source))

    def _ends(self, key: Key, numbers: np.ndarray) -> dict[str, np.ndarray]:
        declared = self.graph.schema.edge(key).key
        ends = np.full((2, len(numbers)), -1, dtype=np.int64)
        for places, sources, targets, _ in self.shards.every("ends", declared, numbers):
            ends[:, places] = sources, targets
        return dict(zip(("source", "target"), ends if key == declared else ends[::-1], strict=True))

    def _seed_edges(self, key: Key, where: tuple[Condition, ...]) -> np.ndarray:
        declared = self.graph.schema.edge(key).key
        return np.sort(np.concatenate(self.shards.every("meeting", declared, where)))

    def _edge_count(self, key: Key) -> int:
        return sum(self.shards.every("count", self.graph.schema.edge(key).key))

    def _edge_times(self, key: Key, numbers: np.ndarray) -> np.ndarray | None:
        declared = self.graph.schema.edge(key).key
        if self.graph.relation(declared).times is None:
            return None
        times = np.empty(len(numbers), dtype=np.int64)
        for places, *_, own in self.shards.every("ends", declared, numbers):
            times[places] = own
        return times

    def answer(self, ask: Ask, rng: np.random.Generator) -> Draws:
        """What one hop draws, each node's part by the shard that has its edges.

        Raises:
            BackendError: a shard does not answer.
            ConfigError: a hop without a count leads to too many edges, or in-degrees would have to
                be without edges to predict.
        """
        hop = self.query.hops[ask.hop]
        if hop.by == "in_degree" and any(map(len, ask.exclude.values())):
            raise ConfigError(
                "In-degrees without the edges to predict need the whole graph; sample this by "
                "Sampler, or draw at random."
            )
        if hop.walk is not None:
            return self._walk(hop, ask, rng)
        draws = self._spread(ask, rng)
        if hop.count is None and len(draws.nodes) > self.most:
            raise ConfigError(
                f"All edges of {len(ask.nodes):,} nodes to {hop.type} are {len(draws.nodes):,}, "
                f"and at most {self.most:,} are expanded; write how many of each you want, as in "
                f"{hop.type}:8."
            )
        return draws

    def _walk(self, hop: Hop, ask: Ask, rng: np.random.Generator) -> Draws:
        """Walks of first order, a step of all of them at a time."""
        assert hop.walk is not None
        here = np.repeat(np.arange(len(ask.nodes)), hop.count or 1)
        walks, nodes, parts = np.arange(len(here)), ask.nodes[here], []
        start = here
        for step in range(hop.walk.length):
            limits = None if ask.limits is None else ask.limits[start[walks]]
            owners = ask.owners[start[walks]]
            one = self._spread(replace(ask, nodes=nodes, owners=owners, limits=limits), rng)
            walks, nodes = walks[one.origins], one.nodes
            steps = np.full(len(walks), step)
            parts.append(replace(one, origins=walks, steps=steps))
        whole = _joined(parts)
        assert whole.steps is not None
        whole = _at(whole, np.lexsort((whole.steps, whole.origins)))
        return replace(whole, origins=start[whole.origins])

    def _spread(self, ask: Ask, rng: np.random.Generator) -> Draws:
        """Asks every shard of its own nodes."""
        chance = int(rng.integers(2**62))
        own = {}
        asked = {}
        for shard in range(self.shards.n):
            rows = np.flatnonzero(ask.nodes % self.shards.n == shard)
            if len(rows) or not len(ask.nodes):
                own[shard] = rows
                asked[shard] = "answer", self._plan, _part_of(ask, rows), (chance, shard)
        answers = self.shards.call(asked)
        parts = [replace(one, origins=own[at][one.origins]) for at, one in answers.items()]
        whole = _joined(parts)
        return _at(whole, np.argsort(whole.origins, kind="stable"))


def _part_of(ask: Ask, rows: np.ndarray) -> Ask:
    return replace(
        ask,
        nodes=ask.nodes[rows],
        owners=ask.owners[rows],
        limits=None if ask.limits is None else ask.limits[rows],
        like=None if ask.like is None else ask.like[rows],
    )


def _joined(parts: Sequence[Draws]) -> Draws:
    """Draws one after the other; of those without times, never."""
    timed = any(one.times is not None for one in parts)
    times = [np.full(len(one.nodes), NEVER) if one.times is None else one.times for one in parts]
    steps = [one.steps for one in parts if one.steps is not None]
    return Draws(
        np.concatenate([one.origins for one in parts]),
        np.concatenate([one.nodes for one in parts]),
        np.concatenate([one.edges for one in parts]),
        np.concatenate([one.kinds for one in parts]),
        np.concatenate(times) if timed else None,
        np.concatenate(steps) if steps else None,
    )


def _at(draws: Draws, order: np.ndarray) -> Draws:
    return Draws(
        draws.origins[order],
        draws.nodes[order],
        draws.edges[order],
        draws.kinds[order],
        None if draws.times is None else draws.times[order],
        None if draws.steps is None else draws.steps[order],
    )
