"""A sampler takes a query as it is, as text or as a chain; what is wrong is said by its name."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from graph import HeteroGraph, Query, Sampler
from graph.query.parts import NEGATIVES, STRATEGIES
from graph.sample.shards import Shards
from graph.sample.strategies import STRATEGIES as DRAWN

BUYS = ("user", "buys", "item")


def _shop():
    return HeteroGraph.of({}, {BUYS: {"user": ["ann", "ann", "bob"], "item": [7, 9, 9]}})


@pytest.mark.parametrize("sharded", [False, True])
def test_text_and_chains_are_queries(sharded):
    graph = _shop()
    chain = graph.V("user").batch(2).outV("buys").sample(8).by("full")
    said = "g.V('user').batch(2).outV('buys').sample(8).by('full').values()"
    text = "user:2 > item:8 full"
    for given in (text, chain, said, chain.values(), Query.parse(text, graph)):
        sampler = Shards.of(graph, 2).sampler(given) if sharded else Sampler(graph, given)
        assert isinstance(sampler.query, Query) and str(sampler.query) == text
        assert sampler.sample(np.arange(2)).draws[0].nodes.tolist() == [0, 1, 1]


def test_a_graph_stands_for_its_schema():
    graph = _shop()
    assert Query.parse("user > item", graph) == Query.parse("user > item", graph.schema)
    assert Query.along(["user", "item"], graph) == Query.along(["user", "item"], graph.schema)
    for call in (lambda: Query.parse("user > item", {}), lambda: Query.along(["user"], None)):
        with pytest.raises(ConfigError, match=r"fits a schema or a graph, and this is (dict|None)"):
            call()


@pytest.mark.parametrize("given", [None, 5, ("user", "item"), Query])
def test_what_is_no_query_is_said(given):
    with pytest.raises(ConfigError, match="A query is made by"):
        Sampler(_shop(), given)


def test_nodes_without_negatives_are_called_by_their_ids():
    graph = _shop()
    sampler = Sampler(graph, "user > not item:1")
    with pytest.raises(DataError, match="of type item that user ann could be set against"):
        sampler.sample(np.array([1, 0]))
    chain = graph.V("item").batch(9).alias("i").inNeg("buys").sample(1).by("random").alias("u")
    with pytest.raises(DataError, match="of type user that item 9 could be set against"):
        Sampler(graph, chain).sample(np.array([1]))


def test_only_strategies_that_are_there_are_offered():
    graph = _shop()
    assert set(STRATEGIES) == set(DRAWN)
    for text in ("user > item:2 focol", "user > item:2 nearest"):
        with pytest.raises(ConfigError) as error:
            Query.parse(text, graph)
        assert "focal" not in str(error.value)
    with pytest.raises(ConfigError) as error:
        graph.V("user").batch(1).outV("buys").sample(2).by("nearest")
    assert "focal" not in str(error.value) and "in_degree" in str(error.value)
    with pytest.raises(ConfigError, match=f"there are {', '.join(NEGATIVES)}"):
        graph.V("user").batch(1).outNeg("buys").sample(2).by("focal")
    with pytest.raises(ConfigError, match=r"no strategy 'focal'; there are random, .*Give one of"):
        Sampler(graph, "user > item:2 focal")
