from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from graph.explore.flat import flatten
from graph.explore.layout import Springs, layout, pivot_places, settle, sunflower
from graph.explore.subgraph import look
from graph.explore.view import View


@pytest.fixture
def seen(make_graph):
    flat = flatten(make_graph(4, n_users=40, n_items=40, per_user=8).hetero)
    return flat, View(starts=(("user", 0),), hops=2, cap=80, each=8)


def test_the_same_subgraph_is_always_laid_out_the_same(seen):
    shown = look(*seen)
    assert layout(shown) == layout(shown)


def test_nodes_do_not_move_when_others_come_and_go(seen):
    flat, view = seen
    first = look(flat, view)
    before = layout(first)
    more = look(flat, replace(view, cap=200).expand(first.nodes[3], "user"))
    after = layout(more, before)
    assert set(first.nodes) < set(more.nodes)
    assert all(after[node] == before[node] for node in first.nodes)
    fewer = look(flat, view.dismiss(first.nodes[5]))
    kept = layout(fewer, before)
    assert all(kept[node] == before[node] for node in fewer.nodes if node in before)


def test_no_two_nodes_stand_on_each_other(seen):
    flat, view = seen
    for one in (view, View(cap=60), View(starts=(("item_factor", 0),), hops=3)):
        places = np.array(list(layout(look(flat, one)).values()))
        gaps = np.linalg.norm(places[:, None] - places, axis=2)
        assert gaps[~np.eye(len(places), dtype=bool)].min() > 0.1
        assert np.isfinite(places).all()


def test_a_node_stands_nearer_to_the_one_that_brought_it_in_than_to_most(seen):
    shown = look(*seen)
    places = np.array(list(layout(shown).values()))
    gaps = np.linalg.norm(places[:, None] - places, axis=2)
    closer = [
        (gaps[child, parent] > gaps[child]).mean()
        for child, parent in enumerate(shown.parents.tolist())
        if parent >= 0
    ]
    assert np.median(closer) < 0.2


def test_new_nodes_come_beside_their_own(seen):
    flat, view = seen
    first = look(flat, view)
    before = layout(first)
    node = ("item_factor", 1)
    more = look(flat, replace(view, cap=300, each=4).add(node))
    after = layout(more, before)
    own = [n for n, p in zip(more.nodes, more.parents, strict=True) if n not in before and p >= 0]
    spread = np.ptp(np.array(list(after.values())), axis=0).max()
    for fresh in own:
        parent = more.nodes[more.parents[more.nodes.index(fresh)]]
        assert np.hypot(*np.subtract(after[fresh], after[parent])) < spread / 2


@pytest.mark.parametrize("view", [View(starts=(("user", 0),), cap=1), View(cap=1), View(cap=2)])
def test_tiny_pictures_work(small, view):
    shown = look(flatten(small.hetero), view)
    assert set(layout(shown)) == set(shown.nodes)


def test_nothing_is_nowhere(small):
    from graph.explore.view import Filters

    assert layout(look(flatten(small.hetero), View(filters=Filters(types=())))) == {}


def test_forces_come_to_rest_where_they_balance():
    """Two unit masses with a spring: 1 / d = d² at distance 1."""
    springs = Springs(np.array([[0, 1]]), np.ones(1, np.float32), np.ones(2, np.float32), 0.0)
    start = np.array([[0.0, 0.0], [3.0, 0.0]])
    at = settle(start, np.ones(2, dtype=bool), springs, 400, 0.5)
    assert np.linalg.norm(at[0] - at[1]) == pytest.approx(1, abs=0.05)
    held = settle(start, np.array([False, True]), springs, 400, 0.5)
    assert held[0].tolist() == [0, 0] and held[1, 0] == pytest.approx(1, abs=0.05)


def test_the_start_puts_a_chain_in_order():
    edges = np.array(list(nx.path_graph(30).edges))
    along = pivot_places(30, edges)[:, 0]
    assert abs(np.corrcoef(along, np.arange(30))[0, 1]) > 0.98


def test_a_sunflower_is_even():
    places = sunflower(np.arange(200), 1.0)
    gaps = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(200)
    assert gaps.min(1).min() > 1 and gaps.min(1).max() < 2.2
