"""Typed graphs: their schema, queries and samples of them, the latent-factor graph, exploring."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.relation import Relation
    from graph.exchange.tables import Decoder, Table
    from graph.hetero import HeteroGraph
    from graph.latent import LatentGraph
    from graph.query.query import Query
    from graph.sample.loader import Loader
    from graph.sample.sample import Sample
    from graph.sample.sampler import Sampler
    from graph.schema import EdgeType, NodeType, Schema

__all__ = [
    "Decoder",
    "EdgeType",
    "HeteroGraph",
    "LatentGraph",
    "Loader",
    "NodeType",
    "Query",
    "Relation",
    "Sample",
    "Sampler",
    "Schema",
    "Table",
]
_HOMES = {
    "Decoder": "graph.exchange.tables",
    "EdgeType": "graph.schema",
    "HeteroGraph": "graph.hetero",
    "LatentGraph": "graph.latent",
    "Loader": "graph.sample.loader",
    "NodeType": "graph.schema",
    "Query": "graph.query.query",
    "Relation": "data.relation",
    "Sample": "graph.sample.sample",
    "Sampler": "graph.sample.sampler",
    "Schema": "graph.schema",
    "Table": "graph.exchange.tables",
}


def __getattr__(name: str) -> Any:
    """A class of this room, when it is asked for: settings are read without numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'graph' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
