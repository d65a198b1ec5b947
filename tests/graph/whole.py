"""A graph as NetworkX sees it, by plain loops: what the fast code is compared with."""

from __future__ import annotations

import networkx as nx

from graph.latent import LatentGraph, latent_schema

SCHEMA = latent_schema(2, 2)


def whole(graph: LatentGraph) -> nx.Graph:
    network = nx.Graph()
    network.add_nodes_from((kind, n) for kind in SCHEMA.types for n in range(graph.size(kind)))
    for user in range(graph.n_users):
        network.add_edges_from(
            (("user", user), ("item", int(item))) for item in graph.user_item.of(user)
        )
    for side in ("user", "item"):
        for entity, codes in enumerate(graph.codes(side).tolist()):
            for level, code in enumerate(codes):
                network.add_edge((side, entity), (f"{side}_factor", level * graph.k(side) + code))
    return network
