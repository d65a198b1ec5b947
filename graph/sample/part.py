"""A part of a graph, by source, and what answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from data import atomic
from data.relation import Relation, count_type
from graph.hetero import HeteroGraph
from graph.query.query import Condition, Hop, Query
from graph.sample.conditions import holds_of_edges
from graph.sample.draws import Ask, Draws
from graph.sample.rows import Reach, reach
from graph.sample.sampler import Sampler
from graph.sample.tables import Arrivals
from graph.schema import Key
from graph.values import take

_OWN = "numbers.safetensors"


@dataclass(frozen=True)
class Part:
    """The edges that leave the nodes of one shard, either way.

    Attributes:
        graph: With all nodes; its edges are numbered among those of the part.
        numbers: (m,) int64 sorted: which edges of the whole graph they are, by declared type.
    """

    graph: HeteroGraph
    numbers: Mapping[Key, np.ndarray]

    @classmethod
    def of(cls, graph: HeteroGraph, shard: int, shards: int) -> Part:
        """The part of the nodes whose number leaves `shard` when it is divided by `shards`."""
        edges: dict[Key, Relation] = {}
        numbers, attributes = {}, {}
        for edge in graph.schema.edges:
            both = {}
            for key in (edge.key, edge.reverse_key):
                relation = graph.relation(key)
                both[key] = relation.only(relation.sources % shards == shard)
            own = [_numbers(relation) for relation in both.values()]
            numbers[edge.key] = used = np.union1d(*own).astype(np.int64)
            small = count_type(len(used))
            for (key, relation), known in zip(both.items(), own, strict=True):
                places = np.searchsorted(used, known).astype(small)
                edges[key] = replace(relation, numbers=places)
            attributes[edge.key] = {
                name: take(column, used)
                for name, column in graph.edge_attributes.get(edge.key, {}).items()
            }
        part = HeteroGraph(graph.schema, graph.sizes, edges, graph.attributes, attributes)
        return cls(part, numbers)

    def save(self, directory: Path) -> None:
        """All of it in `directory`."""
        self.graph.save(directory)
        arrays = {"/".join(key): numbers for key, numbers in self.numbers.items()}
        atomic.write_arrays(directory / _OWN, arrays)

    @classmethod
    def load(cls, directory: Path, mapped: bool = True) -> Part:
        """The part stored by `save`."""
        read = atomic.map_arrays if mapped else atomic.read_arrays
        found = read(directory / _OWN)
        numbers = {(s, r, t): found[f"{s}/{r}/{t}"] for s, r, t in (p.split("/") for p in found)}
        return cls(HeteroGraph.load(directory, mapped=mapped), numbers)

    def without_edges(self) -> HeteroGraph:
        """All that the part knows of the whole graph but its edges: types, nodes, attributes."""
        graph, none = self.graph, np.zeros(0, dtype=np.int64)
        edges, attributes = {}, {}
        for edge in graph.schema.edges:
            relation = graph.relation(edge.key)
            edges[edge.key] = Relation(
                np.zeros(len(relation) + 1, dtype=np.int64),
                np.zeros(0, dtype=np.int32),
                relation.n_targets,
                None if relation.times is None else none,
                None if relation.weights is None else none.astype(np.float32),
            )
            about = graph.edge_attributes.get(edge.key, {})
            attributes[edge.key] = {name: take(column, none) for name, column in about.items()}
        return HeteroGraph(graph.schema, graph.sizes, edges, graph.attributes, attributes)


def _numbers(relation: Relation) -> np.ndarray:
    return np.arange(len(relation.targets)) if relation.numbers is None else relation.numbers


@dataclass(frozen=True)
class Plan:
    """A query and how it is sampled, as shards know it.

    Attributes:
        query: To walk; of a random walk, one step.
        options: Of the sampler.
        arrivals: By hop that draws by in-degree: the edges of all shards that lead to its nodes.
    """

    query: Query
    options: Mapping[str, Any]
    arrivals: Mapping[int, Arrivals] = field(default_factory=dict)


class Shard:
    """Answers what is asked of the nodes of one part.

    Args:
        part: In memory, or where it is stored; it is then mapped.
    """

    def __init__(self, part: Part | Path) -> None:
        self.part = part if isinstance(part, Part) else Part.load(part)
        self._samplers: dict[int, _PartSampler] = {}

    def outline(self) -> HeteroGraph:
        """The graph without its edges."""
        return self.part.without_edges()

    def learn(self, number: int, plan: Plan) -> None:
        """Takes on a plan, under a number."""
        self._samplers[number] = _PartSampler(self.part.graph, plan)

    def arriving(
        self, keys: tuple[Key, ...], where: tuple[Condition, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Sources and targets of the edges of a hop, and from when they can be seen."""
        relation = reach(self.part.graph, keys, where).relation
        return relation.sources, relation.targets, relation.times

    def ends(
        self, key: Key, numbers: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """Of edges that leave this shard: places among `numbers`, sources, targets and times.

        Args:
            key: As the schema declares it.
            numbers: (x,) of the whole graph.
        """
        relation = self.part.graph.relation(key)
        own = self.part.numbers[key][_numbers(relation)]
        at = np.minimum(np.searchsorted(own, numbers), max(len(own) - 1, 0))
        here = np.flatnonzero(own[at] == numbers) if len(own) else np.zeros(0, dtype=np.int64)
        at = at[here]
        sources = np.searchsorted(relation.offsets, at, side="right") - 1
        times = None if relation.times is None else relation.times[at]
        return here, sources, relation.targets[at].astype(np.int64), times

    def count(self, key: Key) -> int:
        """How many edges of a declared type leave this shard."""
        return len(self.part.graph.relation(key).targets)

    def meeting(self, key: Key, where: tuple[Condition, ...]) -> np.ndarray:
        """(k,) int64 numbers of the edges of a declared type that meet conditions and leave it."""
        places = _numbers(self.part.graph.relation(key))
        kept = np.ones(len(places), dtype=bool)
        for condition in where:
            kept &= holds_of_edges(self.part.graph, key, condition)
        numbers: np.ndarray = self.part.numbers[key][places[kept]]
        return numbers

    def answer(self, number: int, ask: Ask, seed: tuple[int, int]) -> Draws:
        """What one hop draws from nodes of this shard.

        Args:
            number: Of the plan.
            ask: From where.
            seed: Of its chance.
        """
        sampler, own = self._samplers[number], self.part.numbers
        exclude = {key: np.flatnonzero(np.isin(own[key], out)) for key, out in ask.exclude.items()}
        draws = sampler.answer(replace(ask, exclude=exclude), np.random.default_rng(seed))
        edges = draws.edges.copy()
        for kind, key in enumerate(sampler.query.hops[ask.hop].edges):
            some = (draws.kinds == kind) & (edges >= 0)
            edges[some] = own[self.part.graph.schema.edge(key).key][edges[some]]
        return replace(draws, edges=edges)


class _PartSampler(Sampler):
    """Draws from one part; in-degrees are those of the whole graph."""

    def __init__(self, graph: HeteroGraph, plan: Plan) -> None:
        hops = plan.query.hops
        self._arrivals = {edges_of(hops[at]): known for at, known in plan.arrivals.items()}
        super().__init__(graph, plan.query, **plan.options)

    def reach(self, keys: tuple[Key, ...], where: tuple[Condition, ...] = ()) -> Reach:
        """The edges of some types that meet conditions."""
        found = super().reach(keys, where)
        if (keys, where) in self._arrivals:
            found.__dict__["arrivals"] = self._arrivals[keys, where]  # where it would be kept
        return found


def edges_of(hop: Hop) -> tuple[tuple[Key, ...], tuple[Condition, ...]]:
    """The types of edges of a hop, and what their edges have to be."""
    return hop.edges, () if hop.negative else hop.where
