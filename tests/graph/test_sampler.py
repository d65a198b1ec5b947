"""The sampler: what each strategy draws, what it must not see, and what the answer holds."""

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.query.query import Hop, Start
from graph.sample.rows import Rows

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


def test_one_hop_along_several_types_of_edges_draws_its_count_from_all_of_them() -> None:
    views, likes = ("user", "views", "item"), ("user", "likes", "item")
    schema = Schema(
        (NodeType("user"), NodeType("item")),
        (EdgeType(*views, timed=True), EdgeType(*likes)),
    )
    ends = np.array([0, 0, 0]), np.array([0, 1, 2])
    graph = HeteroGraph(
        schema,
        {"user": 2, "item": 5},
        {
            views: Relation.between(*ends, 2, 5, np.array([3, 9, 1])),
            likes: Relation.between(np.array([0, 0]), np.array([3, 4]), 2, 5),
        },
    )
    hop = Hop(0, "item", (views, likes), 3, "latest")
    sample = Sampler(graph, walk(hop)).sample(np.array([0, 1]), 9)
    assert sample.draws[0].nodes.tolist() == [0, 2, 4]
    assert sample.draws[0].kinds.tolist() == [0, 0, 1]
    assert sample.edges[views].numbers.tolist() == [1, 0]
    assert sample.edges[likes].numbers.tolist() == [1] and sample.edges[likes].times is None
    everything = Sampler(graph, walk(Hop(0, "item", (views, likes)))).sample(np.array([0]))
    assert sorted(everything.draws[0].nodes.tolist()) == [0, 1, 2, 3, 4]


def test_isolated_nodes_and_no_seeds_give_empty_samples() -> None:
    graph = shop()
    query = Query.parse("user > (item:3 as i > user:2, not item:2, item:2 without i)", graph.schema)
    alone = Sampler(graph, query).sample(np.array([2]), 5)
    assert [len(one.nodes) for one in alone.draws] == [0, 0, 2, 0]
    none = Sampler(graph, query).sample(np.zeros(0, dtype=int), np.zeros(0, dtype=int))
    assert all(len(one.nodes) == 0 for one in none.draws) and len(none.nodes["user"]) == 0
    edges = Sampler(graph, Query.parse("-buys- > target > user:2 induced", graph.schema))
    assert len(edges.sample(np.zeros(0, dtype=int)).seeds) == 0


def test_edges_as_seeds_stand_at_their_own_time_and_never_see_themselves() -> None:
    graph = shop()
    query = Query.parse("-buys- > (target > user:5, source > item:5)", graph.schema)
    sample = Sampler(graph, query).sample(np.arange(5))
    assert sample.times is not None and sample.times.tolist() == [1, 2, 3, 2, 4]
    assert sample.starts.tolist() == [0, 0, 0, 1, 1]
    assert sample.draws[0].nodes.tolist() == [0, 1, 2, 1, 2]
    for number, hop in ((1, 0), (3, 2)):
        drawn = sample.draws[number]
        owner = sample.draws[hop].origins[drawn.origins]
        assert (drawn.edges != sample.seeds[owner]).all()
    later = Sampler(graph, query).sample(np.arange(5), 100)
    assert all(len(drawn.nodes) == 0 for drawn in (later.draws[1], later.draws[3]))


def test_seeds_that_meet_conditions_have_the_numbers_of_the_declared_edges() -> None:
    graph = shop()
    for text in ("-buys-", "-rev_buys-"):
        query = Query.parse(f"{text} where edge.weight < 2 > target", graph.schema)
        assert Sampler(graph, query).seeds().tolist() == [0, 3, 4]


def test_odd_numbers_of_edges_and_odd_strategies_are_sentences() -> None:
    graph = shop()
    with pytest.raises(DataError, match="number 7 is to be left out"):
        Sampler(graph, TWO).sample(np.array([0]), exclude={BUYS: np.array([7])})

    def peek(rows: Rows, count: int, _: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(count, dtype=int), rows.begins[:1] + np.arange(count)

    late = Sampler(graph, walk(Hop(0, "item", (BUYS,), 3, "mine")), strategies={"mine": peek})
    assert late.sample(np.array([0]), 4).draws[0].nodes.tolist() == [0, 1, 2]
    with pytest.raises(ConfigError, match="'mine' answered edges that its rows do not show"):
        late.sample(np.array([0]), 3)
