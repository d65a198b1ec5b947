"""Queries to begin with, made of a graph's own types and of its own nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graph.database.statement import REFUSED
from graph.database.write import literal, quote
from graph.explore.atlas import Atlas
from graph.schema import EdgeType, NodeType, Schema

_EACH = "random_without_replacement"
"""How an example draws where none is to show twice."""
ARROWS, CHAINS, CYPHER = "arrows", "chains", "cypher"
"""Languages in which a graph is asked."""
_WORDS = frozenset(
    [
        *("ALL", "AND", "AS", "ASC", "BY", "CASE", "DESC", "DISTINCT", "ELSE", "END", "EXISTS"),
        *("FALSE", "FROM", "GROUP", "IN", "IS", "LIMIT", "MATCH", "NOT", "NULL", "ON", "OR"),
        *("ORDER", "RETURN", "SKIP", "TABLE", "THEN", "TO", "TRUE", "UNION", "UNWIND", "WHEN"),
        *("WHERE", "WITH", "XOR", *REFUSED),
    ]
)
"""Words of Cypher: a type that is called so stands in backticks."""


@dataclass(frozen=True, slots=True)
class Example:
    """A query, and what it asks for.

    Attributes:
        title: What it asks for; it may hold names from data.
        text: The query.
    """

    title: str
    text: str


def examples(atlas: Atlas, language: str) -> list[Example]:
    """A few queries in one of the languages; none where a graph has no edges."""
    edge = _main_edge(atlas.schema)
    if edge is None:
        return []
    made = {ARROWS: _arrows, CHAINS: _chains, CYPHER: _cypher}[language]
    return list(made(atlas, edge))


def _main_edge(schema: Schema) -> EdgeType | None:
    """The edges that say most: the first with times, else the first."""
    return next((edge for edge in schema.edges if edge.timed), next(iter(schema.edges), None))


def _many(schema: Schema, kind: str) -> str:
    return schema.node(kind).plural.lower()


def _groups(schema: Schema, edge: EdgeType) -> list[NodeType]:
    """Groups of the targets of an edge and of its sources, as far as there are any."""
    found = (schema.group_of(kind) for kind in (edge.target, edge.source))
    return [group for group in found if group is not None]


def _busiest(atlas: Atlas, kind: str) -> int | None:
    degrees = atlas.flat.degrees[atlas.flat.of_type(kind)]
    return int(np.argmax(degrees)) if len(degrees) else None


def _arrows(atlas: Atlas, edge: EdgeType) -> Iterator[Example]:
    schema, (a, b) = atlas.schema, (edge.source, edge.target)
    first, second = _many(schema, a), _many(schema, b)
    how = "latest" if edge.timed else _EACH
    word = "The latest" if edge.timed else "Some"
    yield Example(f"{word} {second} of five {first}", f"{a}:5 > {b}:8 {how}")
    groups = _groups(schema, edge)
    for group in groups:
        kind = str(group.groups)
        title = f"{schema.node(kind).plural} by a shared {group.title.lower()}"
        yield Example(title, f"{kind}:3 as i > {group.name} > {kind}:6 {_EACH} without i")
        node = _busiest(atlas, group.name)
        if node is not None:
            title = f"{schema.node(kind).plural} of ‘{atlas.names.title((group.name, node))}’"
            told = _quoted(atlas.names.id((group.name, node)))
            yield Example(title, f"{group.name} where id = {told} > {kind}:20 {_EACH}")
    yield Example(
        f"{schema.node(b).plural} in demand that five {first} do not have",
        f"{a}:5 > not {b}:5 in_degree",
    )
    if len(groups) == 2:
        branches = f"{b}:3 {how} > {groups[0].name}, {groups[1].name} > {a}:3 {_EACH} without u"
        yield Example("Two ways from the same start", f"{a}:3 as u > ({branches})")


def _chains(atlas: Atlas, edge: EdgeType) -> Iterator[Example]:
    schema, (a, b) = atlas.schema, (edge.source, edge.target)
    how = "latest" if edge.timed else _EACH
    word = "The latest" if edge.timed else "Some"
    begin = f"g.V({a!r}).batch(5)"
    yield Example(
        f"{word} {_many(schema, b)} of five {_many(schema, a)}",
        f"{begin}.alias('u').outV({edge.relation!r}).sample(8).by({how!r}).alias('i').values()",
    )
    yield Example(
        f"{schema.node(a).plural} who share {_many(schema, b)}",
        f"{begin}.alias('u').outV({edge.relation!r}).sample(4).by({_EACH!r})"
        f".inV({edge.relation!r}).sample(4).by({_EACH!r}).filter('u').values()",
    )
    yield Example(
        f"{schema.node(b).plural} in demand that five {_many(schema, a)} do not have",
        f"{begin}.outNeg({edge.relation!r}).sample(5).by('in_degree').values()",
    )


def _cypher(atlas: Atlas, edge: EdgeType) -> Iterator[Example]:
    schema, (a, b) = atlas.schema, (edge.source, edge.target)
    node, (left, right) = _busiest(atlas, b), (_name(a), _name(b))
    if node is None:
        return
    id_ = literal(atlas.names.id((b, node)))
    title = atlas.names.title((b, node))
    when = "e.moment" if atlas.graph.clock else "e.time"
    moment = (f", {when}", f"{when} DESC") if edge.timed else ("", "u.number")
    yield Example(
        f"{schema.node(a).plural} of ‘{title}’",
        f"MATCH (i:{right} {{id: {id_}}})<-[e:{_name(edge.relation)}]-(u:{left})\n"
        f"RETURN u{moment[0]} ORDER BY {moment[1]} LIMIT 20",
    )
    for group in _groups(schema, edge)[:1]:
        relation = f"(i:{_name(str(group.groups))})-->(f:{_name(group.name)})"
        yield Example(
            f"The largest {group.plural.lower()}",
            f"MATCH {relation}\nRETURN f, count(*) AS members ORDER BY members DESC LIMIT 10",
        )
        yield Example(
            f"What has the same {group.title.lower()} as ‘{title}’",
            f"MATCH p = (i:{right} {{id: {id_}}})-->(f:{_name(group.name)})<--(other:{right})\n"
            "RETURN p LIMIT 20",
        )
    yield Example(
        f"{schema.node(b).plural} that the same {_many(schema, a)} have",
        f"MATCH (i:{right} {{id: {id_}}})<-[:{_name(edge.relation)}]-(u:{left})"
        f"-[:{_name(edge.relation)}]->(other:{right})\n"
        "WHERE other.number <> i.number\n"
        f"RETURN other, count(DISTINCT u) AS shared ORDER BY shared DESC LIMIT 20",
    )
    yield Example("What there is to ask for", "CALL show_tables() RETURN name, type")


def _name(name: str) -> str:
    """A name as Cypher reads it, in backticks where it has to be."""
    plain = name.isascii() and name.isidentifier() and name.upper() not in _WORDS
    return name if plain else quote(name)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
