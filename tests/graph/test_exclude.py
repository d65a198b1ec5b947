"""What is left out: both ways of an edge that is not directed, masks, and parts of a graph."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import DataError
from data.relation import Relation
from graph.exchange.tables import Table
from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.sample.loader import Loader
from graph.sample.numbers import twins
from graph.sample.sampler import Sampler
from graph.sample.shards import Shards
from graph.schema import EdgeType, NodeType, Schema

KNOWS, BUYS = ("user", "knows", "user"), ("user", "buys", "item")
PAIRS = {"source": [0, 0, 1, 2, 3], "target": [1, 2, 2, 3, 3]}


def _friends(times=None, directed=False):
    data = PAIRS if times is None else {**PAIRS, "time": times}
    return HeteroGraph.of({"user": 4}, {KNOWS: Table(data, directed=directed)})


def _number(graph, source, target):
    relation = graph.relation(KNOWS)
    return int(np.flatnonzero((relation.sources == source) & (relation.targets == target))[0])


def _walked(graph, sample):
    """Both ends of every edge of a sample."""
    edges, nodes = sample.edges[KNOWS], sample.nodes["user"]
    return set(zip(nodes[edges.rows].tolist(), nodes[edges.columns].tolist(), strict=True))


@pytest.mark.parametrize("times", [None, [5, 6, 7, 8, 9]])
@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("text", ["user -knows-> user", "user -knows-> user:9 random",
                                  "user -rev_knows-> user:9 full"])  # fmt: skip
def test_an_edge_that_is_not_directed_is_left_out_both_ways(times, sharded, text):
    graph = _friends(times)
    query = Query.parse(text, graph.schema)
    sampler = Shards.of(graph, 2).sampler(query) if sharded else Sampler(graph, query)
    everyone = np.arange(4)
    assert {(0, 1), (1, 0)} & _walked(graph, sampler.sample(everyone))
    for ends in ((0, 1), (1, 0)):
        sample = sampler.sample(everyone, exclude={KNOWS: [_number(graph, *ends)]})
        assert not {(0, 1), (1, 0)} & _walked(graph, sample)
        assert {(0, 2), (2, 0)} & _walked(graph, sample)


def test_seeds_that_are_edges_are_left_out_both_ways():
    graph = _friends()
    edge = graph.E("knows").batch(4).alias("e").outV().alias("u").outV("knows").sample(9).values()
    sample = Sampler(graph, edge).sample(np.array([_number(graph, 1, 2)]))
    assert (1, 0) in _walked(graph, sample) and not {(1, 2), (2, 1)} & _walked(graph, sample)


def test_a_directed_edge_leaves_the_other_way():
    graph = HeteroGraph.of({"user": 3}, {KNOWS: {"source": [0, 1, 1], "target": [1, 0, 2]}})
    sampler = Sampler(graph, Query.parse("user -knows-> user", graph.schema))
    sample = sampler.sample(np.arange(3), exclude={KNOWS: [_number(graph, 0, 1)]})
    assert (1, 0) in _walked(graph, sample) and (0, 1) not in _walked(graph, sample)


def test_negatives_are_not_what_an_excluded_edge_joins_either_way():
    graph = HeteroGraph.of(
        {"user": 3}, {KNOWS: Table({"source": [0, 0], "target": [1, 2]}, directed=False)}
    )
    query = Query.parse("user > not user:30", graph.schema)
    excluded = {KNOWS: [_number(graph, 0, 1)]}
    drawn = Sampler(graph, query).draw(np.array([1]), exclude=excluded)[0].nodes
    assert set(drawn.tolist()) == {1, 2}


def test_twins_are_of_one_time_and_a_loop_is_its_own():
    assert twins(np.array([0, 0, 1]), np.array([0, 1, 0]), None, 2).tolist() == [0, 2, 1]
    both = np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])
    assert twins(*both, np.array([5, 6, 5, 6]), 2).tolist() == [2, 3, 0, 1]
    assert twins(*both, np.array([5, 6, 5, 7]), 2) is None
    ring = np.arange(3), np.array([1, 2, 0])
    assert twins(*ring, None, 3) is None


def _shop():
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType(*BUYS, timed=True),))
    buys = Relation.between(
        np.array([0, 0, 0, 1]), np.array([0, 1, 2, 3]), 2, 4, np.array([1, 2, 3, 4])
    )
    return HeteroGraph(schema, {"user": 2, "item": 4}, {BUYS: buys})


def test_masks_say_which_of_all():
    graph = _shop()
    sampler = Sampler(graph, Query.parse("user > item", graph.schema))
    sample = sampler.sample([True, False], exclude={BUYS: np.array([False, True, False, False])})
    assert sample.seeds.tolist() == [0] and sample.nodes["item"].tolist() == [0, 2]
    loader = Loader(sampler, np.array([False, True]), ahead=0)
    assert [one.seeds.tolist() for one in loader] == [[1]]
    with pytest.raises(DataError, match=r"there are 3 times True or False.* each of 4"):
        sampler.sample([0], exclude={BUYS: np.zeros(3, dtype=bool)})
    with pytest.raises(DataError, match=r"seeds there are 3 times True or False.* each of 2"):
        sampler.sample([True, False, True])


def test_numbers_are_whole():
    graph = _shop()
    sampler = Sampler(graph, Query.parse("user > item", graph.schema))
    assert sampler.sample(np.array([1.0])).seeds.tolist() == [1]
    for seeds, match in (([0, 1.5], "Number 1 of the seeds is 1.5"), ([np.nan], "seeds is nan"),
                         (["0"], "hold .*'0'")):  # fmt: skip
        with pytest.raises(DataError, match=match):
            sampler.sample(seeds)
    with pytest.raises(DataError, match=r"Number 0 of the edges to leave out is 0\.5"):
        sampler.sample([0], exclude={BUYS: [0.5]})


def test_edges_of_a_part_of_a_graph_keep_their_numbers():
    graph = _shop().before({"user": np.array([4, 9]), "item": np.array([0, 9, 9, 9])})
    assert graph.relation(BUYS).numbers.tolist() == [1, 2, 3]
    edges = graph.E("buys").batch(2).alias("e").outV().alias("u").outV("buys").sample(9).values()
    sampler = Sampler(graph, edges)
    assert sampler.seeds().tolist() == [1, 2, 3]
    sample = sampler.sample(np.array([1]), times=9)
    assert sample.nodes["user"].tolist() == [0] and sample.nodes["item"].tolist() == [2]
    own = sampler.sample(np.array([3, 2]))
    assert own.times.tolist() == [4, 3] and own.starts.tolist() == [1, 0]
    with pytest.raises(DataError, match="number 0, which there is not among 3"):
        sampler.sample(np.array([0]))
