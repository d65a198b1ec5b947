"""What there is to say about one node."""

from __future__ import annotations

import polars as pl

from graph.explore.flat import FlatGraph, Node
from graph.explore.names import Names
from graph.metapath import NEIGHBOURS, NODE_TYPES


def degree_by_type(flat: FlatGraph, node: Node) -> dict[str, int]:
    """Neighbours of a node in the whole graph, by their type.

    Raises:
        ConfigError: there is no such node.
    """
    place = flat.place(node)
    kinds = flat.types[flat.targets[flat.offsets[place] : flat.offsets[place + 1]]]
    return {kind: int((kinds == NODE_TYPES.index(kind)).sum()) for kind in NEIGHBOURS[node[0]]}


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
    for kind in NEIGHBOURS[node[0]]:
        of_kind = targets[flat.types[targets] == NODE_TYPES.index(kind)][:each]
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
