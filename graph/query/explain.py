"""A query in plain sentences: what each hop does, and how many it leads to at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graph.query.check import joining, opposite
from graph.query.parts import Condition, Hop, Start
from graph.query.write import write_conditions
from graph.schema import Key, Schema

_HOW = {
    "random": "at random, some perhaps twice",
    "random_without_replacement": "at random, none twice",
    "topk": "those of the heaviest edges",
    "edge_weight": "at random by the weight of their edges",
    "in_degree": "at random by how many edges lead to them",
    "node_weight": "at random by their weight",
    "full": "the first of their rows",
    "latest": "the latest first",
    "focal": "by a strategy that the sampler was given",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a hop does, or the start.

    Attributes:
        hop: 0 is the start, n the n-th hop.
        origin: Where it starts; None of the start.
        says: A sentence.
        each: Most nodes that it leads to from one node; None if it takes all there are.
        most: Most of them from one batch, where the query says so.
    """

    hop: int
    origin: int | None
    says: str
    each: int | None
    most: int | None


def explain(
    start: Start, hops: Sequence[Hop], induced: bool, schema: Schema | None
) -> tuple[Line, ...]:
    """A line for the start, one for every hop, and one for the edges among what was found.

    >>> buys = Hop(0, "item", (("user", "buys", "item"),), 5, "latest", alias="i")
    >>> for line in explain(Start("user", batch=64), [buys], False, None):
    ...     print(line.says, line.most)
    Starts from 64 user a batch, in their order. 64
    From each user along buys: 5 item, the latest first; called i. 320
    """
    lines = [Line(0, None, _start(start, schema), 1, start.batch)]
    for number, hop in enumerate(hops, 1):
        steps = hop.walk.length if hop.walk else 1
        each = 1 if hop.end else (hop.count or 1) * steps if hop.count or hop.walk else None
        before = lines[hop.origin].most
        most = None if each is None or before is None else each * before
        origin = _origin(hop, start, hops, schema)
        lines.append(Line(number, hop.origin, _hop(hop, origin, schema), each, most))
    if induced:
        says = "Adds all edges between the nodes that were found, as far as their seeds see them."
        lines.append(Line(len(hops) + 1, None, says, None, None))
    return tuple(lines)


def _start(start: Start, schema: Schema | None) -> str:
    what = _many(start.type, schema)
    if start.edge is not None:
        what = "edges {} -{}-> {}".format(*start.edge)
    batch = "all" if start.batch is None else f"{start.batch:,}"
    orders = {None: "in their order", True: "in an order of chance", False: "drawn without end"}
    return (
        f"Starts from {batch} {what}{'' if start.batch is None else ' a batch'}"
        f"{_where(start.where)}, {orders[start.shuffle]}{_called(start.alias)}."
    )


def _origin(hop: Hop, start: Start, hops: Sequence[Hop], schema: Schema | None) -> str:
    before = start if hop.origin == 0 else hops[hop.origin - 1]
    if before.alias:
        return f"From each of {before.alias}"
    title = before.type if schema is None else schema.node(before.type).title.lower()
    return f"From each {title}"


def _hop(hop: Hop, origin: str, schema: Schema | None) -> str:
    what, how = _many(hop.type, schema), _HOW.get(hop.by, f"by {hop.by}")
    if hop.end:
        text = f"Goes to the {hop.end} of each edge"
    elif hop.walk:
        text = f"{origin} along {_along(hop.edges, schema)}: a random walk of {hop.walk.length:,} "
        text += f"steps (p = {hop.walk.p:g}, q = {hop.walk.q:g})"
    elif hop.negative and hop.edges:
        text = f"{origin}: {hop.count:,} {what} that no edge leads to along "
        text += f"{_along(hop.edges, schema)}, {how}"
    elif hop.negative:
        text = f"{origin}: {hop.count:,} of all {what}, {how}"
    else:
        count = "all" if hop.count is None else f"{hop.count:,}"
        text = f"{origin} along {_along(hop.edges, schema)}: {count} {what}"
        text += "" if hop.count is None else f", {how}"
    if hop.like:
        same = [f"{share:.0%} of the same {name}" for name, share in hop.like.shares]
        text += f", like {hop.like.alias}" + (f" ({', '.join(same)})" if same else "")
        text += ", the same for all seeds" * hop.like.shared + ", none twice" * hop.like.unique
    text += _where(hop.where) + (f", none of {hop.without}" if hop.without else "")
    return text + _called(hop.alias, hop.edge_alias) + "."


def _along(edges: Sequence[Key], schema: Schema | None) -> str:
    if schema is None:
        return " or ".join(key[1] for key in edges)
    every = joining(schema, edges[0][0], edges[0][2])
    if len(edges) > 1 and tuple(edges) == every:
        return "both kinds of edges" if len(edges) == 2 else f"all {len(edges)} kinds of edges"
    declared = {edge.key for edge in schema.edges}
    return " or ".join(
        key[1] if key in declared else f"{opposite(schema, key)[1]} backwards" for key in edges
    )


def _many(kind: str, schema: Schema | None) -> str:
    return kind if schema is None else schema.node(kind).plural.lower()


def _where(where: Sequence[Condition]) -> str:
    return f" where {write_conditions(where)}" if where else ""


def _called(alias: str, edge_alias: str = "") -> str:
    return (f"; called {alias}" if alias else "") + (
        f"; the edges called {edge_alias}" if edge_alias else ""
    )
