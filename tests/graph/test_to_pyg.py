"""Graphs and samples for PyG: what is ours stays, and attributes of the same name come beside."""

from __future__ import annotations

import numpy as np
import pytest

from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema

torch = pytest.importorskip("torch")
pytest.importorskip("torch_geometric")
BUYS = ("user", "buys", "item")
SCHEMA = Schema(
    (NodeType("user"), NodeType("item"), NodeType("shop")),
    (EdgeType(*BUYS, timed=True), EdgeType("item", "in", "shop")),
)
OWN = ("n_id", "batch", "age", "num_nodes", "batch_size", "seed_time", "ptr")
OF_EDGES = ("edge_index", "e_id", "time", "weight", "edge_weight")


def _shop():
    buys = Relation.between(
        np.array([0, 0, 1]), np.array([0, 1, 2]), 2, 3, np.array([1, 2, 3]),
        np.array([0.5, 1, 2], dtype=np.float32),
    )  # fmt: skip
    none = Relation.between(np.zeros(0, dtype=int), np.zeros(0, dtype=int), 3, 2)
    about = {
        "user": {name: np.array([70, 80]) for name in (*OWN, "price")},
        "item": {"id": np.array([7, 8, 9]), "time": np.array([0, 0, 1]), "price": np.ones((3, 2)),
                 "label": np.array([0, 1, 1])},
        "shop": {"rating": np.array([1.0, 2]), "wide": np.ones((2, 3))},
    }  # fmt: skip
    more = {BUYS: {name: np.array([40, 50, 60]) for name in OF_EDGES}}
    sizes = {"user": 2, "item": 3, "shop": 2}
    return HeteroGraph(SCHEMA, sizes, {BUYS: buys, ("item", "in", "shop"): none}, about, more)


def _sample(graph):
    query = Query.parse("user > item:4 latest > shop:2", SCHEMA)
    return Sampler(graph, query).sample(np.array([1, 0]), times=9)


def test_attributes_do_not_replace_what_a_sample_says():
    graph = _shop()
    sample = _sample(graph)
    data = sample.to_pyg(graph)
    data.validate(raise_on_error=True)
    users, edges = data["user"], data[BUYS]
    assert users.n_id.tolist() == [1, 0] and users.batch.tolist() == [0, 1]
    assert users.num_nodes == 2 and users.batch_size == 2 and users.seed_time.tolist() == [9, 9]
    assert torch.isnan(users.age).all() and users.price.tolist() == [80, 70]
    assert all(users[f"attr_{name}"].tolist() == [80, 70] for name in OWN)
    assert edges.weight.tolist() == graph.relation(BUYS).weights[edges.e_id].tolist()
    assert edges.time.tolist() == (edges.e_id + 1).tolist()
    for name in ("edge_index", "e_id", "time", "weight"):
        assert edges[f"attr_{name}"].tolist() == (edges.e_id * 10 + 40).tolist()


def test_features_are_no_ids_labels_or_times():
    graph = _shop()
    items = _sample(graph).to_pyg(graph)["item"]
    assert items.x.tolist() == [[1, 1]] * 3 and items.id.tolist() == (items.n_id + 7).tolist()
    assert items.label.tolist() == [1, 1, 0] and items.time.tolist() == [1, 0, 0]


def test_a_type_without_nodes_in_the_batch_has_no_rows():
    graph = _shop()
    shops = _sample(graph).to_pyg(graph)["shop"]
    assert shops.x.shape == (0, 4) and shops.wide.shape == (0, 3) and shops.num_nodes == 0


def test_weights_of_a_part_of_a_graph_are_those_of_its_edges():
    part = _shop().before({"user": np.array([0, 9]), "item": 9})
    assert part.relation(BUYS).numbers.tolist() == [2]
    edges = _sample(part).to_pyg(part)[BUYS]
    assert edges.e_id.tolist() == [2] and edges.weight.tolist() == [2]


def test_attributes_do_not_replace_what_a_graph_says():
    from graph.exchange.pyg import to_pyg

    graph = _shop()
    graph.attributes["user"]["label"] = graph.attributes["user"]["y"] = np.array([3, 4])
    data = to_pyg(graph)
    data.validate(raise_on_error=True)
    assert data["user"].num_nodes == 2 and data["user"].attr_num_nodes.tolist() == [70, 80]
    assert data["user"].y.tolist() == data["user"].attr_y.tolist() == [3, 4]
    assert data[BUYS].time.tolist() == [1, 2, 3] and data[BUYS].attr_time.tolist() == [40, 50, 60]
    assert data[BUYS].edge_weight.tolist() == [0.5, 1, 2] and data[BUYS].weight.tolist()[0] == 40
    assert data[BUYS].edge_index.shape == (2, 3) and data[BUYS].attr_edge_weight.tolist()[1] == 50
