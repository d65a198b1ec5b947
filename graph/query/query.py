"""A query: where it starts, and a tree of hops from there; both spellings compile to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from data.errors import ConfigError
from graph.query.check import MissingAttributeError, check_graph, edges_between
from graph.query.explain import Line, explain
from graph.query.parts import Condition, Hop, Likeness, Start, Value, Walk
from graph.query.text import QueryError, read
from graph.query.write import write
from graph.schema import Schema

if TYPE_CHECKING:
    from graph.hetero import HeteroGraph

__all__ = ["Condition", "Hop", "Likeness", "Query", "Start", "Value", "Walk"]


@dataclass(frozen=True)
class Query:
    """What to walk; made from text or in Python, and known to fit its schema.

    Attributes:
        start: Where it begins.
        hops: In an order in which every origin comes before what starts there, branch by branch.
        induced: Whether the answer also holds the edges between the nodes that it led to.
        schema: That it fits; texts of a query without it name every relation.
        text: That it was read from, if it was.

    >>> from graph.latent import latent_schema
    >>> query = Query.parse("user:64 as u>item:16 latest > item_factor", latent_schema())
    >>> str(query), query.types
    ('user:64 as u > item:16 latest > item_factor', ('user', 'item', 'item_factor'))
    """

    start: Start
    hops: tuple[Hop, ...] = ()
    induced: bool = False
    schema: Schema | None = field(default=None, compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)

    @classmethod
    def parse(cls, text: str, schema: Schema | HeteroGraph) -> Query:
        """The query that a text writes; `graph.query.text` has the grammar.

        Args:
            text: To read.
            schema: Of the graph, or the graph.

        Raises:
            ConfigError: the text writes none, or it does not fit the schema.
        """
        schema = schema_of(schema)
        return cls(*read(text, schema), schema, text)

    @classmethod
    def along(cls, types: Sequence[str], schema: Schema | HeteroGraph) -> Query:
        """The metapath of these types, along all edges.

        Args:
            types: Of nodes.
            schema: Of the graph, or the graph.

        Raises:
            ConfigError: a type is unknown, or no edge joins two neighbours.
        """
        schema = schema_of(schema)
        for kind in types:
            schema.check(kind)
        steps = enumerate(pairwise(types))
        hops = tuple(Hop(n, b, edges_between(schema, a, b)) for n, (a, b) in steps)
        return cls(Start(types[0]), hops, schema=schema)

    def __str__(self) -> str:
        return write(self.start, self.hops, self.induced, self.schema)

    def explain(self) -> tuple[Line, ...]:
        """What it does, a sentence for the start and for every hop."""
        return explain(self.start, self.hops, self.induced, self.schema)

    def check(self, graph: HeteroGraph) -> None:
        """Nothing, if a graph has what it names: relations, attributes, times and weights.

        Raises:
            ConfigError: it has not.
        """
        try:
            check_graph(self.start, self.hops, graph)
        except MissingAttributeError as error:
            if not self.text or error.at < 0:
                raise
            raise QueryError(str(error), self.text, error.at) from None

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Types of nodes, of the start and of every hop."""
        return self.start.type, *(hop.type for hop in self.hops)

    @property
    def is_path(self) -> bool:
        """Whether every hop starts where the one before ended: then it is a metapath."""
        return all(hop.origin == number for number, hop in enumerate(self.hops))


def schema_of(whose: Schema | HeteroGraph) -> Schema:
    """A schema, or that of a graph.

    Raises:
        ConfigError: it is neither.
    """
    schema = getattr(whose, "schema", whose)
    if not isinstance(schema, Schema):
        raise ConfigError(
            f"A query fits a schema or a graph, and this is {type(whose).__name__}; give "
            "graph.schema, or the graph."
        )
    return schema
