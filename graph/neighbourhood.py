"""What stands around a node, small enough to look at, as a NetworkX graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data import atomic
from data.errors import ConfigError
from graph.flat import Node
from graph.latent import LatentGraph
from graph.metapath import NEIGHBOURS, NODE_TYPES
from graph.relations import Levels, interactions, neighbours

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Look:
    """How much of a neighbourhood to show.

    Attributes:
        hops: Steps from the centre.
        cap: Most neighbours of each type that one node brings in.
        types: Types of nodes to show.
        levels: Levels of codes to show; all by default.
    """

    hops: int = 2
    cap: int = 8
    types: Sequence[str] = NODE_TYPES
    levels: Levels = None


def neighbourhood(
    graph: LatentGraph,
    node_type: str,
    node: int,
    look: Look | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> nx.Graph:
    """The nodes within some hops of one, with every edge among them.

    A node is named `type:number` and has the attributes type, number, label, hop, degree, and
    hidden, the number of its neighbours that are not shown, whatever the reason; a factor also
    has level and code. An edge has the attribute relation, and time (of the latest interaction)
    or level. The graph's attribute hidden counts, by type, the neighbours that the cap left out.
    Everything is a number or a string, as GraphML and GEXF demand.

    Users and items with most interactions stand for a factor's members; a user's latest items and
    an item's latest users stand for the rest.

    Args:
        graph: To look into.
        node_type: Of the centre.
        node: Number of the centre.
        look: How much to show.
        names: Readable names of "user" and "item" by number; numbers are shown without them.

    Raises:
        ConfigError: there is no such node.
    """
    import networkx as nx

    if node_type not in NODE_TYPES or not 0 <= node < graph.size(node_type):
        raise ConfigError(
            f"There is no {node_type} {node} in this graph; it has "
            + ", ".join(f"{graph.size(t)} of type {t}" for t in NODE_TYPES)
            + "."
        )
    look = look or Look()
    hop_of, left_out = _shown(graph, (node_type, node), look)
    network = nx.Graph(**{f"hidden_{name}": count for name, count in left_out.items()})
    for shown, hop in hop_of.items():
        network.add_node(_key(shown), **_attributes(graph, shown, names or {}), hop=hop)
    for shown in hop_of:
        _add_edges(network, graph, shown, hop_of, look)
    for shown in hop_of:
        of_all = network.nodes[_key(shown)]["degree"]
        network.nodes[_key(shown)]["hidden"] = of_all - network.degree(_key(shown))
    return network


def write_network(network: nx.Graph, path: Path) -> Path:
    """`path`, holding the network as GraphML, GEXF or node-link JSON, by its ending.

    Raises:
        ConfigError: the ending is another one.
    """
    import networkx as nx

    writers = {
        ".graphml": nx.write_graphml,
        ".gexf": nx.write_gexf,
        ".json": lambda g, part: atomic.write_json(part, nx.node_link_data(g, edges="edges")),
    }
    if path.suffix not in writers:
        raise ConfigError(
            f"{path} ends in {path.suffix!r}; a graph is written as {', '.join(writers)}."
        )
    return atomic.write(path, lambda part: writers[path.suffix](network, part))


def _shown(graph: LatentGraph, centre: Node, look: Look) -> tuple[dict[Node, int], dict[str, int]]:
    """Hop of every node to show, nearest first, and how many the cap left out, by type."""
    hop_of = {centre: 0}
    left_out = dict.fromkeys(look.types, 0)
    edge_of_view = [centre]
    for hop in range(1, look.hops + 1):
        found: list[Node] = []
        for shown in edge_of_view:
            for other in NEIGHBOURS[shown[0]]:
                if other not in look.types:
                    continue
                steps = _best_known(graph, shown, other, look.levels)
                unseen = [(other, int(n)) for n in steps if (other, int(n)) not in hop_of]
                left_out[other] += max(0, len(unseen) - look.cap)
                for fresh in unseen[: look.cap]:
                    hop_of[fresh] = hop
                    found.append(fresh)
        edge_of_view = found
    return hop_of, left_out


def _best_known(graph: LatentGraph, node: Node, other: str, levels: Levels) -> np.ndarray:
    steps = neighbours(graph, node[0], other, node[1], levels)
    if not node[0].endswith("_factor"):
        return steps
    return steps[np.argsort(-interactions(graph, other).degrees[steps], kind="stable")]


def _attributes(
    graph: LatentGraph, node: Node, names: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    kind, number = node
    degree = sum(len(neighbours(graph, kind, other, number)) for other in NEIGHBOURS[kind])
    about: dict[str, Any] = {"type": kind, "number": number, "degree": degree}
    if not kind.endswith("_factor"):
        known = names.get(kind, ())
        return {**about, "label": str(known[number]) if number < len(known) else f"{kind} {number}"}
    side = kind.removesuffix("_factor")
    level, code = divmod(number, graph.k(side))
    label = graph.labels(side)[number] or f"{side} factor {level}.{code}"
    return {**about, "label": label, "level": level, "code": code}


def _add_edges(
    network: nx.Graph, graph: LatentGraph, node: Node, shown: Mapping[Node, int], look: Look
) -> None:
    kind, number = node
    if kind.endswith("_factor"):
        return
    k = graph.k(kind)
    for factor in neighbours(graph, kind, f"{kind}_factor", number, look.levels).tolist():
        if (f"{kind}_factor", factor) in shown:
            ends = _key(node), _key((f"{kind}_factor", factor))
            network.add_edge(*ends, relation=f"{kind} - {kind}_factor", level=factor // k)
    if kind == "user":
        start, stop = graph.user_item.offsets[number : number + 2]
        of_user = slice(int(start), int(stop))
        for item, time in zip(
            graph.user_item.targets[of_user].tolist(),
            graph.user_item.times[of_user].tolist(),
            strict=True,
        ):
            if ("item", item) in shown:
                network.add_edge(
                    _key(node), _key(("item", item)), relation="user - item", time=time
                )


def _key(node: Node) -> str:
    return f"{node[0]}:{node[1]}"
