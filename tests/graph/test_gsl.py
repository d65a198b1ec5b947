"""Chains in Python, and as they are typed into a console, make the queries that texts make."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from test_query import SHOP

from data.errors import ConfigError
from data.relation import Relation
from graph import HeteroGraph, Query
from graph.query.console import read_chain, read_query


@pytest.fixture(scope="module")
def g():
    none = np.zeros(0, dtype=np.int64)
    sizes = {"user": 2, "item": 3, "genre": 2}
    edges = {
        edge.key: Relation.between(
            none, none, sizes[edge.source], sizes[edge.target], none if edge.timed else None
        )
        for edge in SHOP.edges
    }
    return HeteroGraph(SHOP, sizes, edges)


SAME = {
    "g.V('user')": "user",
    "g.V('user').batch(64).alias('u').outV('buys').sample(10).by('latest').alias('i').values()": (
        "user:64 as u -buys-> item:10 latest as i"
    ),
    "g.V('user').batch(8).shuffle(True).outV('buys', 'views').sample(3)": (
        "user:8 shuffle > item:3"
    ),
    "g.V('user').batch(8).shuffle().outV('item')": "user:8 random > item",
    "g.V('item').inV('buys').sample(2).by('topk').outV('buys').sample(9).by('full')": (
        "item <-buys- user:2 topk -buys-> item:9 full"
    ),
    "g.V('user').outE('buys').sample(2).alias('e').inV().alias('i').outV('is')": (
        "user -buys-> item:2 as i via e > genre"
    ),
    "g.V('user').outE('buys').sample(2).outV().alias('again')": (
        "user -buys-> item:2 > source as again"
    ),
    "g.V('item').inE('buys').sample(2).alias('e').where('rating >= 4').inV().alias('u')": (
        "item <-buys- user:2 where edge.rating >= 4 as u via e"
    ),
    "g.E('buys').batch(64).alias('e').each(lambda e: (e.outV().alias('u').outNeg('buys').sample(5)"
    ".by('in_degree').alias('n'), e.inV().alias('i').outV('is'))).values()": (
        "-buys-:64 as e > (source as u -buys-> not item:5 in_degree as n, target as i > genre)"
    ),
    "g.E('buys', reverse=True).batch(4).outV()": "-rev_buys-:4 > source",
    "g.E('user -buys- item').inV()": "-buys- > target",
    "g.V('buys', node_from='target').alias('i')": "-buys- > target as i",
    "g.V('item').inNeg('buys').sample(3)": "item <-buys- not user:3",
    "g.V('user').Neg('item').sample(3).by('node_weight')": "user > any item:3 node_weight",
    "g.V('user').random_walk('follows', 10, p=.5, q=2)": (
        "user -follows-> walk user:10 p=0.5 q=2.0"
    ),
    "g.V('user').alias('u').outV('follows').sample(4).filter('u')": (
        "user as u -follows-> user:4 without u"
    ),
    "g.V('user').where('age > 3').outV('buys').where('year in (1, 2)').where('edge.rating = 4')": (
        "user where age > 3 -buys-> item where year in (1, 2) and edge.rating = 4"
    ),
    "g.E('buys').where('rating = 4').outV()": "-buys- where edge.rating = 4 > source",
    "g.V('user').each(lambda v: (v.outV('buys').sample(1).alias('i'), v.outNeg('buys').sample(4)"
    ".by('random').where('i', {'int_cols': ['genre'], 'int_props': [.25], 'str_cols': ['shop'],"
    " 'str_props': [.5], 'unique': True})))": (
        "user > (-buys-> item:1 as i, -buys-> not item:4 like i (genre .25, shop .5) unique)"
    ),
    "g.V('user').SubGraph('buys', [5, 4])": ("user -buys-> item:5 <-buys- user:4 induced"),
    "g.V('user').outV('follows').sample(2).SubGraph()": "user -follows-> user:2 induced",
    "g.V('user').each(lambda v: v.outV('buys').sample(1)).outV('follows')": (
        "user > (-buys-> item:1, -follows-> user)"
    ),
    "g.V('user').each(lambda v: (v.outV('buys').each(lambda w: [w.outV('is'), w.inV('views')]), "
    "v.outV('follows')))": "user > (-buys-> item > (genre, <-views- user), -follows-> user)",
    "g.V('user').outE('buys').sample(2).each(lambda e: (e.inV().alias('i'), e.outV()))": (
        "user -buys-> item:2 as i > source"
    ),
    "g.V('user')\n  .batch(2)  # few\n  .outV('buys').sample(3)": "user:2 -buys-> item:3",
}


@pytest.mark.parametrize("chain", SAME)
def test_both_spellings_are_one_query(chain, g):
    expected = Query.parse(SAME[chain], SHOP)
    assert read_query(chain, SHOP) == expected
    assert read_query(SAME[chain], SHOP) == expected
    made = eval(f"({chain}\n)", {"g": g})  # the test's own words, as a person's Python
    assert (made if isinstance(made, Query) else made.query) == expected


def test_chains_do_not_change_each_other(g):
    users = g.V("user").batch(4)
    items = users.outV("buys")
    few, many = items.sample(2).query, items.sample(9).by("latest").query
    assert (few.hops[0].count, few.hops[0].by) == (2, "random")
    assert (many.hops[0].count, many.hops[0].by) == (9, "latest")
    assert users.hops == () and users.query == g.V("user").batch(4).query
    with pytest.raises(dataclasses.FrozenInstanceError):
        users.place = 3


REFUSED = {
    "g.V('usr')": "did you mean 'user'",
    "g.V('user').ouV('buys')": "no 'ouV' here; did you mean 'outV'",
    "g.V('user').alis('u')": "did you mean 'alias'",
    "g.V('user').outV('buy')": "No edges 'buy' go from user; did you mean 'buys'",
    "g.V('item').outV('buys')": "No edges 'buys' go from item",
    "g.V('user').inV('is')": "No edges 'is' come to user",
    "g.V('user').outV('buys', 'follows')": "leads to one type",
    "g.V('user').outV()": "Along which relation",
    "g.V('user').outV(3)": "names of relations, not 3",
    "g.V('user').sample(3)": "sample is of a step",
    "g.V('user').outV('buys').by('latest')": "How many does 'item' draw",
    "g.V('user').outV('buys').sample(0)": "The count is 0",
    "g.V('user').outV('buys').sample(True)": "The count is True",
    "g.V('user').outV('buys').sample('3')": "The count is 3",
    "g.V('user').outV('buys').sample(3).by('late')": "no strategy 'late'.*did you mean 'latest'",
    "g.V('user').outNeg('buys').sample(3).by('latest')": "no strategy 'latest' that draws negat",
    "g.V('user').outV('buys').batch(3)": "before the first step",
    "g.V('user').batch(-1)": "The number of seeds is -1",
    "g.V('user').shuffle(3)": "True or False",
    "g.V('user').alias('a b')": "is no name",
    "g.V('user').alias('a').outV('buys').alias('a')": "Two parts",
    "g.V('user').outV('buys').filter('z')": "Nothing before it is called 'z'",
    "g.E('buys').outV('buys')": "stands at edges",
    "g.E('buy')": "did you mean 'buys'",
    "g.V('buys', node_from='x')": "choose source or target",
    "g.V('user').random_walk('buys', 3)": "stays among user",
    "g.V('user').random_walk('follows', 0)": "The number of steps is 0",
    "g.V('user').random_walk('follows', 3, p='a')": "p is a",
    "g.V('user').where('age >')": "a number, a word or a text",
    "g.V('user').where('edge.time > 3')": "No edges lead to the seeds",
    "g.V('user').outV('buys').where(3)": "where takes conditions as text",
    "g.V('user').outNeg('buys').sample(3).where('u', {'int_col': []})": "did you mean 'int_cols'",
    "g.V('user').outNeg('buys').sample(3).where('u', {'int_cols': [0], 'int_props': [.5]})": (
        "given by name, not 0"
    ),
    "g.V('user').outNeg('buys').sample(3).where('u', {'str_cols': ['a']})": "not of one length",
    "g.V('user').each(3)": "each takes a function",
    "g.V('user').each(lambda v: 3)": "cannot stand",
    "g.V('user').each(lambda v: g.V('item').outV('is'))": "go on from it",
    "g.V('user').each(lambda: 3)": "a lambda of one name",
    "g.V('user').each(lambda v: v.outV('buys').values())": "stands once",
    "g.V('user').values().values()": "nothing follows values",
    "g": "begin with g and a call",
    "h.V('user')": "begin with g",
    "g.V(open('x'))": "cannot stand in a query",
    "g.V('user').__class__": "only calls one after another",
    "g.V('user').__class__()": "A chain has no '__class__'",
    "g.V('user').query()": "A chain has no 'query'",
    "g.V('user').schema()": "A chain has no 'schema'",
    "g.V('user').each(lambda v, x=print: v.outV('buys'))": "a lambda of one name",
    "__import__('os').system('x')": "cannot stand in a query",
    "g.V('user') + g.V('item')": "cannot stand",
    "[g.V('user') for _ in 'ab']": "cannot stand",
    "g.V('user', 3, 4, 5)": "V is not called like this",
    "g.V(**{'kind': 'user'})": "no \\*\\*",
    "g.V(*['user'])": "cannot stand",
    "g.V('user'": "no chain of calls",
    "g.V('user')); print(1": "no chain of calls",
    "g.V(f'{1}')": "cannot stand",
    "g." + "(" * 1000: "no chain of calls",
    "g.V('x" + "x" * 4000: "letters; 4,000 are read",
}


@pytest.mark.parametrize("chain", REFUSED)
def test_what_no_chain_does_gets_a_sentence(chain):
    with pytest.raises(ConfigError, match=REFUSED[chain]) as caught:
        read_chain(chain, SHOP)
    assert str(caught.value).endswith((".", "?")) and "\n" not in str(caught.value)


def test_a_long_chain_is_read():
    assert read_chain("g.V('user')" + ".SubGraph()" * 350, SHOP).induced
    with pytest.raises(ConfigError):
        read_chain("g.V('user')" + ".a()" * 900, SHOP)
