import numpy as np
import pytest
from whole import whole

from data.errors import ConfigError
from graph.explore.flat import flatten
from graph.explore.relations import interactions, neighbours
from graph.metapath import NEIGHBOURS, NODE_TYPES


def test_neighbours_are_those_of_the_graph(make_graph):
    graph = make_graph(5)
    flat, network = flatten(graph), whole(graph)
    assert len(flat) == len(network)
    for place in range(len(flat)):
        near = [flat.node(other) for other in flat.around(np.array([place]))[1].tolist()]
        assert len(near) == flat.degrees[place]
        assert sorted(near) == sorted(network[flat.node(place)])


def test_the_best_neighbours_come_first(make_graph):
    graph = make_graph(5)
    flat = flatten(graph)
    for kind in NODE_TYPES:
        for number in range(graph.size(kind)):
            _, targets = flat.around(flat.places([(kind, number)]))
            near = [flat.node(place) for place in targets.tolist()]
            for other in NEIGHBOURS[kind]:
                expected = neighbours(graph, kind, other, number)
                if kind.endswith("_factor"):
                    busy = interactions(graph, other).degrees[expected]
                    expected = expected[np.lexsort((expected, -busy))]
                assert [n for t, n in near if t == other] == expected.tolist()


def test_around_tells_whose_edge_it_is(small):
    flat = flatten(small)
    places = np.array([2, 0, 9])
    source, target = flat.around(places)
    for at, place in enumerate(places):
        alone = flat.around(np.array([place]))[1]
        assert target[source == at].tolist() == alone.tolist()


def test_levels_and_types_of_places(small):
    flat = flatten(small)
    for kind in NODE_TYPES:
        for number in range(small.size(kind)):
            place = flat.place((kind, number))
            assert flat.node(place) == (kind, number)
            side = kind.removesuffix("_factor")
            level = number // small.k(side) if kind.endswith("_factor") else -1
            assert flat.levels[place] == level


@pytest.mark.parametrize("node", [("item", 77), ("user", -1), ("film", 0)])
def test_unknown_nodes_get_a_sentence(small, node):
    with pytest.raises(ConfigError, match=f"no {node[0]} {node[1]} in this graph; it has 7 of"):
        flatten(small).place(node)
