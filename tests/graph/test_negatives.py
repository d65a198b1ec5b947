"""Negatives: never joined to their node as far as its seed sees, and in promised proportions."""

import numpy as np
import pytest
from scipy import stats

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.query.query import Condition, Hop, Likeness, Start

BUYS = ("user", "buys", "item")
P = 1e-4


def shop(n_users: int = 30, n_items: int = 12, m: int = 90, seed: int = 1) -> HeteroGraph:
    rng = np.random.default_rng(seed)
    schema = Schema(
        (NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item", timed=True),)
    )
    items = rng.integers(0, n_items, m) * rng.integers(0, n_items, m) // n_items
    bought = Relation.between(
        rng.integers(0, n_users, m), items, n_users, n_items, rng.integers(0, 50, m)
    )
    about = {
        "weight": np.arange(n_items, dtype=float),
        "price": np.arange(n_items) % 3,
        "brand": tuple("ab"[item % 2] for item in range(n_items)),
        "time": np.arange(n_items) * 3,
    }
    return HeteroGraph(schema, {"user": n_users, "item": n_items}, {BUYS: bought}, {"item": about})


def without_births(graph: HeteroGraph) -> HeteroGraph:
    about = {name: part for name, part in graph.attributes["item"].items() if name != "time"}
    return HeteroGraph(graph.schema, graph.sizes, graph.edges, {"item": about})


def negatives(by: str = "random", count: int = 4, **more: object) -> Query:
    hop = Hop(0, "item", (BUYS,), count, by, negative=True, **more)  # type: ignore[arg-type]
    return Query(Start("user"), (hop,))


def joined(graph: HeteroGraph, user: int, limit: int | None) -> set[int]:
    row = graph.relation(BUYS)
    span = range(row.offsets[user], row.offsets[user + 1])
    return {int(row.targets[e]) for e in span if limit is None or row.moments[e] < limit}


@pytest.mark.parametrize("limit", [None, 30])
@pytest.mark.parametrize("by", ["random", "in_degree", "node_weight"])
def test_no_negative_is_a_neighbour_and_all_are_in_proportion(by: str, limit: int | None) -> None:
    graph = shop()
    row = graph.relation(BUYS)
    for user in range(3):
        seeds = np.full(800, user)
        times = None if limit is None else np.full(800, limit)
        drawn = Sampler(graph, negatives(by)).sample(seeds, times, rng=user).draws[0].nodes
        born = np.arange(12) * 3
        there = np.ones(90, bool) if limit is None else row.moments < limit
        if limit is not None:
            there &= born[row.targets] < limit
        weights = {
            "random": np.ones(12),
            "in_degree": np.bincount(row.targets[there], minlength=12),
            "node_weight": np.arange(12),
        }[by].astype(float)
        weights[list(joined(graph, user, limit))] = 0
        if limit is not None:
            weights[born >= limit] = 0
        tally = np.bincount(drawn, minlength=12)
        assert tally.sum() == 3200 and not tally[weights == 0].any()
        expected = weights[weights > 0] / weights.sum() * tally.sum()
        assert stats.chisquare(tally[weights > 0], expected).pvalue > P


def test_negatives_that_are_not_strict_are_any_nodes() -> None:
    graph = without_births(shop())
    drawn = Sampler(graph, negatives(), strict=False).sample(np.zeros(2000, int)).draws[0].nodes
    assert stats.chisquare(np.bincount(drawn, minlength=12)).pvalue > P


def test_what_is_to_be_predicted_is_no_negative() -> None:
    graph = without_births(shop(m=40))
    row = graph.relation(BUYS)
    user = int(np.argmax(row.degrees))
    last = np.array([row.offsets[user + 1] - 1])
    times = np.full(500, row.moments[last[0]])
    sampler = Sampler(graph, negatives())
    target = row.targets[last[0]]
    seeds = np.full(500, user)
    assert target in sampler.sample(seeds, times).draws[0].nodes
    assert target not in sampler.sample(seeds, times, exclude={BUYS: last}).draws[0].nodes


def test_there_are_not_enough_is_a_sentence() -> None:
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item"),))
    bought = Relation.between(np.array([0, 0, 1]), np.array([0, 1, 0]), 2, 2)
    graph = HeteroGraph(schema, {"user": 2, "item": 2}, {BUYS: bought})
    sampler = Sampler(graph, negatives(count=3))
    assert sampler.sample(np.array([1])).draws[0].nodes.tolist() == [1, 1, 1]
    with pytest.raises(DataError, match="not a node of type item that user number 0 could"):
        sampler.sample(np.array([1, 0]))
    unique = Sampler(graph, negatives(count=2, like=Likeness("", unique=True)))
    with pytest.raises(
        DataError, match="not 2 different nodes of type item that user number 1 could"
    ):
        unique.sample(np.array([1]))
    with pytest.raises(ConfigError, match="'weight'"):
        Sampler(graph, negatives("node_weight"))


def test_unique_negatives_are_all_different_down_to_the_last() -> None:
    graph = without_births(shop())
    for user in range(30):
        left = 12 - len(joined(graph, user, None))
        query = negatives(count=left, like=Likeness("", unique=True))
        drawn = Sampler(graph, query).sample(np.array([user])).draws[0].nodes
        assert len(set(drawn.tolist())) == left


def test_shared_negatives_suit_every_seed() -> None:
    graph = shop(m=40)
    seeds, times = np.arange(4), np.array([33, 36, 40, 30])
    query = negatives(count=6, like=Likeness("", shared=True))
    drawn = Sampler(graph, query).sample(seeds, times).draws[0].nodes.reshape(4, 6)
    assert (drawn == drawn[0]).all()
    for user, limit in zip(seeds, times, strict=True):
        assert not joined(graph, user, limit) & set(drawn[0].tolist())
    assert drawn.max() * 3 < 30


@pytest.mark.parametrize("by", ["random", "in_degree", "node_weight"])
def test_conditions_hold_for_their_share(by: str) -> None:
    graph = without_births(shop(m=60))
    like = Likeness("bought", (("price", 0.5), ("brand", 0.25)))
    query = Query(
        Start("user", edge=BUYS),
        (
            Hop(0, "item", (), end="target", alias="bought"),
            Hop(0, "item", (BUYS,), 8, by, negative=True, like=like),
        ),
    )
    sample = Sampler(graph, query).sample(np.arange(60), times=100)
    drawn = sample.draws[1].nodes.reshape(60, 8)
    targets = sample.draws[0].nodes
    full = 0
    for edge, (target, row) in enumerate(zip(targets, drawn, strict=True)):
        user = int(graph.relation(BUYS).sources[edge])
        assert not joined(graph, user, None) & set(row.tolist())
        left = set(range(12)) - joined(graph, user, None)
        weight = np.bincount(graph.relation(BUYS).targets, minlength=12)
        if by != "random":
            chance = weight if by == "in_degree" else np.arange(12)
            left = {item for item in left if chance[item] > 0}
        if any(item % 3 == target % 3 for item in left):
            assert (row[:4] % 3 == target % 3).all()
            full += 1
        if any(item % 2 == target % 2 for item in left):
            assert (row[4:6] % 2 == target % 2).all()
    assert full > 20
    assert len(set((drawn[:, 6:] % 3 == targets[:, None] % 3).ravel().tolist())) == 2


def test_negatives_meet_conditions() -> None:
    query = negatives(where=(Condition("brand", "=", "b"),))
    drawn = Sampler(shop(), query).sample(np.arange(30)).draws[0].nodes
    assert (drawn % 2 == 1).all() and len(set(drawn.tolist())) > 3
