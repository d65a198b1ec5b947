"""Whatever is typed is a query or gets one sentence, and every query reads as it is written."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gsl import SAME
from test_query import SHOP, WRITTEN

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph import HeteroGraph, Query, Sampler
from graph.query.check import MOST_DRAWN, joining
from graph.query.console import read_chain, read_query
from graph.query.parts import NEGATIVES, STRATEGIES, Condition, Hop, Likeness, Start, Walk
from graph.values import Lists

PIECES = (
    *r"""
    > -> <- - : ( ) , | . = != < <= >= ' " \ # ; é ٣ 𝒳 {} [ ] ** @ := 1e999 -0 0x1 _ 16 .5 '' 1_000
    user item genre buys views not any walk source target as via where and in edge 99999999999 p q
    without like shared unique induced shuffle random latest .outV('buys') .sample( .by( .each(
    g.V( lambda v: .values() __class__ eval( f'{1}'
    """.split(),  # noqa: SIM905
    *("\n", "\t", "\0", "    "),
)


def answer(text: str) -> None:
    """Asserts that a text gives a query that reads as it is written, or one sentence."""
    for read in (read_query, Query.parse, read_chain):
        try:
            query = read(text, SHOP)
        except ConfigError as error:
            said = str(error)
            assert said.endswith((".", "?")) and len(said) < 900, said
            assert "\n" not in said.replace(text, "") or "\n" in text
            continue
        assert isinstance(query, Query)
        assert Query.parse(str(query), SHOP) == query
        assert query.explain()[0].says.startswith("Starts from")


def mutated(text: str, rng: random.Random) -> str:
    """A text with a piece or two cut out, doubled, put in or turned around."""
    for _ in range(rng.randint(1, 2)):
        a, b = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        b = min(b, a + 12)
        text = rng.choice(
            [
                text[:a] + text[b:],
                text[:b] + text[a:],
                text[:a] + rng.choice(PIECES) + text[a:],
                text[:a] + rng.choice(PIECES) + text[b:],
                text[:a] + text[a:b][::-1] + text[b:],
                text[:a] + text[a:b].swapcase() + text[b:],
                text[:a],
            ]
        )
    return text


def test_mutated_queries_get_a_query_or_a_sentence():
    rng, beginnings = random.Random(17), [*WRITTEN, *SAME]
    texts = [mutated(rng.choice(beginnings), rng) for _ in range(600)]
    assert len(set(texts)) >= 500
    for text in texts:
        answer(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map(" ".join))
def test_anything_typed_gets_a_query_or_a_sentence(text):
    answer(text)
    answer("g.V('user')." + text)
    answer("user > item" + text)


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
VALUES = (
    st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)


@st.composite
def conditions(draw, edges: bool):
    """Up to two conditions; of edges too, if there are some to ask."""
    found = []
    for _ in range(draw(st.integers(0, 2))):
        name = draw(NAMES | st.text(max_size=5))
        of_edge = edges and draw(st.booleans())
        if draw(st.booleans()):
            value = draw(VALUES)
            operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
            found.append(Condition(name, operator, value, of_edge))
        else:
            values = tuple(draw(st.lists(VALUES, min_size=1, max_size=3)))
            found.append(Condition(name, "in", values, of_edge))
    return tuple(found)


@st.composite
def known_conditions(draw, edges: bool):
    """At times a condition on what the graph of the shop knows."""
    if draw(st.integers(0, 3)):
        return ()
    name, operator = draw(st.sampled_from(["age", "tags"])), draw(st.sampled_from(["=", "<", ">="]))
    value = draw(st.integers(-1, 5) | st.floats(0, 4)) if name == "age" else "war"
    of_edge = edges and draw(st.booleans())
    return (Condition("age" if of_edge else name, operator, 2 if of_edge else value, of_edge),)


@st.composite
def queries(draw, conditions=conditions):
    """Any query of the shop, branch by branch."""
    names = iter(draw(st.lists(NAMES, unique=True, min_size=12, max_size=12)))

    def name():
        return next(names, "") if draw(st.booleans()) else ""

    keys = [key for one in SHOP.edges for key in (one.key, one.reverse_key)]
    edge = draw(st.none() | st.sampled_from(keys))
    kind = edge[0] if edge else draw(st.sampled_from(SHOP.types))
    where = draw(conditions(bool(edge)))
    if edge:
        where = tuple(Condition(c.attribute, c.operator, c.value, True) for c in where)
    start = Start(
        kind,
        edge,
        draw(st.none() | st.integers(1, 10**7)),
        draw(st.none() | st.booleans()),
        name(),
        where,
    )
    hops: list[Hop] = []

    def go(origin: int, here: str, edges: bool, depth: int) -> None:
        for _ in range(draw(st.integers(0, 2)) if depth < 3 else 0):
            if len(hops) >= 8:
                return
            hop = step(origin, here, edges)
            hops.append(hop)
            go(len(hops), hop.type, False, depth + 1)

    def step(origin: int, here: str, edges: bool) -> Hop:
        if edges:
            end = draw(st.sampled_from(["source", "target"]))
            kind = start.edge[0] if end == "source" else start.edge[2]
            return Hop(origin, kind, (), end=end, alias=name(), where=draw(conditions(False)))
        count = draw(st.none() | st.integers(1, MOST_DRAWN))
        what = draw(st.sampled_from(["hop", "hop", "not", "any", "walk", "end"]))
        near = draw(st.sampled_from([b for b in SHOP.types if joining(SHOP, here, b)]))
        every = joining(SHOP, here, near)
        chosen = tuple(key for key in every if draw(st.booleans())) or every
        before = hops[origin - 1] if origin else None
        if what == "end" and before and not (before.end or before.walk or before.negative):
            there = hops[before.origin - 1].type if before.origin else start.type
            return Hop(origin, there, (), end="source", alias=name())
        if what == "walk" and near == here:
            walk = Walk(count or 1, draw(st.floats(0.01, 9)), draw(st.floats(0.01, 9)))
            return Hop(origin, here, chosen, by="random", walk=walk, alias=name())
        if what in ("not", "any"):
            kind = near if what == "not" else draw(st.sampled_from(SHOP.types))
            like = [hop.alias for hop in hops if hop.alias and hop.type == kind]
            return Hop(
                origin,
                kind,
                chosen if what == "not" else (),
                count or 3,
                draw(st.sampled_from(NEGATIVES)),
                negative=True,
                like=Likeness(like[0], (("a b", 0.25), ("c", 0.5)), draw(st.booleans()))
                if like and draw(st.booleans())
                else None,
                alias=name(),
                where=draw(conditions(False)),
            )
        return Hop(
            origin,
            near,
            chosen,
            count,
            draw(st.sampled_from(STRATEGIES)) if count else "full",
            alias=name(),
            edge_alias=name(),
            where=draw(conditions(True)),
        )

    go(0, kind, edge is not None, 0)
    return Query(start, tuple(hops), draw(st.booleans()), SHOP)


@settings(max_examples=60, deadline=None)
@given(queries())
def test_every_query_reads_as_it_is_written(query):
    assert Query.parse(str(query), SHOP) == query
    assert read_query(str(query), SHOP) == query
    assert Query.parse(str(Query(query.start, query.hops, query.induced)), SHOP) == query
    assert len(query.explain()) == 1 + len(query.hops) + query.induced


def shop() -> HeteroGraph:
    """A small graph of the shop, with attributes of nodes and edges."""
    rng, sizes = np.random.default_rng(0), {"user": 6, "item": 8, "genre": 3}
    edges = {
        edge.key: Relation.between(
            rng.integers(0, sizes[edge.source], 20),
            rng.integers(0, sizes[edge.target], 20),
            sizes[edge.source],
            sizes[edge.target],
            rng.integers(0, 50, 20) if edge.timed else None,
            rng.random(20),
        )
        for edge in SHOP.edges
    }
    nodes = {
        kind: {
            "age": rng.integers(0, 5, n),
            "tags": Lists.of([("war",) * (row % 3) for row in range(n)]),
            "weight": rng.random(n),
            "a b": rng.integers(0, 2, n),
            "c": rng.integers(0, 2, n),
        }
        for kind, n in sizes.items()
    }
    return HeteroGraph(SHOP, sizes, edges, nodes, {key: {"age": rng.random(20)} for key in edges})


GRAPH = shop()


@settings(max_examples=60, deadline=None)
@given(queries(known_conditions), st.none() | st.integers(0, 50), st.booleans())
def test_every_query_is_walked_or_gets_a_sentence(query, at, disjoint):
    few = [
        replace(
            hop,
            count=hop.count and min(hop.count, 5),
            walk=hop.walk and replace(hop.walk, length=min(hop.walk.length, 5)),
        )
        for hop in query.hops
    ]
    try:
        sampler = Sampler(GRAPH, replace(query, hops=tuple(few)), disjoint=disjoint, most=20_000)
        once, again = (sampler.sample(sampler.seeds()[:5], at, rng=3) for _ in range(2))
    except (ConfigError, DataError) as error:
        assert str(error).endswith((".", "?"))
        return
    for one, other in zip(once.draws, again.draws, strict=True):
        assert one.nodes.tolist() == other.nodes.tolist()
    assert len(once.ego().hops) == len(few)
    assert once.subgraph().nodes.keys() == again.subgraph().nodes.keys()


def test_what_is_induced_where_a_hop_found_nothing():
    query = Query.parse("item > user where age = -1 induced", SHOP)
    sample = Sampler(GRAPH, query).sample(np.arange(3))
    assert all(not len(edges.numbers) for edges in sample.edges.values())
