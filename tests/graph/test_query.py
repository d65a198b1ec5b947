"""Queries as text: what is read, what is written, and what is refused."""

from __future__ import annotations

import pytest

from data.errors import ConfigError
from graph import EdgeType, NodeType, Query, Schema
from graph.query.query import Condition, Hop, Likeness, Start, Walk
from graph.query.text import MOST_LETTERS, QueryError

SHOP = Schema(
    (NodeType("user"), NodeType("item"), NodeType("genre", groups="item")),
    (
        EdgeType("user", "buys", "item", timed=True),
        EdgeType("user", "views", "item", reverse="viewed_by", timed=True),
        EdgeType("item", "is", "genre"),
        EdgeType("user", "follows", "user"),
    ),
)
BUYS, BOUGHT = ("user", "buys", "item"), ("item", "rev_buys", "user")
VIEWS, VIEWED = ("user", "views", "item"), ("item", "viewed_by", "user")
FOLLOWS, FOLLOWED = ("user", "follows", "user"), ("user", "rev_follows", "user")
IS = ("item", "is", "genre")
AROUND_EDGES = (
    "-buys-:64 shuffle as e > (source as u > not item:5 in_degree as n, target as i > genre)"
)
WRITTEN = {
    "user": "user",
    "user>item>user": "user > item > user",
    "user:64 as u > item:16 latest as i": "user:64 as u > item:16 latest as i",
    "user -buys|views-> item": "user > item",
    "user -views|buys-> item": "user > item",
    "user -> item": "user > item",
    "item <-buys- user:3": "item <-buys- user:3",
    "item -rev_buys-> user:3": "item <-buys- user:3",
    "item -viewed_by-> user": "item <-views- user",
    "user -follows-> user:2 random": "user -follows-> user:2",
    "user <-follows- user full": "user <-follows- user",
    "user > item:3 as i latest": "user > item:3 latest as i",
    "user > (item:3, -follows-> user > (item, item:2))": (
        "user > (item:3, -follows-> user > (item, item:2))"
    ),
    "user -buys-> (item:3, item:5 latest)": "user > (-buys-> item:3, -buys-> item:5 latest)",
    "user (item:3)": "user > item:3",
    AROUND_EDGES: AROUND_EDGES,
    "user -buys- item:8 random > target": "-buys-:8 random > target",
    "-viewed_by-:8 where time >= 5 > source": "-viewed_by-:8 where edge.time >= 5 > source",
    "user -follows-> walk user:10 p=.5 q=2": "user -follows-> walk user:10 p=0.5 q=2.0",
    "user > any item:4 node_weight": "user > any item:4 node_weight",
    "user > item:3 via e > source as again": "user > item:3 via e > source as again",
    "user where age>=30 and city in ('New York',Bonn,-3) > item where edge.time<-4": (
        'user where age >= 30 and city in ("New York", Bonn, -3) > item where edge.time < -4'
    ),
    r'user where "a b" = "say \"x\" \\"': r'user where "a b" = "say \"x\" \\"',
    "user as u -follows-> user:9 without u induced": (
        "user as u -follows-> user:9 without u induced"
    ),
    "user > (item:1 as i, not item:4 like i (genre .5) unique shared)": (
        "user > (item:1 as i, not item:4 like i (genre 0.5) shared unique)"
    ),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_text_is_written_in_one_way_and_read_back(text):
    query = Query.parse(text, SHOP)
    assert str(query) == WRITTEN[text]
    assert Query.parse(str(query), SHOP) == query
    named = str(Query(query.start, query.hops, query.induced))
    assert Query.parse(named, SHOP) == query, "without a schema, relations are named"


def test_what_a_chain_says():
    query = Query.parse("user:64 shuffle as u -buys-> item:16 latest as i > genre via e", SHOP)
    assert query.start == Start("user", batch=64, shuffle=True, alias="u")
    assert query.hops == (
        Hop(0, "item", (BUYS,), 16, "latest", alias="i"),
        Hop(1, "genre", (IS,), edge_alias="e"),
    )
    assert query.is_path and query.types == ("user", "item", "genre")


def test_all_relations_both_ways():
    query = Query.parse("user > user > item > user", SHOP)
    assert [hop.edges for hop in query.hops] == [
        (FOLLOWS, FOLLOWED),
        (BUYS, VIEWS),
        (BOUGHT, VIEWED),
    ]


def test_a_count_draws_at_random_and_none_takes_all():
    hops = Query.parse("user > item:3 > genre > any item:2", SHOP).hops
    assert [(hop.count, hop.by) for hop in hops] == [(3, "random"), (None, "full"), (2, "random")]
    assert hops[2].negative and hops[2].edges == ()


def test_branches_are_numbered_branch_by_branch():
    query = Query.parse("user > (item:3 > genre, user > item, not item:2)", SHOP)
    assert [(hop.origin, hop.type) for hop in query.hops] == [
        (0, "item"),
        (1, "genre"),
        (0, "user"),
        (3, "item"),
        (0, "item"),
    ]
    assert not query.is_path
    assert query.hops[4].negative and query.hops[4].edges == (BUYS, VIEWS)


def test_edges_as_seeds():
    query = Query.parse(AROUND_EDGES, SHOP)
    assert query.start == Start("user", BUYS, 64, True, "e")
    assert [(hop.origin, hop.type, hop.end) for hop in query.hops] == [
        (0, "user", "source"),
        (1, "item", ""),
        (0, "item", "target"),
        (3, "genre", ""),
    ]


def test_walks_and_negatives_that_are_like_others():
    walk = Query.parse("user -follows-> walk user:10 q=2", SHOP).hops[0]
    assert walk == Hop(0, "user", (FOLLOWS,), by="random", walk=Walk(10, 1.0, 2.0))
    like = Query.parse("user > (item:1 as i, not item:4 like i (genre .5, shop .5))", SHOP).hops[1]
    assert like.like == Likeness("i", (("genre", 0.5), ("shop", 0.5)))


def test_conditions():
    where = Query.parse("user > item where edge.rating == 4 and year in (1, 'two')", SHOP).hops[0]
    assert where.where == (
        Condition("rating", "=", 4, of_edge=True),
        Condition("year", "in", (1, "two")),
    )


def test_a_type_that_is_called_like_a_word():
    odd = Schema(
        (NodeType("any"), NodeType("source"), NodeType("walk")),
        (EdgeType("any", "x", "source"), EdgeType("source", "y", "walk")),
    )
    for text in ('"any" > "source":3 > "walk"', "any > source:3 > walk"):
        query = Query.parse(text, odd)
        assert query.types == ("any", "source", "walk")
        assert Query.parse(str(query), odd) == query
    assert Query.parse("any:2 > not source:3", odd).hops[0].negative


REFUSED = {
    "usr > item": "Letter 1 of the query: there is no type 'usr'; did you mean 'user'",
    "user > itm": "Letter 8 .* did you mean 'item'",
    "USER > item": "did you mean 'user'",
    "user -BUYS-> item": "did you mean 'buys'",
    "user > item > item": "no such edges; from item it can go to user or genre",
    "user -buy-> item": "No edges 'buy'|no edges 'buy' lead from user to item; did you mean 'buys'",
    "user -is-> item": "there are buys, views",
    "genre <-iss- item": "from item to genre; did you mean 'is'",
    "-follow-:3": "did you mean 'follows'",
    "user > item:0": "the count is 0; choose a whole number from 1 to 100,000",
    "user > item:2.5": "whole number",
    "user > item:-1": "whole number",
    "user > item:100001": "whole number",
    "user:0": "the number of seeds is 0",
    "user > item:9 lates": "'lates' says nothing here; did you mean 'latest'",
    "user > not item:9 latest": "'latest' says nothing here",
    "user > item latest": "how many does 'item' draw",
    "user > not item": "how many does 'not item' draw",
    "user > item as a > user as a": "Two parts of the query are called 'a'",
    "user as seed -follows-> user:3 without sed": "called 'sed'; did you mean 'seed'",
    "user as u > item:3 without u": "'u' are of type user, and what is drawn is of type item",
    "user > item:3 as i as j": "'as' is said twice",
    "user > item:3 latest topk": "'topk' is said twice",
    "user > item:3 like u": "only negatives can be like others",
    "user as u -follows-> not user:3 like u (a .7, b .5)": "more than 1 together",
    "user > not item:3 where edge.time > 3": "nothing can be asked",
    "user where edge.time > 3": "no edges lead to the seeds",
    "-buys-:3 > item": "go on from > source or > target",
    "user > source": "the seeds are no edges",
    "user > not item:3 > source": "no edges led here",
    "user -buys-> any item:3": "write > any",
    "user > walk item:3": "write walk user",
    "item > walk item:3": "no such edges",
    "user -follows-> walk user:3 p=0": "p is 0; choose a number above 0",
    "user > item > ": "a type of nodes should stand here, not its end",
    "> user": "a type to start from",
    "": "a type of nodes should stand here",
    "user item": "'item' says nothing here",
    "user > (item": ", or \\) should stand here",
    "user > (item) > genre": "the end of the query",
    "user > item)": "the end of the query",
    "user > item where": "the name of an attribute",
    "user > item where a": "one of = != < <= > >= in",
    "user > item where a = ": "a number, a word or a text",
    "user > item where a in x": "\\( and values",
    "user > item where a = 1e999": "too large",
    "user where a = 99999999999999999999": "too large",
    "user > 'item": "a quote that is not closed",
    "user # item": "'#' says nothing here",
    "user > __import__('os')": "no type '__import__'",
    "user" + " > user" * 65: "64 hops at most",
    "user" + " " * MOST_LETTERS: "letters; 4,000 are read",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_gets_a_sentence(text):
    with pytest.raises(ConfigError, match=REFUSED[text]) as caught:
        Query.parse(text, SHOP)
    assert str(caught.value).endswith((".", "?")) and "\n" not in str(caught.value)


def test_it_is_pointed_at():
    with pytest.raises(QueryError) as caught:
        Query.parse("user\n  > itm", SHOP)
    assert caught.value.pointer == "  > itm\n    ^"
