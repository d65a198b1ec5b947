"""A graph of a run, ready to be explored: its nodes in a row, their names, and a search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx
    import polars as pl

    from graph.explore.find import Finder
    from graph.explore.flat import FlatGraph, Node
    from graph.explore.layout import Places
    from graph.explore.names import Names
    from graph.explore.subgraph import Subgraph
    from graph.latent import LatentGraph


@dataclass(frozen=True)
class Atlas:
    """What exploring a graph needs.

    Attributes:
        graph: With names of its factors.
        flat: The same in a row.
        names: What its nodes are called.
    """

    graph: LatentGraph
    flat: FlatGraph
    names: Names

    @cached_property
    def finder(self) -> Finder:
        """Finds nodes by text."""
        from graph.explore.find import index_names

        return index_names(self.names, self.flat)

    def node(self, text: str) -> Node:
        """The node that "type:id" names, as in `item:1` or `item_factor:0-24`.

        Raises:
            DataError: there is none.
        """
        kind, _, external = text.partition(":")
        return self.names.node(kind, external)

    def key(self, node: Node) -> str:
        """The inverse of `node`."""
        return f"{node[0]}:{self.names.id(node)}"


@dataclass(frozen=True)
class Picture:
    """A part of a graph, laid out.

    Attributes:
        subgraph: What is visible.
        places: Where.
    """

    subgraph: Subgraph
    places: Places

    def tables(self, names: Names) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Nodes and edges."""
        from graph.explore.export import edge_table, node_table

        return node_table(self.subgraph, names, self.places), edge_table(self.subgraph, names)

    def network(self, names: Names, colours: dict[str, str] | None = None) -> nx.Graph:
        """For NetworkX and for programs that draw graphs."""
        from graph.explore.export import as_network

        return as_network(*self.tables(names), colours)


def picture(atlas: Atlas, text: str) -> Picture:
    """What a view shows, laid out.

    Args:
        atlas: Of the graph.
        text: The view, as `graph.view_text.view_text` writes it and the page's address holds it.

    Raises:
        ConfigError: the text is no view of this graph.
    """
    from graph.explore.layout import layout
    from graph.explore.subgraph import look
    from graph.explore.view_text import read_view

    subgraph = look(atlas.flat, read_view(text))
    return Picture(subgraph, layout(subgraph))
