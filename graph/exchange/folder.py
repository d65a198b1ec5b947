"""Graphs as a folder of Parquet tables that any other tool reads, and from one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from data import atomic
from data.errors import DataError
from graph.exchange.tables import Table
from graph.hetero import HeteroGraph
from graph.schema import Key, Schema
from graph.values import Values

_SCHEMA, _CURE = "schema.json", "Write the folder again with to_folder."


def to_folder(graph: HeteroGraph, directory: Path) -> Path:
    """`directory`, with nodes/TYPE.parquet, edges/SOURCE-RELATION-TARGET.parquet and schema.json.

    Edges name nodes by their ids, in the columns source and target.

    Raises:
        DataError: an attribute of edges is called as one of these columns.
    """
    ids = {}
    for kind in graph.schema.types:
        about = dict(graph.attributes.get(kind, {}))
        ids[kind] = _series("id", about.pop("id", np.arange(graph.size(kind))))
        rest = [_series(name, column) for name, column in about.items()]
        atomic.write_parquet(
            directory / "nodes" / f"{kind}.parquet", pl.DataFrame([ids[kind], *rest])
        )
    for key in (edge.key for edge in graph.schema.edges):
        relation, columns = graph.relation(key), []
        columns.append(ids[key[0]].gather(relation.sources).alias("source"))
        columns.append(ids[key[2]].gather(relation.targets).alias("target"))
        for name, part in (("time", relation.times), ("weight", relation.weights)):
            if part is not None:
                columns.append(pl.Series(name, part))
        for name in graph.edge_attributes.get(key, {}):
            if name in [column.name for column in columns]:
                raise DataError(
                    "The edges {} -{}-> {} have an attribute {!r}, which is the name of a column "
                    "of its own in the file; call it something else.".format(*key, name)
                )
            columns.append(_series(name, graph.edge_values(key, name)))
        atomic.write_parquet(_of_edges(directory, key), pl.DataFrame(columns))
    numbered = [kind for kind in ids if "id" not in graph.attributes.get(kind, {})]
    atomic.write_json(directory / _SCHEMA, {**graph.schema.as_json(), "numbered": numbered})
    return directory


def from_folder(directory: Path) -> HeteroGraph:
    """The graph that `to_folder` wrote, or of a folder that looks the same.

    Raises:
        ArtifactError: the schema is missing or damaged.
        DataError: a table is missing, or a value cannot be used.
    """
    about = atomic.read_json(directory / _SCHEMA, _CURE)
    schema, numbered = Schema.read(about), about.get("numbered", ())
    nodes, edges = {}, {}
    for kind in schema.types:
        path = directory / "nodes" / f"{kind}.parquet"
        nodes[kind] = _table(path, id="id", weight=None)
    for key in (edge.key for edge in schema.edges):
        edges[key] = _table(_of_edges(directory, key), source="source", target="target")
    graph = HeteroGraph.of(nodes, edges, schema)
    attributes = {
        kind: {name: column for name, column in columns.items() if name != "id"}
        if kind in numbered
        else columns
        for kind, columns in graph.attributes.items()
    }
    return replace(graph, attributes=attributes)


def _table(path: Path, **columns: str | None) -> Table:
    table = atomic.read_parquet(path, _CURE)
    for name in ("time", "weight"):
        columns.setdefault(name, name if name in table.columns else None)
    return Table(table, **columns)  # type: ignore[arg-type]


def _of_edges(directory: Path, key: Key) -> Path:
    return directory / "edges" / f"{'-'.join(key)}.parquet"


def _series(name: str, column: Values) -> pl.Series:
    if isinstance(column, np.ndarray):
        return pl.Series(name, column)
    if isinstance(column, tuple):
        return pl.Series(name, column, dtype=pl.String)
    flat = _series("", column.values)
    return pl.Series(
        name, [flat[a:b] for a, b in pairwise(column.offsets.tolist())], pl.List(flat.dtype)
    )
