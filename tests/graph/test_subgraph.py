from collections import Counter
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole import SCHEMA, whole

from data.errors import ConfigError
from graph.explore.flat import flatten
from graph.explore.subgraph import EDGES_PER_NODE, look
from graph.explore.view import Filters, View


def allowed(network, filters):
    """The part of a network that passes the filters, by plain loops; start nodes aside."""
    kept = network.copy()
    least, most = filters.degree
    for node in network:
        degree = network.degree(node)
        typed = filters.types is None or node[0] in filters.types
        ok = typed and least <= degree and (most is None or degree <= most)
        if not ok:
            kept.remove_node(node)
    for a, b in network.edges:
        if f"{a[0]} - {b[0]}" not in filters.relations and (
            f"{b[0]} - {a[0]}" not in filters.relations
        ):
            kept.remove_edges_from([(a, b)])
    return kept


def within(network, full, start, hops):
    """Nodes within some hops of one that may itself be filtered out."""
    ground = network.copy()
    for other in full[start]:
        if other in network:
            ground.add_edge(start, other)
    ground.add_node(start)
    return set(nx.single_source_shortest_path_length(ground, start, cutoff=hops))


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_everything_within_reach_shows_when_nothing_limits_it(make_graph, hops):
    graph = make_graph(4, n_users=9, n_items=8)
    network = whole(graph)
    view = View(starts=(("user", 3),), hops=hops, each=1000, cap=1000)
    shown = look(flatten(graph.hetero), view)
    expected = nx.single_source_shortest_path_length(network, ("user", 3), cutoff=hops)
    assert set(shown.nodes) == set(expected) and shown.nodes[0] == ("user", 3)
    induced = network.subgraph(shown.nodes)
    drawn = {frozenset((shown.nodes[a], shown.nodes[b])) for a, b in shown.edges.tolist()}
    assert drawn <= {frozenset(edge) for edge in induced.edges}
    assert len(drawn) + shown.edges_hidden == induced.number_of_edges()
    assert len(drawn) == len(shown.edges)
    assert [network.degree(node) for node in shown.nodes] == shown.degrees.tolist()
    for (a, b), relation in zip(shown.edges.tolist(), shown.relations.tolist(), strict=True):
        kinds = {shown.nodes[a][0], shown.nodes[b][0]}
        assert kinds == set(SCHEMA.links[relation].split(" - "))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    hops=st.integers(1, 3),
    each=st.integers(1, 4),
    cap=st.integers(1, 20),
    start=st.sampled_from(SCHEMA.types),
    gone=st.lists(st.tuples(st.sampled_from(SCHEMA.types), st.integers(0, 2)), max_size=3),
    types=st.sets(st.sampled_from(SCHEMA.types)),
    least=st.integers(0, 5),
)
def test_every_hidden_node_is_counted_once(
    make_graph, seed, hops, each, cap, start, gone, types, least
):
    graph = make_graph(seed % 50, n_users=6, n_items=6)
    filters = Filters(types=tuple(types), relations=SCHEMA.links[seed % 2 :], degree=(least, 8))
    home = (start, 1)
    view = View(starts=(home,), hops=hops, each=each, cap=cap, filters=filters)
    view = replace(view, dismissed=tuple({node for node in gone if node != home}))
    shown = look(flatten(graph.hetero), view)

    full = whole(graph)
    kept = full.copy()
    kept.remove_nodes_from(view.dismissed)
    ground = allowed(full, filters)
    ground.remove_nodes_from(view.dismissed)
    relations_only = allowed(full, replace(Filters(), relations=filters.relations))
    every = within(full, full, home, hops) | set(view.dismissed)
    left = within(kept, kept, home, hops)
    passing = within(ground, relations_only, home, hops)

    assert set(shown.nodes) <= passing and len(shown.nodes) <= cap
    for kind in SCHEMA.types:
        n = [
            sum(node[0] == kind for node in nodes) for nodes in (shown.nodes, passing, left, every)
        ]
        count = shown.counts[kind]
        assert count.shown == n[0]
        assert count.cap == n[1] - n[0]
        assert count.filter == n[2] - n[1]
        assert count.dismissed == n[3] - n[2]
        assert count.total == n[3]


def test_the_cap_takes_the_best_of_every_neighbour_in_turn(make_dataset, make_codes):
    """Users 0 and 1 with four and two items; the graph keeps the training ones, latest first."""
    from data.split import leave_one_out
    from graph.build.latent import build_graph

    rows = [(0, item, item) for item in range(6)] + [(1, item, item) for item in (0, 5, 6, 7)]
    dataset = make_dataset(rows, 2, 8)
    users, items = make_codes("u", [[0], [1]], 2), make_codes("i", [[0]] * 8, 1)
    flat = flatten(build_graph(dataset, leave_one_out(dataset), users, items).hetero)
    view = View(starts=(("user", 0), ("user", 1)), filters=Filters(types=("user", "item")))
    every = look(flat, view)
    assert [n for kind, n in every.nodes if kind == "item"] == [3, 5, 2, 0, 1]
    some = look(flat, replace(view, cap=5))
    assert some.nodes == every.nodes[:5]
    assert (some.counts["item"].cap, some.counts["user_factor"].filter) == (2, 2)
    one_each = look(flat, replace(view, each=1))
    assert [n for kind, n in one_each.nodes if kind == "item"] == [3, 5]


def test_opening_a_node_brings_more_each_time(make_graph):
    graph = make_graph(2, n_users=30, n_items=6)
    flat, home = flatten(graph.hetero), ("item", 0)
    view = View(starts=(home,), each=2)
    near = sum(kind == "user" for kind, _ in look(flat, view).nodes)
    once = look(flat, view.expand(home, "user"))
    twice = look(flat, view.expand(home, "user").expand(home, "user"))
    assert [sum(kind == "user" for kind, _ in s.nodes) for s in (once, twice)] == [
        near + 2,
        near + 4,
    ]
    assert set(once.nodes) < set(twice.nodes)


def test_what_was_asked_for_shows_before_all_else(small):
    flat = flatten(small.hetero)
    view = View(starts=(("user", 0),), hops=3, cap=3).expand(("item_factor", 1), "item")
    shown = look(flat, view)
    assert shown.nodes[:2] == (("user", 0), ("item_factor", 1)) and shown.named == 2
    only = look(flat, replace(view, filters=Filters(types=())))
    assert only.nodes == (("user", 0), ("item_factor", 1))


def test_parents_brought_their_children_in(small):
    shown = look(flatten(small.hetero), View(starts=(("user", 0),), hops=2))
    network = whole(small)
    for child, parent in enumerate(shown.parents.tolist()):
        if child < shown.named:
            assert parent == -1
        else:
            assert parent < child and network.has_edge(shown.nodes[child], shown.nodes[parent])
    drawn = {tuple(edge) for edge in shown.edges.tolist()}
    assert {
        (parent, child) for child, parent in enumerate(shown.parents.tolist()) if parent >= 0
    } <= drawn


def test_too_many_edges_are_left_out_and_counted(make_graph):
    graph = make_graph(1, n_users=40, n_items=12, per_user=30)
    shown = look(flatten(graph.hetero), View(starts=(("user", 0),), hops=3, each=1000, cap=1000))
    assert len(shown.edges) == EDGES_PER_NODE * len(shown.nodes)
    assert shown.edges_hidden > 0
    drawn = nx.Graph(shown.edges.tolist())
    assert nx.is_connected(drawn) and len(drawn) == len(shown.nodes)


def test_an_overview_has_the_largest_factors_and_their_members(make_graph):
    graph = make_graph(8, n_users=60, n_items=60)
    shown = look(flatten(graph.hetero), View(cap=24))
    sizes = Counter(graph.item_codes[:, 0].tolist())
    hubs = [n for kind, n in shown.nodes if kind == "item_factor"]
    assert hubs == [max(sizes, key=lambda code: (sizes[code], -code))]
    assert len(shown.nodes) == 24 and shown.named == 0
    assert sum(count.total for count in shown.counts.values()) == len(whole(graph))
    people = look(flatten(graph.hetero), View(cap=24, filters=Filters(types=("user",))))
    assert {kind for kind, _ in people.nodes} == {"user"}
    assert len(look(flatten(graph.hetero), View(filters=Filters(types=()))).nodes) == 0


def test_the_path_shows_and_is_marked(make_graph):
    graph = make_graph(6, n_users=12, n_items=30, per_user=4)
    network, ends = whole(graph), (("user", 0), ("item_factor", 2))
    shown = look(flatten(graph.hetero), View(ends=ends))
    assert len(shown.path) == nx.shortest_path_length(network, *ends) + 1
    along = [shown.nodes[at] for at in shown.path]
    assert (along[0], along[-1]) == ends
    drawn = {frozenset(edge) for edge in shown.edges.tolist()}
    for a, b in zip(shown.path, shown.path[1:], strict=False):
        assert frozenset((a, b)) in drawn
    cut = look(flatten(graph.hetero), View(ends=ends, filters=Filters(types=("user",))))
    assert cut.path == () and set(cut.nodes) == set(ends)


def test_around_gives_the_visible_neighbours(small):
    shown = look(flatten(small.hetero), View(starts=(("user", 0),), hops=2))
    network = nx.Graph(shown.edges.tolist())
    for at in range(len(shown.nodes)):
        assert shown.around(at).tolist() == sorted(network[at])


def test_the_same_view_shows_the_same(make_graph):
    view = View(starts=(("item", 2),), hops=2, cap=9)
    one, two = (look(flatten(make_graph(3).hetero), view) for _ in range(2))
    assert one.nodes == two.nodes
    np.testing.assert_array_equal(one.edges, two.edges)


def test_nodes_that_are_not_there_get_a_sentence(small):
    for view in (View(starts=(("item", 99),)), View(dismissed=(("user", 99),))):
        with pytest.raises(ConfigError, match="99 in this graph"):
            look(flatten(small.hetero), view)
