"""What a graph holds, seen from far away: its types, figures about them, and any one node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from graph.explore.flat import FlatGraph, Node
from graph.explore.names import Names
from graph.explore.paths import coverage
from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.schema import EdgeType, Schema


@dataclass(frozen=True, slots=True)
class EdgeCount:
    """All edges between two types, or those to the factors of one level.

    Attributes:
        source: Type of one end.
        target: Type of the other.
        level: Of the factors; None where neither end has levels.
        edges: How many; two interactions of one user with one item are one edge.
    """

    source: str
    target: str
    level: int | None
    edges: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A graph seen from far away.

    Attributes:
        schema: Its types.
        nodes: Number of nodes, by type.
        edges: How many join which types, those to factors level by level.
    """

    schema: Schema
    nodes: dict[str, int]
    edges: tuple[EdgeCount, ...]


def overview_of(flat: FlatGraph) -> Overview:
    """Types of nodes and edges with their counts."""
    counted = []
    for a, b in flat.schema.pairs:
        places = np.arange(len(flat))[flat.of_type(a)]
        source, target = flat.around(places)
        met = flat.types[target] == flat.schema.index(b)
        if a == b:
            met &= places[source] <= target
        levels = np.maximum(flat.levels[places][source], flat.levels[target])[met]
        if len(levels) and levels.min() >= 0:
            counts = np.bincount(levels).tolist()
            counted += [EdgeCount(a, b, level, n) for level, n in enumerate(counts)]
        else:
            counted.append(EdgeCount(a, b, None, len(levels)))
    sizes = dict(zip(flat.schema.types, flat.sizes, strict=True))
    return Overview(flat.schema, sizes, tuple(counted))


def tabulate_metapaths(graph: HeteroGraph, paths: Sequence[Query]) -> pl.DataFrame:
    """A row a metapath: metapath, steps, instances, starts, ends (shares), median_per_end."""
    rows = []
    for path in paths:
        reach = coverage(graph, path)
        rows.append(
            {
                "metapath": reach.metapath,
                "steps": len(path.hops),
                "instances": reach.instances,
                "starts": reach.starts,
                "ends": reach.ends,
                "median_per_end": reach.median_per_end,
            }
        )
    return pl.DataFrame(
        rows,
        schema={
            "metapath": pl.String,
            "steps": pl.Int64,
            "instances": pl.Int64,
            "starts": pl.Float64,
            "ends": pl.Float64,
            "median_per_end": pl.Float64,
        },
    )


def statistics(graph: HeteroGraph) -> dict[str, Any]:
    """JSON-able figures.

    Keys: `nodes` a type; `edges` a relation (one a level of codes); `degrees`, of each type along
    each relation, as minimum, median, mean, 99th percentile and maximum; `isolated`, nodes of a
    type without an edge of the first kind that the schema has for it: users and items without a
    training interaction, factors without a member.
    """
    schema = graph.schema
    along = {
        (x, y): _degrees(graph, x, y)
        for a, b in schema.pairs
        for x, y in dict.fromkeys(((a, b), (b, a)))
    }
    return {
        "nodes": {name: graph.size(name) for name in schema.types},
        "edges": {
            _edge_name(schema, edge): len(graph.relation(edge.key).targets) for edge in schema.edges
        },
        "degrees": {f"{a} - {b}": _summary(degrees) for (a, b), degrees in along.items()},
        "isolated": {
            kind: int((along[kind, near[0]] == 0).sum())
            for kind in schema.types
            if (near := schema.neighbours(kind))
        },
    }


def _edge_name(schema: Schema, edge: EdgeType) -> str:
    name = f"{edge.source} - {edge.target}"
    if edge.level is not None:
        return f"{name}, level {edge.level}"
    alone = len(schema.between(edge.source, edge.target)) == 1
    return name if alone else f"{name}, {edge.relation}"


def _degrees(graph: HeteroGraph, a: str, b: str) -> np.ndarray:
    """(size of `a`,) edges to nodes of type `b`."""
    count = np.zeros(graph.size(a), dtype=np.int64)
    for edge in graph.schema.between(a, b):
        relation = graph.edges[edge.key]
        if edge.source == a:
            count += relation.degrees
        if edge.target == a:
            count += np.bincount(relation.targets, minlength=len(count))
    return count


def _summary(degrees: np.ndarray) -> dict[str, float]:
    low, median, high, top = np.quantile(degrees, [0, 0.5, 0.99, 1]) if len(degrees) else [0] * 4
    mean = float(degrees.mean()) if len(degrees) else 0.0
    return {
        "min": float(low),
        "median": float(median),
        "mean": mean,
        "p99": float(high),
        "max": float(top),
    }


def count_neighbours(flat: FlatGraph, node: Node) -> dict[str, int]:
    """Neighbours of a node in the whole graph, by their type.

    Raises:
        ConfigError: there is no such node.
    """
    place = flat.place(node)
    kinds = flat.types[flat.targets[flat.offsets[place] : flat.offsets[place + 1]]]
    return {
        kind: int((kinds == flat.schema.index(kind)).sum())
        for kind in flat.schema.neighbours(node[0])
    }


def neighbour_table(flat: FlatGraph, names: Names, node: Node, each: int = 50) -> pl.DataFrame:
    """The most relevant neighbours of a node: type, number, id, name, neighbours of its own.

    Args:
        flat: The graph.
        names: What its nodes are called.
        node: Whose neighbours.
        each: Most neighbours of a type.

    Raises:
        ConfigError: there is no such node.
    """
    place = flat.place(node)
    targets = flat.targets[flat.offsets[place] : flat.offsets[place + 1]]
    rows = []
    for kind in flat.schema.neighbours(node[0]):
        of_kind = targets[flat.types[targets] == flat.schema.index(kind)][:each]
        for other, degree in zip(of_kind.tolist(), flat.degrees[of_kind].tolist(), strict=True):
            near = flat.node(other)
            rows.append((*near, names.id(near), names.title(near), degree))
    schema = {
        "type": pl.String,
        "number": pl.Int64,
        "id": pl.String,
        "name": pl.String,
        "neighbours": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
