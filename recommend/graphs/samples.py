"""A sample as tensors: the tree of its hops, or its nodes and edges by type, as messages go.

Hops are walked from seeds to neighbours, messages go from neighbours to seeds: a hop along
user -buys-> item brings messages along item -rev_buys-> user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from graph.sample.draws import Draws
from graph.sample.ego import EgoGraph, EgoHop
from graph.sample.sample import Sample
from graph.schema import Key, Schema
from recommend.graphs.edges import EdgeList, Edges, Fanout
from recommend.graphs.network import Step

NODE = "node"
ONE = (NODE, "to", NODE)
"""All edges of a graph whose nodes are taken to be of one type."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes of some seeds and of the hops from them, each node as often as it was drawn.

    Attributes:
        types: Of the seeds and of every hop.
        numbers: (n,) int64 numbers of the nodes, of the seeds and of every hop.
        steps: The edges of every hop.
    """

    types: tuple[str, ...]
    numbers: tuple[Tensor, ...]
    steps: tuple[Step, ...]

    def as_one_type(self, keys: Sequence[Key]) -> Tree:
        """The same tree with one type of nodes, and the types of edges as kinds.

        Args:
            keys: Types of edges, in the order of the kinds' numbers.
        """
        steps = tuple(
            Step(step.origin, NODE, {ONE: _of_kinds(step.edges, keys)}) for step in self.steps
        )
        return Tree((NODE,) * len(self.types), self.numbers, steps)


def _of_kinds(edges: Mapping[Key, Edges], keys: Sequence[Key]) -> EdgeList:
    """Edges of several types between the same nodes, each with its kind."""
    lists = {keys.index(key): some.listed() for key, some in edges.items()}
    first = next(iter(lists.values()))
    return EdgeList(
        torch.cat([some.rows for some in lists.values()]),
        torch.cat([some.columns for some in lists.values()]),
        first.n_sources,
        first.n_targets,
        torch.cat([torch.full((len(some),), kind) for kind, some in lists.items()]),
    )


def in_one_row(
    sizes: Mapping[str, int], edges: Mapping[Key, EdgeList], keys: Sequence[Key]
) -> EdgeList:
    """Edges between nodes of all types in one row, type after type, each with its kind.

    Args:
        sizes: Nodes of each type, in the order of the row.
        edges: By type.
        keys: Types of edges, in the order of the kinds' numbers.
    """
    firsts = dict(zip(sizes, accumulate([0, *sizes.values()]), strict=False))
    n = sum(sizes.values())
    moved = {
        key: EdgeList(some.rows + firsts[key[0]], some.columns + firsts[key[2]], n, n)
        for key, some in edges.items()
    }
    return _of_kinds(moved, keys) if moved else EdgeList.none(torch.empty(n), torch.empty(n))


def tree_of(sample: Sample, schema: Schema, root: int = 0, dense: bool = False) -> Tree:
    """What hops drew around the seeds, or around the nodes that one of the hops led to.

    Negatives, nodes of random walks and ends of edges send no messages to what they were drawn for;
    with their hop as the root they have a tree of their own.

    Args:
        sample: Drawn by some query.
        schema: Of the graph.
        root: 0 for the seeds, n for the nodes of the n-th hop.
        dense: Whether every node of a hop has as many places (some of them empty, with the number
            -1); otherwise there are as many as were drawn.
    """
    ego = sample.ego() if dense else None
    places = {root: 0}
    drawn = [_drawn(sample, root, ego)]
    types, steps = [sample.query.types[root]], []
    for number, (hop, draws) in enumerate(zip(sample.query.hops, sample.draws, strict=True), 1):
        silent = hop.negative or hop.walk is not None or bool(hop.end)
        if hop.origin not in places or silent:
            continue
        origin = places[hop.origin]
        places[number] = len(drawn)
        drawn.append(_drawn(sample, number, ego))
        types.append(hop.type)
        keys = [_turned(schema, key) for key in hop.edges]
        if ego is None:
            edges = _listed(keys, draws, len(drawn[origin]))
        else:
            edges = _spread(keys, draws, ego.hops[number - 1])
        steps.append(Step(origin, hop.type, edges))
    return Tree(tuple(types), tuple(drawn), tuple(steps))


def _drawn(sample: Sample, number: int, ego: EgoGraph | None) -> Tensor:
    """(n,) numbers of the seeds, or of what a hop led to."""
    if number == 0:
        return torch.from_numpy(sample.starts)
    nodes = sample.draws[number - 1].nodes if ego is None else ego.hops[number - 1].nodes
    return torch.from_numpy(nodes.astype(np.int64).reshape(-1))


def _listed(keys: Sequence[Key], draws: Draws, n: int) -> dict[Key, Edges]:
    """The edges of one hop to its n origins, by type."""
    columns, kinds = torch.from_numpy(draws.origins), torch.from_numpy(draws.kinds)
    edges: dict[Key, Edges] = {}
    for kind, key in enumerate(keys):
        some = torch.nonzero(kinds == kind)[:, 0]
        edges[key] = EdgeList(some, columns[some], len(draws.nodes), n)
    return edges


def _spread(keys: Sequence[Key], draws: Draws, hop: EgoHop) -> dict[Key, Edges]:
    """The same, as many places a type for every origin."""
    kinds = np.append(draws.kinds, -1)[hop.slots]
    masks = [hop.mask & (kinds == kind) for kind in range(len(keys))]
    return {key: Fanout(torch.from_numpy(mask)) for key, mask in zip(keys, masks, strict=True)}


def numbers_of(sample: Sample) -> dict[str, Tensor]:
    """(n,) int64 numbers of the nodes of a sample, by type."""
    return {kind: torch.from_numpy(nodes.astype(np.int64)) for kind, nodes in sample.nodes.items()}


def edges_of(sample: Sample, schema: Schema, both: bool = True) -> dict[Key, EdgeList]:
    """Edges of a sample as messages go, by type.

    Args:
        sample: Drawn by some query.
        schema: Of the graph.
        both: Whether every edge carries messages both ways; otherwise only against the way in
            which some hop walked its type. What is near the seed then hears of it too.
    """
    walked = {_turned(schema, key) for hop in sample.query.hops for key in hop.edges}
    edges = {}
    for key, some in sample.edges.items():
        sizes = len(sample.nodes[key[0]]), len(sample.nodes[key[2]])
        one = EdgeList(torch.from_numpy(some.rows), torch.from_numpy(some.columns), *sizes)
        if both or key in walked:
            edges[key] = one
        turned = _turned(schema, key)
        if both or turned in walked:
            edges[turned] = one.reverse()
    return edges


def _turned(schema: Schema, key: Key) -> Key:
    """The same edges the other way round."""
    edge = schema.edge(key)
    return edge.reverse_key if key == edge.key else edge.key
