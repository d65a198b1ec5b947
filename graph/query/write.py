"""Writes queries as text: what `graph.query.text` reads, in one way."""

from __future__ import annotations

from collections.abc import Sequence

from graph.query.check import joining, opposite
from graph.query.parts import Condition, Hop, Start, Value
from graph.query.text import WORD, WORDS
from graph.schema import Schema


def write(start: Start, hops: Sequence[Hop], induced: bool, schema: Schema | None) -> str:
    """The text of a query; with a schema it leaves out the relations where all are walked.

    >>> buys = Hop(0, "item", (("user", "buys", "item"),), 5, "latest")
    >>> write(Start("user"), [buys], False, None)
    'user -buys-> item:5 latest'
    """
    onward: dict[int, list[int]] = {}
    for number, hop in enumerate(hops, 1):
        onward.setdefault(hop.origin, []).append(number)

    def after(number: int) -> str:
        following = onward.get(number, [])
        if len(following) == 1:
            return f" {arrow(following[0])} {one(following[0])}"
        return f" > ({', '.join(map(branch, following))})" if following else ""

    def branch(number: int) -> str:
        way = arrow(number)
        return one(number) if way == ">" else f"{way} {one(number)}"

    def one(number: int) -> str:
        return _hop(hops[number - 1]) + after(number)

    def arrow(number: int) -> str:
        return _arrow(hops[number - 1], schema)

    return _start(start, schema) + after(0) + (" induced" if induced else "")


def _start(start: Start, schema: Schema | None) -> str:
    if start.edge is None:
        text = _type(start.type)
    else:
        source, relation, target = start.edge
        every = [] if schema is None else schema.edges
        called = [key for edge in every for key in (edge.key, edge.reverse_key)]
        alone = sum(key[1] == relation for key in called) == 1
        text = f"-{relation}-" if alone else f"{_type(source)} -{relation}- {_type(target)}"
    text += "" if start.batch is None else f":{start.batch}"
    text += "" if start.shuffle is None else " shuffle" if start.shuffle else " random"
    return text + _where(start.where) + (f" as {start.alias}" if start.alias else "")


def _arrow(hop: Hop, schema: Schema | None) -> str:
    if not hop.edges:
        return ">"
    if schema is not None:
        if hop.edges == joining(schema, hop.edges[0][0], hop.edges[0][2]):
            return ">"
        declared = {edge.key for edge in schema.edges}
        if not declared.intersection(hop.edges):
            return f"<-{'|'.join(opposite(schema, key)[1] for key in hop.edges)}-"
    return f"-{'|'.join(key[1] for key in hop.edges)}->"


def _hop(hop: Hop) -> str:
    if hop.end:
        text = hop.end
    elif hop.walk:
        text = f"walk {_type(hop.type)}:{hop.walk.length} p={hop.walk.p!r} q={hop.walk.q!r}"
    else:
        prefix = ("not " if hop.edges else "any ") if hop.negative else ""
        text = prefix + _type(hop.type) + ("" if hop.count is None else f":{hop.count}")
        usual = "full" if hop.count is None else "random"
        text += "" if hop.by == usual else f" {hop.by}"
    if hop.like:
        shares = ", ".join(f"{_word(name)} {share!r}" for name, share in hop.like.shares)
        text += f" like {hop.like.alias}" + (f" ({shares})" if shares else "")
        text += " shared" * hop.like.shared + " unique" * hop.like.unique
    text += _where(hop.where) + (f" without {hop.without}" if hop.without else "")
    text += f" as {hop.alias}" if hop.alias else ""
    return text + (f" via {hop.edge_alias}" if hop.edge_alias else "")


def _where(conditions: tuple[Condition, ...]) -> str:
    return f" where {write_conditions(conditions)}" if conditions else ""


def write_conditions(conditions: Sequence[Condition]) -> str:
    """Conditions as they are written after `where`."""
    return " and ".join(map(_condition, conditions))


def _condition(condition: Condition) -> str:
    name = ("edge." if condition.of_edge else "") + _word(condition.attribute)
    if isinstance(condition.value, tuple):
        return f"{name} in ({', '.join(map(_value, condition.value))})"
    return f"{name} {condition.operator} {_value(condition.value)}"


def _value(value: Value) -> str:
    return _word(value) if isinstance(value, str) else repr(value)


def _type(name: str) -> str:
    return f'"{name}"' if name.lower() in WORDS else name


def _word(text: str) -> str:
    """A text bare where it is one word, else in quotes."""
    if WORD.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
