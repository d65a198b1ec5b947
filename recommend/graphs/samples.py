"""A sample as tensors: the tree of its hops, or its nodes and edges by type, as messages go.

Hops are walked from seeds to neighbours, messages go from neighbours to seeds: a hop along
user -buys-> item brings messages along item -rev_buys-> user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graph.query.query import Hop
from graph.sample.sample import Draws, Sample
from graph.schema import Key, Schema
from recommend.graphs.edges import EdgeList
from recommend.graphs.network import Step


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


def tree_of(sample: Sample, schema: Schema, root: int = 0) -> Tree:
    """What hops drew around the seeds, or around the nodes that one of the hops led to.

    Negatives and nodes of random walks send no messages to the nodes that they were drawn for;
    with their hop as the root they have a tree of their own.

    Args:
        sample: Drawn by some query.
        schema: Of the graph.
        root: 0 for the seeds, n for the nodes of the n-th hop.
    """
    places = {root: 0}
    drawn = [_drawn(sample, root)]
    types, steps = [sample.query.types[root]], []
    for number, (hop, draws) in enumerate(zip(sample.query.hops, sample.draws, strict=True), 1):
        if hop.origin not in places or hop.negative or hop.walk is not None:
            continue
        origin = places[hop.origin]
        places[number] = len(drawn)
        drawn.append(_drawn(sample, number))
        types.append(hop.type)
        edges = _step_edges(hop, draws, schema, len(drawn[origin]))
        steps.append(Step(origin, hop.type, edges))
    return Tree(tuple(types), tuple(drawn), tuple(steps))


def _drawn(sample: Sample, number: int) -> Tensor:
    numbers = sample.nodes[sample.query.types[number]][sample.places[number]]
    return torch.from_numpy(numbers.astype(np.int64))


def _step_edges(hop: Hop, draws: Draws, schema: Schema, n: int) -> dict[Key, EdgeList]:
    """The edges of one hop to its n origins, by type."""
    columns, e = torch.from_numpy(draws.origins.astype(np.int64)), len(draws.nodes)
    kinds = torch.from_numpy(draws.kinds.astype(np.int64))
    edges = {}
    for kind, key in enumerate(hop.edges):
        some = torch.nonzero(kinds == kind)[:, 0]
        edges[_turned(schema, key)] = EdgeList(some, columns[some], e, n)
    return edges


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
