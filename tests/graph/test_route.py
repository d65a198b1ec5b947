import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole import SCHEMA, whole

from graph.explore.flat import flatten
from graph.explore.view import Filters
from graph.explore.walk import everywhere, filter_ground, shortest_path

ends = st.tuples(st.sampled_from(SCHEMA.types), st.integers(0, 3))


@settings(max_examples=80)
@given(seed=st.integers(0, 30), a=ends, b=ends)
def test_paths_are_as_short_as_those_of_networkx(make_graph, seed, a, b):
    graph = make_graph(seed, n_users=10, n_items=12, per_user=4)
    flat, network = flatten(graph.hetero), whole(graph)
    found = shortest_path(everywhere(flat), flat.place(a), flat.place(b))
    if not nx.has_path(network, a, b):
        assert found == []
        return
    path = [flat.node(place) for place in found]
    assert (path[0], path[-1]) == (a, b)
    assert len(path) == nx.shortest_path_length(network, a, b) + 1
    assert nx.is_path(network, path)


def test_of_several_paths_the_one_that_says_most_is_taken(make_dataset, make_codes):
    """Items 0 and 1 share a factor of two and a user of three; items 0 and 2 only the user."""
    from data.split import leave_one_out
    from graph.build.latent import build_graph

    rows = [(0, item, item) for item in range(5)]
    dataset = make_dataset(rows, 1, 5)
    users, items = make_codes("u", [[0]], 1), make_codes("i", [[0], [0], [1], [2], [3]], 4)
    flat = flatten(build_graph(dataset, leave_one_out(dataset), users, items).hetero)
    zero, one, two = flat.places([("item", n) for n in range(3)]).tolist()
    everything = everywhere(flat)
    assert flat.node(shortest_path(everything, zero, one)[1]) == ("item_factor", 0)
    assert flat.node(shortest_path(everything, zero, two)[1]) == ("user", 0)
    alone = filter_ground(flat, Filters(types=("item", "item_factor")))
    assert shortest_path(alone, zero, two) == []
    assert shortest_path(everything, zero, zero) == [zero]


@pytest.mark.parametrize("types", [(), ("user_factor",)])
def test_ends_need_not_pass_the_filter(small, types):
    flat = flatten(small.hetero)
    item = int(small.user_item.of(0)[0])
    ground = filter_ground(flat, Filters(types=types))
    path = shortest_path(ground, flat.place(("user", 0)), flat.place(("item", item)))
    assert path == [flat.place(("user", 0)), flat.place(("item", item))]
    assert not np.isin(ground.nodes[path], True).any()
