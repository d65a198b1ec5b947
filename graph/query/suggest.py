"""What can stand next in a query that is being written: whatever makes a query of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from data.errors import ConfigError
from graph.query.console import read_chain
from graph.query.query import Query
from graph.query.text import tokens
from graph.schema import Schema

if TYPE_CHECKING:
    from graph.hetero import HeteroGraph

_WORD = re.compile(r"[^\W0-9]\w*$")
_HOW = ("latest", "random_without_replacement", "edge_weight", "in_degree")


def suggest(text: str, schema: Schema, graph: HeteroGraph | None = None) -> list[str]:
    """What can be put behind a text so that it is a query, or comes nearer to one.

    Each comes with the blank before it, if it needs one, and without the letters of a word that
    are there. Of a graph that is given only what it has is asked for, such as times or weights.

    >>> from graph.latent import latent_schema
    >>> suggest("user > it", latent_schema())
    ['em']
    >>> suggest("user > item", latent_schema())[:2]
    [':8 latest', ' > user']
    """
    begun = _WORD.search(text)
    if begun and not _is_query(text, schema):
        before, start = text[: begun.start()], begun[0]
        pool = [*schema.types, *_HOW, "where", "as", "not"]
        near = [word for word in pool if word.startswith(start) and word != start]
        return [
            word.removeprefix(start)
            for word in near
            if _leads_on(before + word, schema)
            and (word not in _HOW or _is_query(before + word, schema, graph))
        ]
    blank = "" if not text or text[-1].isspace() or text[-1] in "(" else " "
    found = [f":8 {how}" for how in _HOW[:2] if text and not text[-1].isspace()]
    if graph is None or _is_query(f"{text}:8 {_HOW[0]}", schema, graph):
        found = found[:1]
    found += [blank + word for word in _ways(text, schema)]
    found += [blank + how for how in _HOW]
    return [word for word in dict.fromkeys(found) if _is_query(text + word, schema, graph)]


def suggest_calls(text: str, schema: Schema, graph: HeteroGraph | None = None) -> list[str]:
    """What can be called next on a chain, of a graph that is given only what it has.

    >>> from graph.latent import latent_schema
    >>> suggest_calls("", latent_schema())[:2]
    ["g.V('user').batch(8)", "g.V('item').batch(8)"]
    >>> suggest_calls("g.V('user_factor')", latent_schema())[:2]
    ['.batch(8)', ".inV('has_level_0')"]
    """
    if not text.strip():
        return [f"g.V({kind!r}).batch(8)" for kind in schema.types]
    found = [".batch(8)", ".sample(8)", *(f".by({how!r})" for how in _HOW)]
    relations = dict.fromkeys(edge.relation for edge in schema.edges)
    found += [f".{way}({name!r})" for way in ("outV", "inV") for name in relations]
    found += [".values()"]

    def fits(chain: str) -> bool:
        return _holds(lambda: read_chain(chain, schema), graph)

    return [word for word in found if fits(text.rstrip() + word)]


def _ways(text: str, schema: Schema) -> Iterator[str]:
    """Arrows to types, or types behind an arrow that is there."""
    arrow = text.rstrip().endswith((">", "(", ",")) or not text.strip()
    sign = "" if arrow else "> "
    yield from (f"{sign}{kind}" for kind in schema.types)
    yield from (f"{sign}not {kind}:4" for kind in schema.types)
    if arrow:
        return
    for edge in schema.edges:
        if len(schema.between(edge.source, edge.target)) > 1:
            yield f"-{edge.relation}-> {edge.target}"
            yield f"<-{edge.relation}- {edge.source}"


def _is_query(text: str, schema: Schema, graph: HeteroGraph | None = None) -> bool:
    return _holds(lambda: Query.parse(_closed(text), schema), graph)


def _leads_on(text: str, schema: Schema) -> bool:
    """Whether a text is a query, or becomes one by a name, a number or a condition."""
    return any(
        _is_query(text + more, schema) for more in ("", " x", ":1", " x = 1", _first(schema))
    )


def _first(schema: Schema) -> str:
    return f" {schema.types[0]}:1"


def _closed(text: str) -> str:
    """With the brackets that are open closed."""
    try:
        signs: Iterable[str] = [token.text for token in tokens(text) if token.kind == "sign"]
    except ConfigError:
        return text
    return text + ")" * (list(signs).count("(") - list(signs).count(")"))


def _holds(read: Callable[[], Query], graph: HeteroGraph | None) -> bool:
    try:
        query = read()
        if graph is not None:
            query.check(graph)
    except ConfigError:
        return False
    return True
