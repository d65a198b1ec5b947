"""Reads what a person types into a console: text, or a chain as it is written in Python.

A chain is parsed and its calls are made one by one, if each is a method of chains and its arguments
are plain values. Nothing that was typed ever runs.
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from data.errors import ConfigError
from graph.query.gsl import Chain, start_at_edges, start_at_nodes
from graph.query.query import Query
from graph.query.text import MOST_LETTERS
from graph.schema import Schema, near

METHODS = (
    "batch",
    "shuffle",
    "alias",
    "outV",
    "inV",
    "outE",
    "inE",
    "outNeg",
    "inNeg",
    "Neg",
    "random_walk",
    "SubGraph",
    "sample",
    "by",
    "filter",
    "where",
    "each",
    "values",
)
"""What can be called on a chain."""
_CHAIN = re.compile(r"\s*g\s*\.")
_DEEPEST = 400
"""Calls of a chain."""


def read_query(text: str, schema: Schema) -> Query:
    """The query that a person typed, in either spelling.

    Raises:
        ConfigError: it is none, or it does not fit the schema.

    >>> from graph.latent import latent_schema
    >>> typed = "g.V('user').batch(8).outV('interacts').sample(3).values()"
    >>> str(read_query(typed, latent_schema()))
    'user:8 > item:3'
    """
    return read_chain(text, schema) if _CHAIN.match(text) else Query.parse(text, schema)


def query_of(given: Any, schema: Schema) -> Query:
    """The query that was given as one, as text in either spelling, or as a chain.

    Raises:
        ConfigError: it is something else, or does not fit the schema.
    """
    if isinstance(given, str):
        return read_query(given, schema)
    if isinstance(given, Chain):
        return given.query
    if not isinstance(given, Query):
        raise ConfigError(
            f"A query is made by Query.parse, or is a text or a chain such as g.V('user'), and "
            f"this is {type(given).__name__}."
        )
    return given


def read_chain(text: str, schema: Schema) -> Query:
    """The query of a chain that begins with `g`.

    Raises:
        ConfigError: it is no chain, it does what chains do not, or it does not fit the schema.
    """
    if len(text) > MOST_LETTERS:
        raise ConfigError(f"The query has {len(text):,} letters; {MOST_LETTERS:,} are read.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(f"({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
        raise ConfigError(
            f"This is no chain of calls such as g.V('user'): {reason.rstrip('?.')}."
        ) from None
    made = _Reader(text, schema).made(tree, {})
    if isinstance(made, Query):
        return made
    return made.query


class _Reader:
    """One chain on its way to a query."""

    def __init__(self, text: str, schema: Schema) -> None:
        self.text, self.schema = text, schema

    def made(self, tree: ast.expr, known: Mapping[str, Chain]) -> Chain | Query:
        """What an expression makes.

        Args:
            tree: Of calls on `g` or on a name of a function around it.
            known: Chains by these names.
        """
        calls: list[ast.Call] = []
        while isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
            calls.append(tree)
            tree = tree.func.value
        if not isinstance(tree, ast.Name) or len(calls) > _DEEPEST:
            raise self.refuse(tree, "only calls one after another, from g or the name of a lambda")
        calls.reverse()
        if tree.id in known:
            return self.follow(known[tree.id], calls, known)
        if tree.id != "g" or not calls:
            raise self.refuse(tree, f"begin with {' or '.join(['g', *known])} and a call")
        beginnings: dict[str, Callable[..., Chain]] = {"V": start_at_nodes, "E": start_at_edges}
        name = self.method(calls[0], tuple(beginnings))
        first = self.call(beginnings[name], calls[0], known, self.schema)
        return self.follow(first, calls[1:], known)

    def follow(
        self, chain: Chain | Query, calls: list[ast.Call], known: Mapping[str, Chain]
    ) -> Chain | Query:
        for call in calls:
            if isinstance(chain, Query):
                raise self.refuse(call, "nothing follows values()")
            name = self.method(call, METHODS)
            chain = self.call(getattr(chain, name), call, known)
        return chain

    def method(self, call: ast.Call, known: tuple[str, ...]) -> str:
        assert isinstance(call.func, ast.Attribute)
        name = call.func.attr
        if name not in known:
            raise ConfigError(
                f"A chain has no {name!r} here;{near(name, known)} it has {', '.join(known)}."
            )
        return name

    def call(
        self, function: Callable[..., Any], call: ast.Call, known: Mapping[str, Chain], *first: Any
    ) -> Any:
        given = [self.argument(one, known) for one in call.args]
        named = {one.arg: self.argument(one.value, known) for one in call.keywords}
        if None in named:
            raise self.refuse(call, "no ** in a call")
        words = {str(name): value for name, value in named.items()}
        try:
            inspect.signature(function).bind(*first, *given, **words)
        except TypeError as error:
            assert isinstance(call.func, ast.Attribute)
            raise ConfigError(f"{call.func.attr} is not called like this: {error}.") from None
        return function(*first, *given, **words)

    def argument(self, tree: ast.expr, known: Mapping[str, Chain]) -> Any:
        if isinstance(tree, ast.Lambda):
            return self.branches(tree, known)
        try:
            return ast.literal_eval(tree)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise self.refuse(tree, "a text, a number, a list or a lambda for each") from None

    def branches(
        self, tree: ast.Lambda, known: Mapping[str, Chain]
    ) -> Callable[[Chain], tuple[Chain, ...]]:
        plain = tree.args
        if len(plain.args) != 1 or any(
            (plain.posonlyargs, plain.kwonlyargs, plain.vararg, plain.kwarg, plain.defaults)
        ):
            raise self.refuse(tree, "a lambda of one name, as in lambda v: (v.outV('buys'),)")
        name, body = plain.args[0].arg, tree.body
        ways = list(body.elts) if isinstance(body, ast.Tuple | ast.List) else [body]

        def branch(chain: Chain) -> tuple[Chain, ...]:
            made = [self.made(way, {**known, name: chain}) for way in ways]
            if any(isinstance(one, Query) for one in made):
                raise ConfigError("values() stands once, at the end of the whole chain.")
            return tuple(one for one in made if isinstance(one, Chain))

        return branch

    def refuse(self, tree: ast.expr, rule: str) -> ConfigError:
        shown = ast.get_source_segment(f"({self.text}\n)", tree) or ast.unparse(tree)
        short = shown if len(shown) <= 40 else f"{shown[:40]}…"
        return ConfigError(f"{short!r} cannot stand in a query: write {rule}.")
