"""What a query has to be to fit a schema: both spellings ask here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.errors import ConfigError
from graph.query.parts import NEGATIVES, OWN, STRATEGIES, Condition, Hop, Likeness, Start
from graph.schema import Key, Schema, near

if TYPE_CHECKING:
    from graph.hetero import HeteroGraph

MOST_HOPS = 64
"""Hops of a query."""
MOST_DRAWN = 100_000
"""What a hop draws for one node, and steps of a random walk."""
MOST_SEEDS = 10_000_000
"""Seeds of a batch."""


class MissingAttributeError(ConfigError):
    """A condition asks for what nodes or edges have not.

    Attributes:
        at: Letters before the condition in the text of its query; -1 where there is none.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def joining(schema: Schema, a: str, b: str) -> tuple[Key, ...]:
    """Every kind of edges from one type to another, in the direction in which they are walked."""
    found: dict[Key, None] = {}
    for edge in schema.between(a, b):
        for key in (edge.key, edge.reverse_key):
            if (key[0], key[2]) == (a, b):
                found[key] = None
    return tuple(found)


def opposite(schema: Schema, key: Key) -> Key:
    """The same edges the other way round."""
    edge = schema.edge(key)
    return edge.reverse_key if key == edge.key else edge.key


def edges_between(
    schema: Schema, a: str, b: str, names: Sequence[str] = (), back: bool = False
) -> tuple[Key, ...]:
    """Kinds of edges from one type to another.

    Args:
        schema: That has them.
        a: Where they start.
        b: Where they lead.
        names: Of the relations; all by default.
        back: Whether the names are those of the edges from `b` to `a`, walked backwards.

    Raises:
        ConfigError: there are none, or a name is not one of theirs.
    """
    every = joining(schema, a, b)
    if not every:
        ways = schema.neighbours(a)
        onward = f"it can go to {' or '.join(ways)}" if ways else "no edges lead anywhere"
        raise ConfigError(
            f"The query goes from {a} to {b}, and the graph has no such edges; from {a} {onward}."
        )
    if not names:
        return every
    called = {opposite(schema, key)[1] if back else key[1]: key for key in every}
    for name in names:
        if name not in called:
            ends = (b, a) if back else (a, b)
            raise ConfigError(
                f"No edges {name!r} lead from {ends[0]} to {ends[1]};{near(name, called)} there "
                f"{'is' if len(called) == 1 else 'are'} {', '.join(called)}."
            )
    chosen = {called[name] for name in names}
    return tuple(key for key in every if key in chosen)


def edges_named(schema: Schema, name: str, types: Sequence[str | None] = (None, None)) -> Key:
    """The one kind of edges of a name, declared or the other way round.

    Args:
        schema: That has it.
        name: Of the relation.
        types: Source and target, where they are said.

    Raises:
        ConfigError: there is none, or there are several.
    """
    every = [key for edge in schema.edges for key in (edge.key, edge.reverse_key)]
    fit = [
        key
        for key in every
        if key[1] == name and types[0] in (None, key[0]) and types[1] in (None, key[2])
    ]
    if not fit:
        known = dict.fromkeys(key[1] for key in every)
        raise ConfigError(
            f"There are no edges {name!r} to start from;{near(name, known)} there "
            f"{'is' if len(known) == 1 else 'are'} {', '.join(known) or 'nothing but nodes'}."
        )
    if len(fit) > 1:
        ways = " or ".join(f"{a} -{relation}- {b}" for a, relation, b in fit)
        raise ConfigError(f"Several kinds of edges are called {name!r}; write {ways}.")
    return fit[0]


def check_strategy(name: str, negative: bool = False) -> str:
    """The name, if it is one of a strategy.

    Raises:
        ConfigError: it is not.
    """
    known = NEGATIVES if negative else STRATEGIES
    if name not in known and (negative or name not in OWN):
        what = "negatives" if negative else "neighbours"
        raise ConfigError(
            f"There is no strategy {name!r} that draws {what};{near(name, known)} there are "
            f"{', '.join(known)}."
        )
    return name


def check_amount(number: float | str, what: str, most: int = MOST_DRAWN) -> int:
    """A whole number from 1 to a bound.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise ConfigError(f"{what} is {number}; choose a whole number from 1 to {most:,}.")
    return number


def check_positive(number: float | str, what: str) -> float:
    """A finite number above 0.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(number, str) or not 0 < number < math.inf:
        raise ConfigError(f"{what} is {number}; choose a number above 0.")
    return float(number)


def check_likeness(like: Likeness) -> Likeness:
    """What negatives are like, if its shares are shares.

    Raises:
        ConfigError: they are not.
    """
    for name, share in like.shares:
        if not 0 < share <= 1:
            raise ConfigError(f"The share of {name!r} is {share}; choose one above 0 and up to 1.")
    if sum(share for _, share in like.shares) > 1 + 1e-9:
        raise ConfigError("The shares of what negatives are like are more than 1 together.")
    return like


def check_hop(hop: Hop) -> Hop:
    """The hop, if what it says goes together.

    Raises:
        ConfigError: it does not.
    """
    what = f"{('not ' if hop.edges else 'any ') if hop.negative else ''}{hop.type}"
    if hop.end and any(condition.of_edge for condition in hop.where):
        raise ConfigError("Only the edges of a step can be asked; this is an end of edges.")
    if hop.end or hop.walk:
        return hop
    if hop.count is None and (hop.negative or hop.by != "full"):
        raise ConfigError(
            f"How many does {what!r} draw? Write the number after a colon, as in {what}:10."
        )
    if hop.like and not hop.negative:
        raise ConfigError("Only negatives can be like others: write not before the type.")
    if hop.negative and any(condition.of_edge for condition in hop.where):
        raise ConfigError(f"No edges lead to {what!r}, so nothing can be asked of them.")
    return hop


def check_tree(start: Start, hops: Sequence[Hop]) -> None:
    """Nothing, if what starts there hangs together.

    Raises:
        ConfigError: there are too many, two aliases are the same, or one is named that there is
            not.
    """
    if len(hops) > MOST_HOPS:
        raise ConfigError(f"The query has {len(hops)} hops; {MOST_HOPS} are walked at most.")
    nodes: dict[str, str] = {}
    edges: set[str] = set()

    def call(alias: str, kind: str | None) -> None:
        if not alias:
            return
        if alias in nodes or alias in edges:
            raise ConfigError(f"Two parts of the query are called {alias!r}; give each its name.")
        if kind is None:
            edges.add(alias)
        else:
            nodes[alias] = kind

    call(start.alias, None if start.edge else start.type)
    for number, hop in enumerate(hops, 1):
        if not 0 <= hop.origin < number:
            raise ConfigError(f"Hop {number} starts from hop {hop.origin}, which comes later.")
        for alias in filter(None, (hop.without, hop.like.alias if hop.like else "")):
            if alias not in nodes:
                raise ConfigError(
                    f"Nothing before it is called {alias!r};{near(alias, nodes)} write as "
                    f"{alias} behind the nodes that are meant."
                )
            if nodes[alias] != hop.type:
                raise ConfigError(
                    f"{alias!r} are of type {nodes[alias]}, and what is drawn is of type "
                    f"{hop.type}."
                )
        call(hop.alias, hop.type)
        call(hop.edge_alias, None)


def check_graph(start: Start, hops: Sequence[Hop], graph: HeteroGraph) -> None:
    """Nothing, if a graph has what a query names.

    Raises:
        ConfigError: it lacks a type, a relation, an attribute, times or weights.
    """
    graph.schema.check(start.type)
    seeds = () if start.edge is None else (start.edge,)
    for condition in start.where:
        _check_attribute(condition, start.type, seeds, graph)
    for hop in hops:
        graph.schema.check(hop.type)
        relations = [graph.edges[graph.schema.edge(key).key] for key in hop.edges]
        for condition in hop.where:
            _check_attribute(condition, hop.type, hop.edges, graph)
        for name, _ in hop.like.shares if hop.like else ():
            _check_attribute(Condition(name, "=", 0), hop.type, (), graph)
        for key, one in zip(hop.edges, relations, strict=True):
            if hop.by in ("topk", "edge_weight") and one.weights is None:
                raise ConfigError(f"{hop.by} draws by weight, and {_arrow(key)} has no weights.")
        timed = "time" in graph.attributes.get(hop.type, {})
        if hop.by == "latest" and not timed and all(one.times is None for one in relations):
            raise ConfigError(
                f"latest draws by time, and neither {' nor '.join(map(_arrow, hop.edges))} nor "
                f"{hop.type} has times."
            )


def _check_attribute(
    condition: Condition, kind: str, edges: Sequence[Key], graph: HeteroGraph
) -> None:
    name = condition.attribute
    of_nodes = set(graph.attributes.get(kind, {}))
    of_edges = {key: _known_of(key, graph) for key in edges}
    if not condition.of_edge:
        if name not in of_nodes:
            there = edges and all(name in known for known in of_edges.values())
            hint = f" did you mean 'edge.{name}'?" if there else near(name, of_nodes)
            raise MissingAttributeError(
                f"Nodes of type {kind} have no attribute {name!r};{hint} they have "
                f"{', '.join(sorted(of_nodes)) or 'none'}.",
                condition.at,
            )
        return
    for key, known in of_edges.items():
        if name not in known:
            hint = near(name, known)
            if name in of_nodes:
                hint = f" {kind} has it: write {name!r} alone;"
            raise MissingAttributeError(
                f"The edges {_arrow(key)} have no attribute {name!r};{hint} they have "
                f"{', '.join(sorted(known)) or 'none'}.",
                condition.at,
            )


def _known_of(key: Key, graph: HeteroGraph) -> set[str]:
    """Attributes of edges, their time and weight among them."""
    declared = graph.schema.edge(key).key
    relation, known = graph.edges[declared], set(graph.edge_attributes.get(declared, {}))
    known |= {"time"} if relation.times is not None else set()
    return known | ({"weight"} if relation.weights is not None else set())


def _arrow(key: Key) -> str:
    return "{} -{}-> {}".format(*key)
