"""Graphs to other forms and back: nothing is lost, and edges stand by source and time."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.relation import Relation
from graph.exchange.folder import from_folder, to_folder
from graph.exchange.networks import from_networkx, to_networkx
from graph.exchange.pyg import from_pyg, to_pyg
from graph.hetero import HeteroGraph
from graph.schema import EdgeType, NodeType, Schema
from graph.values import Lists

BUYS, LIKES = ("user", "buys", "item"), ("item", "likes", "item")
SCHEMA = Schema(
    (NodeType("user", title="Customer"), NodeType("item")),
    (EdgeType(*BUYS, timed=True, reverse="sold"), EdgeType(*LIKES)),
)


def plain(column):
    """Values as Python holds them."""
    return column.tolist() if isinstance(column, np.ndarray) else [list(row) for row in column]


def same(one: HeteroGraph, other: HeteroGraph) -> None:
    """Asserts that two graphs hold the same, dtypes of attributes included."""
    assert dict(one.sizes) == dict(other.sizes)
    for key in (edge.key for edge in one.schema.edges):
        for name in ("offsets", "targets", "times", "weights", "numbers"):
            a, b = (getattr(graph.relation(key), name) for graph in (one, other))
            np.testing.assert_array_equal(a, b, str((key, name)))
    for mine, its in (
        (one.attributes, other.attributes),
        (one.edge_attributes, other.edge_attributes),
    ):
        assert {owner for owner in mine if mine[owner]} == {owner for owner in its if its[owner]}
        for owner, about in mine.items():
            assert set(about) == set(its.get(owner, {}))
            for name, column in about.items():
                found = its[owner][name]
                assert type(found) is type(column) and plain(found) == plain(column), name
                if isinstance(column, np.ndarray):
                    assert found.dtype == column.dtype, name


def listed(graph: HeteroGraph, key: tuple[str, str, str]) -> list[tuple[object, ...]]:
    """Every edge with all that is known of it, in an order that is not the graph's."""
    relation, about = graph.relation(key), graph.edge_attributes.get(key, {})
    columns = [relation.sources, relation.targets, relation.times, relation.weights]
    columns += [about[name] for name in sorted(about)]
    return sorted(zip(*(plain(one) for one in columns if one is not None), strict=True))


def without_edges(graph: HeteroGraph, attributes=None) -> HeteroGraph:
    schema = Schema(graph.schema.nodes)
    return HeteroGraph(schema, graph.sizes, {}, attributes or graph.attributes)


@st.composite
def graphs(draw) -> HeteroGraph:
    """Two types, two relations, attributes of every kind."""
    n, k, m = (draw(st.integers(1, 5)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    texts = st.text("äb,:\"'\n ", max_size=4)
    ids = draw(
        st.lists(st.text("abc-", min_size=1, max_size=4), min_size=n, max_size=n, unique=True)
    )
    likes = draw(st.integers(0, 4))
    edges = {
        BUYS: Relation.between(
            rng.integers(0, n, m), rng.integers(0, k, m), n, k,
            rng.integers(-5, 5, m), rng.random(m).astype(np.float32),
        ),
        LIKES: Relation.between(rng.integers(0, k, likes), rng.integers(0, k, likes), k, k),
    }  # fmt: skip
    words = draw(st.lists(st.lists(texts, max_size=2), min_size=n, max_size=n))
    about = {
        "user": {"id": tuple(ids), "words": Lists.of([*words[:-1], ("a",)]), "time": np.arange(n)},
        "item": {"x": rng.random((k, 2)), "label": rng.integers(0, 9, k).astype(np.int16)},
    }
    said = draw(st.lists(texts, min_size=m, max_size=m))
    more = {BUYS: {"note": tuple(said), "stars": rng.integers(1, 6, m)}}
    return HeteroGraph(SCHEMA, {"user": n, "item": k}, edges, about, more)


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_a_graph_comes_back_from_pyg(graph):
    data = to_pyg(graph)
    data.validate(raise_on_error=True)
    assert data["item"].x.dtype == torch.float64 and data["item"].y.tolist()
    same(graph, from_pyg(data, SCHEMA))
    both = to_pyg(graph, reverses=True)
    assert len(both.edge_types) == 4
    turned = graph.edge_values(("item", "sold", "user"), "stars").tolist()
    assert both["item", "sold", "user"].stars.tolist() == turned


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_a_graph_comes_back_from_networkx(graph):
    network = to_networkx(graph)
    assert network.number_of_edges() == sum(len(one.targets) for one in graph.edges.values())
    back = from_networkx(network, SCHEMA)
    item = {"id": np.arange(graph.size("item")), **graph.attributes["item"]}
    attributes = {"user": graph.attributes["user"], "item": item}
    same(without_edges(graph, attributes), without_edges(back))
    for key in (BUYS, LIKES):
        assert listed(graph, key) == listed(back, key)
    assert from_networkx(network).schema == SCHEMA


def test_networkx_keeps_types_without_edges_and_small_numbers():
    graph = HeteroGraph.of(
        {
            "user": {"id": ["a", "b"], "x": np.arange(2, dtype=np.float32)},
            "item": {"id": np.array([1], np.int64), "n": np.array([200], np.uint8)},
            "alone": {"id": np.array([], np.int64)},
        },
        {BUYS: {"user": ["a"], "item": [1], "stars": np.array([5], np.int8)},
         ("user", "sees", "alone"): {"user": [], "alone": [], "time": []},
         LIKES: {"source": np.array([], np.int64), "target": np.array([], np.int64)}},
    )  # fmt: skip
    network = to_networkx(graph)
    back = from_networkx(network)
    assert back.schema == graph.schema and dict(back.sizes) == {"user": 2, "item": 1, "alone": 0}
    assert back.attributes["user"]["x"].dtype == np.float32
    assert back.attributes["item"]["n"].dtype == np.uint8
    assert back.edge_attributes[BUYS]["stars"].dtype == np.int8
    network.nodes["item", 1]["n"] = 300
    assert from_networkx(network).attributes["item"]["n"].tolist() == [300]
    network.add_node("new", type="shop")
    assert set(from_networkx(network).schema.types) == {"user", "item", "shop"}
    network.graph["hetero"] = "x"
    with pytest.raises(DataError, match="not what to_networkx writes"):
        from_networkx(network)


@given(graph=graphs())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_graph_comes_back_from_a_folder_of_tables(graph, tmp_path):
    back = from_folder(to_folder(graph, tmp_path))
    assert back.schema == SCHEMA
    same(graph, back)


def test_what_pyg_made_is_read_without_a_schema():
    from torch_geometric.data import HeteroData
    from torch_geometric.transforms import ToUndirected

    data = HeteroData()
    data["user"].x, data["item"].num_nodes = torch.eye(3), 2
    data[BUYS].edge_index = torch.tensor([[2, 0, 2], [1, 0, 0]])
    data[BUYS].time = torch.tensor([7, 5, 3])
    data[BUYS].edge_attr = torch.tensor([[1.0], [2.0], [3.0]])
    graph = from_pyg(ToUndirected()(data))
    assert [edge.key for edge in graph.schema.edges] == [BUYS] and graph.schema.edge(BUYS).timed
    assert graph.relation(BUYS).targets.tolist() == [0, 0, 1]
    assert graph.edge_values(BUYS, "edge_attr").tolist() == [[2], [3], [1]]
    assert graph.attributes["user"]["x"].shape == (3, 3)
    data["item", "rev_buys", "user"].edge_index = torch.tensor([[1], [0]])
    with pytest.raises(DataError, match="are not user -buys-> item the other way round"):
        from_pyg(data)
    data["item"].names = ["a"]
    with pytest.raises(DataError, match="nodes of type item have 'names' with 1 values for 2"):
        from_pyg(data)


def test_edges_of_pyg_that_lead_nowhere_get_a_sentence():
    from torch_geometric.data import HeteroData

    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = 2, 2
    data[BUYS].edge_index = torch.tensor([[0, 1], [1, 2]])
    with pytest.raises(
        DataError, match=r"buys-> item, row 2: .* is 2, which is none of the 2 nodes"
    ):
        from_pyg(data)


def test_a_network_of_anybody_is_read():
    graph = from_networkx(nx.path_graph(3))
    assert graph.schema.types == ("node",) and graph.attributes["node"]["id"].tolist() == [0, 1, 2]
    assert graph.relation(("node", "to", "node")).of(1).tolist() == [2, 0]
    network = nx.DiGraph()
    network.add_node("ann", type="user", age=31)
    network.add_node("bob", type="user")
    network.add_node(5, type="item")
    network.add_edge("ann", 5, relation="buys", weight=2.0)
    graph = from_networkx(network)
    assert graph.attributes["user"]["id"] == ("ann", "bob") and graph.relation(BUYS).weights == [2]
    np.testing.assert_array_equal(graph.attributes["user"]["age"], [31, np.nan])
    network.nodes["ann"]["age"] = {"years": 31}
    with pytest.raises(DataError, match="nodes of type user have 'age' that is a mapping"):
        from_networkx(network)


def test_a_column_of_the_file_cannot_be_an_attribute_too(tmp_path):
    graph = HeteroGraph.of({}, {LIKES: {"source": [1], "target": [2]}})
    odd = HeteroGraph(
        graph.schema, graph.sizes, graph.edges, {}, {LIKES: {"source": np.array([1])}}
    )
    with pytest.raises(DataError, match="attribute 'source', which is the name of a column"):
        to_folder(odd, tmp_path)
