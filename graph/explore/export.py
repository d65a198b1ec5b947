"""What is visible, as tables and as files that Gephi, yEd, NetworkX and others read."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from graph.explore.flat import Node
from graph.explore.layout import Places
from graph.explore.names import Names
from graph.explore.subgraph import Subgraph

if TYPE_CHECKING:
    import networkx as nx

_CONTROL = re.compile(r"[\x00-\x1F\x7F-\x9F\uD800-\uDFFF\uFFFE\uFFFF]|\\(?=u[0-9A-F]{4})")
"""Letters that XML cannot hold or that nobody sees, and the backslash of what looks like their
escape: so that two texts that differ still do once they are escaped."""
_SCALE = 40.0
"""Units of a drawing program for one of a layout."""


def node_table(subgraph: Subgraph, names: Names, places: Places) -> pl.DataFrame:
    """A row a node: node ("type:id"), type, id, name, level, degree (in the whole graph), x, y.

    Control characters are escaped in `node`, by which edges name their ends, and as they are in
    `id` and `name`.
    """
    at = [places[node] for node in subgraph.nodes]
    return pl.DataFrame(
        {
            "node": [_key(node, names) for node in subgraph.nodes],
            "type": [kind for kind, _ in subgraph.nodes],
            "id": [names.id(node) for node in subgraph.nodes],
            "name": [names.title(node) for node in subgraph.nodes],
            "level": [None if level < 0 else level for level in subgraph.levels.tolist()],
            "degree": subgraph.degrees,
            "x": [x for x, _ in at],
            "y": [y for _, y in at],
        },
        schema_overrides={
            "node": pl.String,
            "type": pl.String,
            "id": pl.String,
            "name": pl.String,
            "level": pl.Int16,
            "x": pl.Float64,
            "y": pl.Float64,
        },
    )


def edge_table(subgraph: Subgraph, names: Names) -> pl.DataFrame:
    """A row an edge that is drawn: source, target ("type:id"), relation, level of its factor."""
    keys = [_key(node, names) for node in subgraph.nodes]
    levels = subgraph.levels[subgraph.edges].max(1, initial=-1).tolist()
    return pl.DataFrame(
        {
            "source": [keys[a] for a in subgraph.edges[:, 0].tolist()],
            "target": [keys[b] for b in subgraph.edges[:, 1].tolist()],
            "relation": [subgraph.schema.links[number] for number in subgraph.relations.tolist()],
            "level": [None if level < 0 else level for level in levels],
        },
        schema={
            "source": pl.String,
            "target": pl.String,
            "relation": pl.String,
            "level": pl.Int16,
        },
    )


def as_network(
    nodes: pl.DataFrame, edges: pl.DataFrame, colours: Mapping[str, str] | None = None
) -> nx.Graph:
    """The tables as a NetworkX graph, for a drawing program to show as the page does.

    Control characters are escaped in texts: XML cannot hold most of them, and nobody sees them.

    Args:
        nodes: From `node_table`.
        edges: From `edge_table`.
        colours: "#rrggbb" of each type of node.
    """
    import networkx as nx

    network = nx.Graph()
    for row in nodes.iter_rows(named=True):
        about = {name: row[name] for name in ("type", "degree", "x", "y")}
        about["external_id"] = row["id"]
        if row["level"] is not None:
            about["level"] = row["level"]
        network.add_node(
            row["node"],
            label=_legal(row["name"]),
            **{name: _legal(value) for name, value in about.items()},
            viz=_looks(row, (colours or {}).get(row["type"])),
        )
    for row in edges.iter_rows(named=True):
        level = {} if row["level"] is None else {"level": row["level"]}
        network.add_edge(row["source"], row["target"], relation=row["relation"], **level)
    return network


def graphml(network: nx.Graph) -> bytes:
    """GraphML of a network from `as_network`; places and names are attributes."""
    import networkx as nx

    plain = network.copy()
    for _, about in plain.nodes(data=True):
        about.pop("viz", None)
    written = io.BytesIO()
    nx.write_graphml(plain, written)
    return written.getvalue()


def gexf(network: nx.Graph) -> bytes:
    """GEXF of a network from `as_network`; Gephi shows its places, sizes and colours."""
    import networkx as nx

    written = io.BytesIO()
    nx.write_gexf(network, written)
    return written.getvalue()


def _looks(row: Mapping[str, Any], colour: str | None) -> dict[str, Any]:
    position = {"x": row["x"] * _SCALE, "y": -row["y"] * _SCALE, "z": 0.0}
    looks: dict[str, Any] = {"position": position, "size": 4.0 + float(row["degree"]) ** 0.4}
    if colour:
        r, g, b = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        looks["color"] = {"r": r, "g": g, "b": b, "a": 1.0}
    return looks


def _key(node: Node, names: Names) -> str:
    return f"{node[0]}:{escape(names.id(node))}"


def escape(text: str) -> str:
    r"""A text whose control characters can be seen; different texts stay different.

    >>> escape("a\x01b"), escape(r"a\u0001b"), escape(r"C:\users")
    ('a\\u0001b', 'a\\u005Cu0001b', 'C:\\users')
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04X}", text)


def _legal(value: Any) -> Any:
    return escape(value) if isinstance(value, str) else value
