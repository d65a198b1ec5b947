import numpy as np
import pytest
from whole import SCHEMA, whole

from data.errors import ConfigError
from graph.explore.flat import flatten
from graph.explore.paths import neighbours


def test_neighbours_are_those_of_the_graph(make_graph):
    graph = make_graph(5)
    flat, network = flatten(graph.hetero), whole(graph)
    assert len(flat) == len(network)
    for place in range(len(flat)):
        near = [flat.node(other) for other in flat.around(np.array([place]))[1].tolist()]
        assert len(near) == flat.degrees[place]
        assert sorted(near) == sorted(network[flat.node(place)])


def test_the_best_neighbours_come_first(make_graph):
    graph = make_graph(5)
    flat = flatten(graph.hetero)
    for kind in SCHEMA.types:
        for number in range(graph.size(kind)):
            _, targets = flat.around(flat.places([(kind, number)]))
            near = [flat.node(place) for place in targets.tolist()]
            for other in SCHEMA.neighbours(kind):
                expected = neighbours(graph.hetero, kind, other, number)
                if kind.endswith("_factor"):
                    edges = graph.user_item if other == "user" else graph.item_user
                    busy = edges.degrees[expected]
                    expected = expected[np.lexsort((expected, -busy))]
                assert [n for t, n in near if t == other] == expected.tolist()


def test_around_tells_whose_edge_it_is(small):
    flat = flatten(small.hetero)
    places = np.array([2, 0, 9])
    source, target = flat.around(places)
    for at, place in enumerate(places):
        alone = flat.around(np.array([place]))[1]
        assert target[source == at].tolist() == alone.tolist()


def test_levels_and_types_of_places(small):
    flat = flatten(small.hetero)
    for kind in SCHEMA.types:
        for number in range(small.size(kind)):
            place = flat.place((kind, number))
            assert flat.node(place) == (kind, number)
            side = kind.removesuffix("_factor")
            level = number // small.k(side) if kind.endswith("_factor") else -1
            assert flat.levels[place] == level


@pytest.mark.parametrize("node", [("item", 77), ("user", -1), ("film", 0)])
def test_unknown_nodes_get_a_sentence(small, node):
    with pytest.raises(ConfigError, match=f"no {node[0]} {node[1]} in this graph; it has 7 of"):
        flatten(small.hetero).place(node)
