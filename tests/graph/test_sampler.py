"""The sampler: what each strategy draws, what it must not see, and what the answer holds."""

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.query.query import Hop, Start

BUYS, BOUGHT = ("user", "buys", "item"), ("item", "rev_buys", "user")


def shop() -> HeteroGraph:
    """Three users, four items; item 3 is alone and user 2 has nothing."""
    schema = Schema(
        (NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item", timed=True),)
    )
    users, items = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 1, 2])
    bought = Relation.between(
        users, items, 3, 4, np.array([1, 2, 3, 2, 4]), np.array([1.0, 3, 2, 1, 1])
    )
    return HeteroGraph(schema, {"user": 3, "item": 4}, {BUYS: bought})


def walk(*hops: Hop, induced: bool = False) -> Query:
    return Query(Start("user"), hops, induced)


TWO = walk(Hop(0, "item", (BUYS,), 2, "latest"), Hop(1, "user", (BOUGHT,), 8, "latest"))


def test_a_sample_holds_every_node_and_edge_once_a_seed() -> None:
    sample = Sampler(shop(), TWO).sample(np.array([0, 2, 1]), np.array([4, 9, 4]))
    assert sample.draws[0].nodes.tolist() == [2, 1, 1]
    assert sample.draws[1].origins.tolist() == [0, 1, 1, 2, 2]
    assert sample.nodes["user"].tolist() == [0, 2, 1, 1, 0]
    assert sample.owners["user"].tolist() == [0, 1, 2, 0, 2]
    assert sample.nodes["item"].tolist() == [2, 1, 1]
    edges = sample.edges[BUYS]
    ends = zip(sample.nodes["user"][edges.rows], sample.nodes["item"][edges.columns], strict=True)
    assert [(int(u), int(i)) for u, i in ends] == [(0, 2), (0, 1), (1, 1), (1, 1), (0, 1)]
    assert edges.numbers.tolist() == [2, 1, 3, 3, 1]
    assert edges.times is not None and edges.times.tolist() == [3, 2, 2, 2, 2]
    assert sample.ages["item"].tolist() == [1, 2, 2]
    assert np.isnan(sample.ages["user"][1])


def test_merged_seeds_share_nodes() -> None:
    sample = Sampler(shop(), TWO, disjoint=False).sample(np.array([0, 1]), np.array([9]))
    assert sample.nodes["user"].tolist() == [0, 1]
    assert sample.owners["item"].tolist() == [-1, -1]
    with pytest.raises(ConfigError, match="different times"):
        Sampler(shop(), TWO, disjoint=False).sample(np.array([0, 1]), np.array([8, 9]))


def test_what_is_not_there_is_a_sentence() -> None:
    with pytest.raises(DataError, match="Seed 1 is user number 3"):
        Sampler(shop(), TWO).sample(np.array([0, 3]))
    with pytest.raises(DataError, match="2 times for 3 seeds"):
        Sampler(shop(), TWO).sample(np.array([0, 1, 2]), np.array([1, 2]))
    with pytest.raises(ConfigError, match="item:8"):
        Sampler(shop(), walk(Hop(0, "item", (BUYS,))), most=4).sample(np.array([0, 1]))
