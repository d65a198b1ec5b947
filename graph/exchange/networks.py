"""Graphs from NetworkX's networks, and to them: for what a person looks at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import DataError
from graph.exchange.tables import Table
from graph.hetero import HeteroGraph
from graph.schema import Key, Schema
from graph.values import Lists, Values

if TYPE_CHECKING:
    import networkx as nx

_ID, _SOURCE, _TARGET = "node of the network", "source of the edge", "target of the edge"
"""Columns, by names that no attribute has."""


def to_networkx(graph: HeteroGraph) -> nx.MultiDiGraph:
    """The graph as a network.

    Nodes are pairs of type and id, with their attributes and "type"; edges have theirs, "relation",
    and "time" and "weight" if they have any. The network's own attribute "hetero" is a text of
    JSON: the schema, and of what type the numbers of attributes are; by these `from_networkx` finds
    types without nodes or edges again.

    Lost are attributes of what there is none of, "type" of nodes and "relation" of edges if these
    are attributes, and the order of edges of one source and time.
    """
    import networkx as nx

    network = nx.MultiDiGraph(hetero=json.dumps(_about(graph)))
    names = {}
    for kind in graph.schema.types:
        about = graph.attributes.get(kind, {})
        ids = _plain(about["id"]) if "id" in about else range(graph.size(kind))
        names[kind] = [(kind, one) for one in ids]
        rest = {name: _plain(column) for name, column in about.items() if name != "id"}
        for row, node in enumerate(names[kind]):
            network.add_node(node, type=kind, **{name: rest[name][row] for name in rest})
    for key, relation in ((edge.key, graph.relation(edge.key)) for edge in graph.schema.edges):
        rest = {
            name: _plain(graph.edge_values(key, name))
            for name in graph.edge_attributes.get(key, {})
        }
        for name, column in (("time", relation.times), ("weight", relation.weights)):
            if column is not None:
                rest[name] = column.tolist()
        ends = relation.sources.tolist(), relation.targets.tolist()
        for row, (source, target) in enumerate(zip(*ends, strict=True)):
            network.add_edge(
                names[key[0]][source],
                names[key[2]][target],
                relation=key[1],
                **{name: rest[name][row] for name in rest},
            )
    return network


def from_networkx(
    network: nx.Graph, schema: Schema | None = None, type: str = "type", relation: str = "relation"
) -> HeteroGraph:
    """The graph of a network; edges of one that is not directed lead both ways.

    Args:
        network: Its nodes are ids, or pairs of type and id as `to_networkx` makes them. "time" and
            "weight" of edges are their times and weights, whatever else is said are attributes.
        schema: The types; where it is not given those that `to_networkx` wrote, unless there are
            others by now, or else those of the network.
        type: Attribute of nodes that says their type; "node" where it is missing.
        relation: Attribute of edges that says what they are; "to" where it is missing.

    Raises:
        DataError: a value cannot be used.
    """
    kinds: dict[Any, str] = {}
    ids: dict[Any, Any] = {}
    nodes: dict[str, list[tuple[Any, Mapping[str, Any]]]] = {}
    for node, about in network.nodes(data=True):
        kinds[node] = kind = str(about.get(type, "node"))
        pair = isinstance(node, tuple) and len(node) == 2 and node[0] == kind
        ids[node] = node[1] if pair else node
        nodes.setdefault(kind, []).append((node, about))
    rows: dict[Key, list[tuple[Any, Any, Mapping[str, Any]]]] = {}
    for source, target, about in network.edges(data=True):
        key = kinds[source], str(about.get(relation, "to")), kinds[target]
        rows.setdefault(key, []).append((ids[source], ids[target], about))
    said = _said(network)
    if schema is None and said is not None:
        stored = Schema.read(said["schema"])
        fits = set(nodes) <= set(stored.types) and set(rows) <= {edge.key for edge in stored.edges}
        schema = stored if fits else None
    for kind in schema.types if schema else ():
        nodes.setdefault(kind, [])
    for edge in schema.edges if schema else ():
        rows.setdefault(edge.key, [])
    tables = {}
    for kind, some in nodes.items():
        columns = _columns((about for _, about in some), (type,), f"nodes of type {kind}")
        columns[_ID] = _one_type(ids[node] for node, _ in some)
        tables[kind] = Table(columns, id=_ID, time=_named("time", columns), weight=None)
    edges = {}
    for key, edge_rows in rows.items():
        what = "edges {} -{}-> {}".format(*key)
        columns = _columns((about for *_, about in edge_rows), (relation,), what)
        columns[_SOURCE] = _one_type(row[0] for row in edge_rows)
        columns[_TARGET] = _one_type(row[1] for row in edge_rows)
        if not edge_rows and schema is not None and schema.edge(key).timed:
            columns["time"] = []
        about = _named("time", columns), _named("weight", columns)
        edges[key] = Table(
            columns, source=_SOURCE, target=_TARGET, time=about[0], weight=about[1],
            directed=network.is_directed(),
        )  # fmt: skip
    graph = HeteroGraph.of(tables, edges, schema)
    return graph if said is None else _with_types(graph, said["dtypes"])


def _about(graph: HeteroGraph) -> dict[str, Any]:
    """What a network does not hold of a graph, as plain values."""
    dtypes = {}
    for owner, about in _owners(graph):
        for name, column in about.items():
            flat = column.values if isinstance(column, Lists) else column
            if isinstance(flat, np.ndarray):
                dtypes[f"{owner}/{name}"] = str(flat.dtype)
    return {"schema": graph.schema.as_json(), "dtypes": dtypes}


def _owners(graph: HeteroGraph) -> list[tuple[str, Mapping[str, Values]]]:
    edges = [("/".join(key), about) for key, about in graph.edge_attributes.items()]
    return [*graph.attributes.items(), *edges]


def _said(network: nx.Graph) -> dict[str, Any] | None:
    """What `to_networkx` wrote of the network, if it made it.

    Raises:
        DataError: it is something else.
    """
    text = network.graph.get("hetero")
    if text is None:
        return None
    try:
        said = json.loads(text)
        return {part: dict(said[part]) for part in ("schema", "dtypes")}
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(
            "The network's attribute 'hetero' is not what to_networkx writes; take it out: "
            "del network.graph['hetero']."
        ) from error


def _with_types(graph: HeteroGraph, dtypes: Mapping[str, str]) -> HeteroGraph:
    """With numbers of the types that are said, where these hold them exactly."""

    def typed(path: str, column: Values) -> Values:
        flat = column.values if isinstance(column, Lists) else column
        if path not in dtypes or not isinstance(flat, np.ndarray):
            return column
        with np.errstate(all="ignore"):
            other = flat.astype(dtypes[path])
        if not np.array_equal(other.astype(flat.dtype), flat, equal_nan=flat.dtype.kind == "f"):
            return column
        return Lists(column.offsets, other) if isinstance(column, Lists) else other

    made = {
        owner: {name: typed(f"{owner}/{name}", column) for name, column in about.items()}
        for owner, about in _owners(graph)
    }
    return replace(
        graph,
        attributes={kind: made[kind] for kind in graph.attributes},
        edge_attributes={key: made["/".join(key)] for key in graph.edge_attributes},
    )


def _named(name: str, columns: Mapping[str, Any]) -> str | None:
    return name if name in columns else None


def _columns(
    about: Iterable[Mapping[str, Any]], without: tuple[str, ...], what: str
) -> dict[str, Any]:
    """What nodes or edges say of themselves, by name; where one says nothing, nothing."""
    rows = list(about)
    names = dict.fromkeys(chain.from_iterable(rows))
    columns: dict[str, Any] = {}
    for name in (name for name in names if name not in without):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, Mapping) for value in values):
            raise DataError(f"The {what} have {name!r} that is a mapping; give numbers or texts.")
        columns[str(name)] = _column(values)
    return columns


def _column(values: list[Any]) -> Any:
    """Arrays of one length are an array, other values a list."""
    if values and all(isinstance(value, np.ndarray) for value in values):
        return np.stack(values)
    several = any(isinstance(value, (list, tuple)) for value in values)
    return [() if value is None else value for value in values] if several else values


def _one_type(ids: Iterable[Any]) -> list[Any]:
    """Ids as numbers if all of them are, and as texts otherwise."""
    listed = list(ids)
    numbers = all(isinstance(one, int | np.integer) and one is not True for one in listed)
    return [int(one) for one in listed] if numbers else [str(one) for one in listed]


def _plain(column: Values) -> list[Any]:
    """Values of an attribute as Python holds them; rows of numbers stay arrays."""
    if isinstance(column, np.ndarray):
        return column.tolist() if column.ndim == 1 else list(column)
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in column]
