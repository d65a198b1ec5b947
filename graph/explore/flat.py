"""All nodes of all types numbered in one row, each with its neighbours, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.errors import ConfigError
from data.relation import offsets_of
from graph.hetero import HeteroGraph
from graph.schema import Schema

Node = tuple[str, int]
"""Type and number."""


@dataclass(frozen=True)
class FlatGraph:
    """One adjacency over all nodes; several edges of a pair are one.

    A node's neighbours stand type by type, and within a type by relevance: along edges with times
    the latest first, along weighted ones the heaviest; what a node belongs to as it is declared
    (factors by level), and members of a group by how many timed edges they have.

    Attributes:
        schema: Types of nodes and edges.
        sizes: Nodes of each type, in the order of the schema.
        levels: (n,) int16 level of every factor, -1 of other nodes.
        offsets: (n + 1,) int64; node v owns `targets[offsets[v]:offsets[v + 1]]`.
        targets: (m,) int32 numbers in the row.
    """

    schema: Schema
    sizes: tuple[int, ...]
    levels: np.ndarray
    offsets: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def firsts(self) -> np.ndarray:
        """(types + 1,) int64 place of the first node of each type, and the number of all nodes."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @cached_property
    def degrees(self) -> np.ndarray:
        """(n,) int64 distinct neighbours of every node."""
        return np.diff(self.offsets)

    @cached_property
    def types(self) -> np.ndarray:
        """(n,) int8 place of every node's type in the schema."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int8), self.sizes)

    def of_type(self, kind: str) -> slice:
        """Where the nodes of a type stand."""
        at = self.schema.index(kind)
        return slice(int(self.firsts[at]), int(self.firsts[at + 1]))

    def place(self, node: Node) -> int:
        """Where a node stands in the row.

        Raises:
            ConfigError: there is no such node.
        """
        kind, number = node
        types = self.schema.types
        if kind not in types or not 0 <= number < self.sizes[types.index(kind)]:
            there = ", ".join(f"{n} of type {t}" for t, n in zip(types, self.sizes, strict=True))
            raise ConfigError(f"There is no {kind} {number} in this graph; it has {there}.")
        return int(self.firsts[types.index(kind)]) + number

    def node(self, place: int) -> Node:
        """Type and number of the node that stands at a place."""
        kind = int(self.types[place])
        return self.schema.types[kind], int(place - self.firsts[kind])

    def places(self, nodes: Sequence[Node]) -> np.ndarray:
        """(len(nodes),) int64 places."""
        return np.array([self.place(node) for node in nodes], dtype=np.int64)

    def around(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every edge out of some nodes: (e,) index into `places`, and (e,) place it leads to."""
        counts = self.degrees[places]
        source = np.repeat(np.arange(len(places)), counts)
        within = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
        return source, self.targets[self.offsets[places][source] + within]


def flatten(graph: HeteroGraph) -> FlatGraph:
    """The same graph, undirected, in one row."""
    types = graph.schema.types
    sizes = tuple(graph.size(kind) for kind in types)
    firsts = dict(zip(types, np.concatenate([[0], np.cumsum(sizes)]), strict=False))
    sources, targets = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for a in types:
        for b in graph.schema.neighbours(a):
            owner, partner = _best_first(graph, a, b)
            sources.append(owner + firsts[a])
            targets.append(partner + firsts[b])
    source = np.concatenate(sources)
    order = np.argsort(source, kind="stable")
    flat = np.concatenate(targets)[order].astype(np.int32)
    levels = [
        np.asarray(graph.attributes.get(kind, {}).get("level", np.full(size, -1)))
        for kind, size in zip(types, sizes, strict=True)
    ]
    return FlatGraph(
        graph.schema,
        sizes,
        np.concatenate(levels).astype(np.int16),
        offsets_of(source, sum(sizes)),
        flat,
    )


def _best_first(graph: HeteroGraph, a: str, b: str) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of nodes of two types, each once, by the first and then the best of the second."""
    owners, partners = [], []
    for edge, own_way, relation in graph.joining(a, b):
        owner, partner = relation.sources.astype(np.int64), relation.targets.astype(np.int64)
        if edge.timed:
            owner, partner = owner[::-1], partner[::-1]
        elif relation.weights is not None:
            heavy = np.argsort(-relation.weights, kind="stable")
            owner, partner = owner[heavy], partner[heavy]
        elif not own_way:
            busy = np.lexsort((partner, -_timed_edges(graph, b)[partner]))
            owner, partner = owner[busy], partner[busy]
        owners.append(owner)
        partners.append(partner)
    owner, partner = np.concatenate(owners), np.concatenate(partners)
    _, first = np.unique(owner * graph.size(b) + partner, return_index=True)
    kept = np.sort(first)
    order = np.argsort(owner[kept], kind="stable")
    return owner[kept][order], partner[kept][order]


def _timed_edges(graph: HeteroGraph, kind: str) -> np.ndarray:
    """(size,) int64 edges with times of every node of a type."""
    count = np.zeros(graph.size(kind), dtype=np.int64)
    for edge in graph.schema.edges:
        if edge.timed:
            for key in (edge.key, edge.reverse_key):
                if key[0] == kind:
                    count += graph.relation(key).degrees
    return count
