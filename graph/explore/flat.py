"""All nodes of all types numbered in one row, each with its neighbours, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.errors import ConfigError
from data.relation import offsets_of
from graph.explore.relations import interactions
from graph.latent import LatentGraph
from graph.metapath import NODE_TYPES

Node = tuple[str, int]
"""Type and number."""


@dataclass(frozen=True)
class FlatGraph:
    """One adjacency over users, items and factors; two interactions of a pair are one edge.

    A node's neighbours stand type by type, and within a type by relevance: a user's items and an
    item's users latest interaction first, factors by level, members of a factor by how many
    interactions they have.

    Attributes:
        sizes: Nodes of each of `NODE_TYPES`, in that order.
        k: Codes a level of "user" and "item".
        offsets: (n + 1,) int64; node v owns `targets[offsets[v]:offsets[v + 1]]`.
        targets: (m,) int32 numbers in the row.
    """

    sizes: tuple[int, ...]
    k: tuple[int, int]
    offsets: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def firsts(self) -> np.ndarray:
        """(5,) int64 place of the first node of each type, and the number of all nodes."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @cached_property
    def degrees(self) -> np.ndarray:
        """(n,) int64 distinct neighbours of every node."""
        return np.diff(self.offsets)

    @cached_property
    def types(self) -> np.ndarray:
        """(n,) int8 place of every node's type in `NODE_TYPES`."""
        return np.repeat(np.arange(len(NODE_TYPES), dtype=np.int8), self.sizes)

    @cached_property
    def levels(self) -> np.ndarray:
        """(n,) int16 level of every factor, -1 of users and items."""
        parts = [
            np.arange(size) // self.k[NODE_TYPES[place] == "item_factor"]
            if place > 1
            else np.full(size, -1)
            for place, size in enumerate(self.sizes)
        ]
        return np.concatenate(parts).astype(np.int16)

    def place(self, node: Node) -> int:
        """Where a node stands in the row.

        Raises:
            ConfigError: there is no such node.
        """
        kind, number = node
        if kind not in NODE_TYPES or not 0 <= number < self.sizes[NODE_TYPES.index(kind)]:
            there = ", ".join(
                f"{n} of type {t}" for t, n in zip(NODE_TYPES, self.sizes, strict=True)
            )
            raise ConfigError(f"There is no {kind} {number} in this graph; it has {there}.")
        return int(self.firsts[NODE_TYPES.index(kind)]) + number

    def node(self, place: int) -> Node:
        """Type and number of the node that stands at a place."""
        kind = int(self.types[place])
        return NODE_TYPES[kind], int(place - self.firsts[kind])

    def places(self, nodes: Sequence[Node]) -> np.ndarray:
        """(len(nodes),) int64 places."""
        return np.array([self.place(node) for node in nodes], dtype=np.int64)

    def around(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every edge out of some nodes: (e,) index into `places`, and (e,) place it leads to."""
        counts = self.degrees[places]
        source = np.repeat(np.arange(len(places)), counts)
        within = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
        return source, self.targets[self.offsets[places][source] + within]


def flatten(graph: LatentGraph) -> FlatGraph:
    """The same graph, undirected, in one row."""
    sizes = tuple(graph.size(kind) for kind in NODE_TYPES)
    firsts = dict(zip(NODE_TYPES, np.concatenate([[0], np.cumsum(sizes)]), strict=False))
    sources, targets = [], []
    for side, other in (("user", "item"), ("item", "user")):
        owner, partner = _latest_first(graph, side)
        sources.append(owner + firsts[side])
        targets.append(partner + firsts[other])
    for side in ("user", "item"):
        owner, factor = _by_level(graph, side)
        sources.append(owner + firsts[side])
        targets.append(factor + firsts[f"{side}_factor"])
    for side in ("user", "item"):
        factor, member = _most_active_first(graph, side)
        sources.append(factor + firsts[f"{side}_factor"])
        targets.append(member + firsts[side])
    source = np.concatenate(sources)
    order = np.argsort(source, kind="stable")
    flat = np.concatenate(targets)[order].astype(np.int32)
    return FlatGraph(sizes, (graph.user_k, graph.item_k), offsets_of(source, sum(sizes)), flat)


def _latest_first(graph: LatentGraph, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a user and an item, each once, by `side` and the latest interaction."""
    edges = interactions(graph, side)
    owner, partner = (ends[::-1].astype(np.int64) for ends in (edges.sources, edges.targets))
    width = int(partner.max(initial=0)) + 1
    _, first = np.unique(owner * width + partner, return_index=True)
    kept = np.sort(first)
    order = np.argsort(owner[kept], kind="stable")
    return owner[kept][order], partner[kept][order]


def _by_level(graph: LatentGraph, side: str) -> tuple[np.ndarray, np.ndarray]:
    factors = graph.factors(side).astype(np.int64)
    return np.repeat(np.arange(len(factors)), factors.shape[1]), factors.ravel()


def _most_active_first(graph: LatentGraph, side: str) -> tuple[np.ndarray, np.ndarray]:
    member, factor = _by_level(graph, side)
    order = np.lexsort((member, -interactions(graph, side).degrees[member], factor))
    return factor[order], member[order]
