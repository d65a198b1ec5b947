"""A graph ready to be explored: its nodes in a row, their names, a search, and pictures of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from data.dataset import Dataset
from data.domains import Domains
from data.errors import DataError
from graph.explore.export import as_network, edge_table, node_table
from graph.explore.flat import FlatGraph, Node, flatten
from graph.explore.layout import Places, layout
from graph.explore.names import Finder, Names, index_names, name_nodes
from graph.explore.pack import pack
from graph.explore.sketch import sketch, svg
from graph.explore.subgraph import Subgraph, look
from graph.explore.view import read_view
from graph.hetero import HeteroGraph
from graph.sample.sample import Sample
from graph.schema import Schema

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class Atlas:
    """What exploring a graph needs.

    Attributes:
        graph: With labels of its nodes.
        flat: The same in a row.
        names: What its nodes are called.
        domains: Which each item is of, where there are several.
    """

    graph: HeteroGraph
    flat: FlatGraph
    names: Names
    domains: Domains | None = None

    @classmethod
    def of(
        cls,
        graph: HeteroGraph,
        dataset: Dataset | None = None,
        terms: Mapping[str, Sequence[Sequence[str]]] | None = None,
    ) -> Atlas:
        """The atlas of a graph; names are those of `name_nodes`."""
        domains = None if dataset is None else Domains.of(dataset)
        several = domains if domains and len(domains) > 1 else None
        return cls(graph, flatten(graph), name_nodes(graph, dataset, terms), several)

    @property
    def schema(self) -> Schema:
        """Types of nodes and edges."""
        return self.graph.schema

    @cached_property
    def finder(self) -> Finder:
        """Finds nodes by text."""
        return index_names(self.names, self.flat)

    def node(self, text: str) -> Node:
        """The node that "type:id" names, as in `item:1` or `item_factor:0-24`.

        Raises:
            DataError: there is none.
        """
        kind, colon, external = text.partition(":")
        if not colon:
            first = self.schema.nodes[0].name
            raise DataError(
                f"{text!r} names no node of a graph: its type stands before a colon and its id "
                f"after it, as in {self.key((first, 0))}."
            )
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
        return node_table(self.subgraph, names, self.places), edge_table(self.subgraph, names)

    def svg(self, names: Names) -> str:
        """A drawing that a browser shows, see `graph.explore.sketch.svg`."""
        titles = [names.title(node) for node in self.subgraph.nodes]
        return svg(self.subgraph, self.places, titles)

    def network(self, names: Names, colours: dict[str, str] | None = None) -> nx.Graph:
        """For NetworkX and for programs that draw graphs."""
        return as_network(*self.tables(names), colours)


def picture(atlas: Atlas, text: str) -> Picture:
    """What a view shows, laid out.

    Args:
        atlas: Of the graph.
        text: The view, as `view_text` writes it and the page's address holds it.

    Raises:
        ConfigError: the text is no view of this graph.
    """
    subgraph = look(atlas.flat, read_view(text, atlas.schema))
    return Picture(subgraph, layout(subgraph))


def picture_of(atlas: Atlas, sample: Sample) -> Picture:
    """What a sampler drew, laid out; of a large sample its first ways, see `sketch`."""
    return lay_out(sketch(sample, atlas.flat))


def lay_out(subgraph: Subgraph) -> Picture:
    """A picture of which every node stands for itself, parts that nothing joins side by side.

    Ways of several hops have no hubs around which all else could stand: they would be far apart,
    and what is theirs in heaps.
    """
    alone = replace(subgraph, parents=np.full_like(subgraph.parents, -1))
    return Picture(subgraph, pack(subgraph, layout(alone)))
