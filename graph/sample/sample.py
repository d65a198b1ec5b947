"""What a sampler answers: nodes by type, whose they are and how old, and edges by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.sample.draws import Draws
from graph.sample.ego import EgoGraph, Padding, dense
from graph.schema import Key, Schema
from graph.values import Values, own_name

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

_OF_NODES = ("n_id", "num_nodes", "batch", "ptr", "age", "batch_size", "seed_time")
_OF_EDGES = ("edge_index", "e_id", "time", "weight")
"""What stores of PyG hold that is no attribute of the graph."""
_NO_FEATURES = ("id", "label", "time")


@dataclass(frozen=True, slots=True)
class SampledEdges:
    """Edges of one type between nodes of a sample.

    Attributes:
        rows: (e,) int64 places of their sources among the sample's nodes of that type.
        columns: (e,) int64 the same of their targets.
        numbers: (e,) int64 which edge of the graph each is.
        times: (e,) int64 seconds, where they have times.
    """

    rows: np.ndarray
    columns: np.ndarray
    numbers: np.ndarray
    times: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class SubGraph:
    """The sparse view of a sample.

    Attributes:
        nodes: (n,) int64 numbers of the nodes, by type.
        owners: (n,) int32 place of the seed that each belongs to, by type.
        edge_index: (2, e) int64 places of sources and targets among the nodes of their type.
        numbers: (e,) int64 which edge of the graph each is.
    """

    nodes: Mapping[str, np.ndarray]
    owners: Mapping[str, np.ndarray]
    edge_index: Mapping[Key, np.ndarray]
    numbers: Mapping[Key, np.ndarray]

    def of(self, seed: int) -> SubGraph:
        """The part that belongs to one seed, by its place in the batch."""
        kept = {kind: owners == seed for kind, owners in self.owners.items()}
        moved = {kind: np.cumsum(one) - 1 for kind, one in kept.items()}
        index, numbers = {}, {}
        for key, ends in self.edge_index.items():
            own = kept[key[0]][ends[0]] & kept[key[2]][ends[1]]
            index[key] = np.stack([moved[key[0]][ends[0, own]], moved[key[2]][ends[1, own]]])
            numbers[key] = self.numbers[key][own]
        return SubGraph(
            {kind: nodes[kept[kind]] for kind, nodes in self.nodes.items()},
            {kind: owners[kept[kind]] for kind, owners in self.owners.items()},
            index,
            numbers,
        )


@dataclass(frozen=True)
class Sample:
    """A typed, timed subgraph around seeds.

    Attributes:
        query: What was walked.
        seeds: (b,) int64 numbers of the seeds.
        times: (b,) int64 seconds at which each seed stands, where it stands at one.
        nodes: (n,) int64 numbers of the nodes, by type; the seeds come first within theirs.
        owners: (n,) int32 place of the seed that each node belongs to, by type; nodes of several
            seeds stand once a seed (disjoint) or once at all (merged; -1 where there are several).
        ages: (n,) float32 seconds from the youngest edge that led to a node to its seed's time, by
            type; NaN where there is no such time.
        edges: By type as the schema declares it, whichever way they were walked.
        draws: What every hop drew.
        places: (e,) int64 place of every draw among the sample's nodes of its type, by hop; that
            of the seeds comes first.
    """

    query: Query
    seeds: np.ndarray
    times: np.ndarray | None
    nodes: Mapping[str, np.ndarray]
    owners: Mapping[str, np.ndarray]
    ages: Mapping[str, np.ndarray]
    edges: Mapping[Key, SampledEdges]
    draws: tuple[Draws, ...]
    places: tuple[np.ndarray, ...]

    def __repr__(self) -> str:
        many = ", ".join(f"{kind} {len(nodes):,}" for kind, nodes in self.nodes.items())
        edges = [
            "{} -{}-> {} {:,}".format(*key, len(some.numbers)) for key, some in self.edges.items()
        ]
        said = "; ".join(
            ["1 seed" if len(self.seeds) == 1 else f"{len(self.seeds):,} seeds", many, *edges]
        )
        return f"Sample({str(self.query)!r}: {said})"

    @property
    def starts(self) -> np.ndarray:
        """(b,) int64 numbers of the nodes that the walk started from."""
        starts: np.ndarray = self.nodes[self.query.start.type][self.places[0]]
        return starts

    def ego(self, padding: Padding = "default", default: int = -1) -> EgoGraph:
        """The dense view: a tree with as many places for every node of a hop.

        Args:
            padding: What stands in empty places: the default, or "circular" what was drawn over
                again.
            default: The number that means no node.
        """
        return dense(self.query, self.starts, self.draws, padding, default)

    def subgraph(self) -> SubGraph:
        """The sparse view."""
        index = {key: np.stack([one.rows, one.columns]) for key, one in self.edges.items()}
        numbers = {key: one.numbers for key, one in self.edges.items()}
        return SubGraph(self.nodes, self.owners, index, numbers)

    def bidirectional(self, schema: Schema) -> Sample:
        """The sample with every edge also the other way round, by the same number.

        Args:
            schema: Says what edges are called the other way round.
        """
        edges = dict(self.edges)
        for key, one in self.edges.items():
            edge = schema.edge(key)
            if key == edge.key:
                turned = replace(one, rows=one.columns, columns=one.rows)
                edges[edge.reverse_key] = turned
        return replace(self, edges=edges)

    def to_pyg(self, graph: HeteroGraph | None = None) -> HeteroData:
        """The sample for PyTorch Geometric.

        Nodes have `n_id`, `batch` (the place of their seed; -1 for several) and `age`; edges have
        `edge_index`, `e_id` and, where they have some, `time` and `weight`. The nodes that the walk
        started from come first in their type, `batch_size` of them, and have `seed_time` where they
        stand at one.

        Args:
            graph: Whose numbers about nodes and edges come along: each attribute under its name,
                and those of nodes, but ids, labels and times, side by side as `x`, unless one is
                called so. An attribute that is called as what is named above comes with the prefix
                `attr_`, such as `attr_age`.
        """
        import torch
        from torch_geometric.data import HeteroData

        data = HeteroData()
        for kind, nodes in self.nodes.items():
            data[kind].n_id = torch.from_numpy(nodes)
            data[kind].num_nodes = len(nodes)
            data[kind].batch = torch.from_numpy(self.owners[kind].astype(np.int64))
            data[kind].age = torch.from_numpy(self.ages[kind])
            about = {} if graph is None else _numbers_of(graph.attributes.get(kind, {}), nodes)
            for name, column in about.items():
                data[kind][own_name(name, _OF_NODES)] = torch.from_numpy(column)
            wide = [column for name, column in about.items() if name not in _NO_FEATURES]
            if wide and "x" not in about:
                data[kind].x = torch.from_numpy(_side_by_side(wide))
        data[self.query.start.type].batch_size = len(np.unique(self.places[0]))
        if self.times is not None:
            data[self.query.start.type].seed_time = torch.from_numpy(self.times)
        for key, edges in self.edges.items():
            data[key].edge_index = torch.from_numpy(np.stack([edges.rows, edges.columns]))
            data[key].e_id = torch.from_numpy(edges.numbers)
            if edges.times is not None:
                data[key].time = torch.from_numpy(edges.times)
            if graph is not None:
                declared = graph.schema.edge(key).key
                columns = _numbers_of(graph.edge_attributes.get(declared, {}), edges.numbers)
                for name, column in columns.items():
                    data[key][own_name(name, _OF_EDGES)] = torch.from_numpy(column)
                weights = _weights_of(graph.relation(declared), edges.numbers)
                if weights is not None:
                    data[key].weight = torch.from_numpy(weights)
        return data


def _numbers_of(columns: Mapping[str, Values], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of the attributes that are numbers."""
    arrays = {name: column for name, column in columns.items() if isinstance(column, np.ndarray)}
    return {name: np.array(column[rows]) for name, column in arrays.items()}


def _weights_of(relation: Relation, numbers: np.ndarray) -> np.ndarray | None:
    """(e,) float32 weights of edges of a number, where they have some."""
    if relation.weights is None or relation.numbers is None:
        return None if relation.weights is None else relation.weights[numbers]
    order = np.argsort(relation.numbers)
    return relation.weights[order[np.searchsorted(relation.numbers[order], numbers)]]


def _side_by_side(columns: Sequence[np.ndarray]) -> np.ndarray:
    """(n, d) float32 of all columns."""
    wide = [
        column.astype(np.float32).reshape(len(column), int(np.prod(column.shape[1:])))
        for column in columns
    ]
    return np.concatenate(wide, axis=1)
