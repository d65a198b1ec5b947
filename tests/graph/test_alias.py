"""Alias tables: what they draw is in proportion to the weights of a row, whatever these are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.sample.rows import Reach, Rows
from graph.sample.sampler import Sampler
from graph.sample.strategies import edge_weight
from graph.sample.tables import Alias
from graph.schema import EdgeType, NodeType, Schema


def implied(rows):
    """(m,) the probability that a table gives to every edge of its row."""
    offsets = np.append(0, np.cumsum([len(row) for row in rows])).astype(np.int64)
    weights = np.concatenate([np.zeros(0), *(np.asarray(row, dtype=float) for row in rows)])
    alias = Alias.of(offsets, weights)
    rest = np.bincount(alias.others, 1 - alias.kept, minlength=len(weights))
    owners = np.repeat(np.arange(len(rows)), np.diff(offsets))
    assert (owners[alias.others] == owners).all()
    assert ((alias.kept >= 0) & (alias.kept <= 1)).all()
    return (alias.kept + rest) / np.repeat(np.diff(offsets), np.diff(offsets)), alias.filled


def expected(rows):
    shares = [np.asarray(row) / max(sum(row), 1e-300) for row in rows]
    return np.concatenate([np.zeros(0), *shares])


def check(rows):
    found, filled = implied(rows)
    assert filled.tolist() == [sum(row) > 0 for row in rows]
    drawn = np.repeat(filled, [len(row) for row in rows])
    np.testing.assert_allclose(found[drawn], expected(rows)[drawn], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("row", [[2.0, 3, 1], [3, 1, 5], [2, 2, 1, 3], [1, 1, 1], [5], [0, 4, 2]])
def test_an_edge_of_the_mean_weight_keeps_its_slot(row):
    found, _ = implied([row])
    np.testing.assert_allclose(found, np.array(row) / sum(row), atol=1e-12)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=30))
def test_tables_give_every_edge_its_share(rows):
    check(rows)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 1e-9, 0.1, 0.3, 0.7, 1.0, 1e9]), max_size=7), max_size=20
    )
)
def test_tables_give_every_edge_its_share_at_any_scale(rows):
    check(rows)


def test_rows_do_not_mix_and_long_ones_are_exact():
    rng = np.random.default_rng(0)
    many = [rng.integers(0, 4, rng.integers(0, 6)).tolist() for _ in range(30_000)]
    long = rng.integers(0, 4, 100_000).tolist()
    lone = [0] * 99_999 + [3]
    check([*many, long, [1], [], lone, [7] * 1000, *many[:100]])


SHOP = Schema((NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item"),))
BUYS = ("user", "buys", "item")


def _shop(sources, targets, weights=None, about=None):
    sources, targets = np.array(sources), np.array(targets)
    sizes = {"user": int(sources.max()) + 1, "item": int(targets.max()) + 1}
    buys = Relation.between(sources, targets, *sizes.values(), None, weights)
    return HeteroGraph(SHOP, sizes, {BUYS: buys}, about or {})


def _fits(nodes, shares):
    counts = np.bincount(nodes, minlength=len(shares))
    assert counts[shares == 0].sum() == 0
    some = shares > 0
    assert chisquare(counts[some], shares[some] / shares.sum() * counts.sum()).pvalue > 1e-4


@pytest.mark.parametrize("weights", [[2, 3, 1], [3, 1, 5], [2, 4, 0]])
def test_draws_by_weight_fit_where_a_weight_is_the_mean(weights):
    graph = _shop([0] * 3 + [1] * 3, [0, 1, 2] * 2, np.array(weights * 2, dtype=np.float32))
    draws = Sampler(graph, Query.parse("user > item:5000 edge_weight", SHOP)).draw(np.arange(2))
    for user in range(2):
        _fits(draws[0].nodes[draws[0].origins == user], np.array(weights))


def test_draws_by_in_degree_fit_where_one_is_the_mean():
    targets = [0, 1, 2, 0, 1, 1]
    graph = _shop([0, 0, 0, 1, 1, 2], targets)
    draws = Sampler(graph, Query.parse("user > item:20000 in_degree", SHOP)).draw(np.array([0]))
    _fits(draws[0].nodes, np.bincount(targets))


def test_negatives_by_node_weight_fit_where_one_is_the_mean():
    weights = np.array([2, 3, 1, 2], dtype=np.float32)
    graph = _shop([0], [3], about={"item": {"weight": weights}})
    draws = Sampler(graph, Query.parse("user > not item:20000 node_weight", SHOP)).draw([0])
    _fits(draws[0].nodes, np.array([2, 3, 1, 0]))


def test_small_weights_are_drawn_from_rows_behind_large_ones():
    m = 200_000
    weights = np.full(m + 4, 1e9, dtype=np.float32)
    weights[-4:] = 1e-6, 2e-6, 0, 9
    sources = np.append(np.zeros(m, dtype=int), [1] * 4)
    buys = Relation.between(sources, np.arange(m + 4), 2, m + 4, np.arange(m + 4), weights)
    rows = Rows.of(Reach(buys), np.array([1]), np.array([m + 3]))
    _, edges = edge_weight(rows, 30_000, np.random.default_rng(0))
    _fits(edges - m, np.array([1, 2, 0]))
