"""Where nearly nothing of a long row may be drawn: the right nodes, in the right proportions."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.stats import chisquare

from data.errors import DataError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.query.query import Hop, Likeness, Start
from graph.sample import bars, negatives
from graph.sample.strategies import pick

BUYS = ("user", "buys", "item")
SHOP = Schema((NodeType("user"), NodeType("item")), (EdgeType(*BUYS),))


def _shop(sources, targets, n_users, n_items, about=None, weights=None):
    buys = Relation.between(sources, targets, n_users, n_items, None, weights)
    return HeteroGraph(SHOP, {"user": n_users, "item": n_items}, {BUYS: buys}, about or {})


def _fits(nodes, shares):
    counts = np.bincount(nodes, minlength=len(shares))
    some = shares > 0
    assert counts[~some].sum() == 0
    assert chisquare(counts[some], shares[some] / shares.sum() * counts.sum()).pvalue > 1e-4


@pytest.fixture(params=["by chance", "from whole rows"])
def way(request, monkeypatch):
    """Draws again until it fits, or reads what is left of rows at once, in small blocks."""
    if request.param == "from whole rows":
        for module in (bars, negatives):
            monkeypatch.setattr(module, "TRIES", (1,))
            monkeypatch.setattr(module, "MOST", 3000)


@pytest.mark.parametrize("by", ["random", "edge_weight", "in_degree"])
def test_draws_fit_where_most_of_a_row_is_left_out(by, way):
    rng = np.random.default_rng(3)
    m, n = 400, 2
    sources, targets = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    weights = rng.integers(0, 4, n * m).astype(np.float32)
    graph = _shop(sources, targets, n, m, weights=weights)
    out = rng.permutation(n * m)[: int(0.97 * n * m)]
    left = np.ones(n * m, dtype=bool)
    left[out] = False
    arriving = np.bincount(targets[left], minlength=m)
    sampler = Sampler(graph, Query.parse(f"user > item:20 {by}", SHOP))
    draws = sampler.draw(np.repeat(np.arange(n), 100), exclude={BUYS: out})[0]
    for user in range(n):
        row = left[user * m : (user + 1) * m]
        shares = {
            "random": row.astype(float),
            "edge_weight": row * weights[user * m : (user + 1) * m],
            "in_degree": row * arriving,
        }[by]
        _fits(draws.nodes[draws.origins // 100 == user], shares.astype(float))


@pytest.mark.parametrize("by", ["random", "in_degree", "node_weight"])
def test_negatives_fit_where_a_node_is_joined_to_most(by, way):
    n = 300
    joined = np.arange(n - 6)
    more = np.array([n - 1, n - 1, n - 2, n - 3])
    sources = np.concatenate([np.zeros(n - 6, dtype=int), np.ones(4, dtype=int)])
    about = {"item": {"weight": np.arange(n) % 5}}
    graph = _shop(sources, np.concatenate([joined, more]), 2, n, about)
    sampler = Sampler(graph, Query.parse(f"user > not item:10 {by}", SHOP))
    nodes = sampler.draw(np.zeros(300, dtype=int))[0].nodes
    shares = {
        "random": np.ones(n),
        "in_degree": np.bincount(graph.relation(BUYS).targets, minlength=n),
        "node_weight": np.arange(n) % 5,
    }[by].astype(float)
    shares[joined] = 0
    _fits(nodes, shares)


def test_unique_negatives_of_a_hub_are_all_that_are_left(way):
    graph = _shop(np.zeros(95, dtype=int), np.arange(95), 1, 100)
    like = Likeness("", unique=True)
    hop = Hop(0, "item", (BUYS,), 5, "random", negative=True, like=like)
    query = Query(Start("user"), (hop,))
    nodes = Sampler(graph, query).draw(np.zeros(3, dtype=int))[0].nodes
    assert np.sort(nodes.reshape(3, 5), axis=1).tolist() == [[95, 96, 97, 98, 99]] * 3


def test_walks_fit_where_most_is_left_out(way):
    schema = Schema((NodeType("user"),), (EdgeType("user", "knows", "user"),))
    n, key = 200, ("user", "knows", "user")
    sources = np.concatenate([np.zeros(n, dtype=int), np.arange(1, n), [1]])
    targets = np.concatenate([np.arange(n), np.zeros(n - 1, dtype=int), [2]])
    knows = Relation.between(sources, targets, n, n)
    graph = HeteroGraph(schema, {"user": n}, {key: knows})
    query = graph.V("user").batch(1).alias("u").random_walk("knows", 2, p=100.0, q=0.5).values()
    sampler = Sampler(graph, query)
    out = np.flatnonzero((knows.sources == 0) & ~np.isin(knows.targets, [1, 2, 3]))
    draws = sampler.draw(np.ones(6000, dtype=int), exclude={key: out})[0]
    first = np.zeros(6000, dtype=int)
    first[draws.origins[draws.steps == 0]] = draws.nodes[draws.steps == 0]
    second = draws.steps == 1
    by_zero = draws.nodes[second][first[draws.origins[second]] == 0]
    # From 1 by way of 0: back to 1 (1/p), to 2, which 1 knows as well (1), or to 3 (1/q).
    shares = np.zeros(n)
    shares[1:4] = 0.01, 1, 2
    _fits(by_zero, shares)


def test_a_hub_is_listed_once_and_in_bounded_memory():
    n = 200_000
    graph = _shop(np.arange(n - 2), np.zeros(n - 2, dtype=int), n, 1)
    sampler = Sampler(graph, Query.parse("user > item:3 > not user:5", SHOP))
    sampler.sample(np.arange(2))
    tracemalloc.start()
    nodes = sampler.draw(np.arange(64))[1].nodes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(nodes.tolist()) == {n - 2, n - 1} and peak < 300 * n


def test_nothing_without_weight_is_picked():
    places = pick(np.array([2, 0, 3]), np.array([1.0, 0, 0, 1e-9, 3]), np.array([0, 1, 2, 2]),
                  np.random.default_rng(0))  # fmt: skip
    assert places.tolist() == [0, -1, 4, 4]
    assert (
        pick(np.array([2]), np.zeros(2), np.zeros(3, dtype=int), np.random.default_rng(0)).max() < 0
    )


def test_where_nothing_is_left_it_is_said():
    graph = _shop(np.zeros(100, dtype=int), np.arange(100), 1, 100)
    with pytest.raises(DataError, match="There is not a node of type item"):
        Sampler(graph, Query.parse("user > not item:2", SHOP)).draw(np.zeros(2, dtype=int))
