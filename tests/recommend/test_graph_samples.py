"""Samples of a real sampler as trees and subgraphs, and models that learn from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.values import Lists
from recommend.graphs.features import Features
from recommend.graphs.network import Network
from recommend.graphs.samples import edges_of, numbers_of, tree_of
from recommend.settings.columns import DynamicColumn, NumericColumn, OwnColumn

BUYS, BOUGHT = ("user", "buys", "item"), ("item", "rev_buys", "user")
HAS, HAD = ("item", "has", "factor"), ("factor", "rev_has", "item")
MESSAGES = [BUYS, BOUGHT, HAS, HAD]


def world(n_users=60, n_items=40, n_groups=4, seed=0):
    """Users buy items of their own group, mostly; items say it, users do not."""
    rng = np.random.default_rng(seed)
    users, items = np.arange(n_users) % n_groups, np.arange(n_items) % n_groups
    pairs = set()
    for user in range(n_users):
        own, other = np.flatnonzero(items == users[user]), np.flatnonzero(items != users[user])
        for _ in range(7):
            pairs.add((user, int(rng.choice(own if rng.random() < 0.9 else other))))
    rows, columns = np.array(sorted(pairs)).T
    times = rng.permutation(len(rows)) + 1
    schema = Schema(
        (NodeType("user"), NodeType("item"), NodeType("factor")),
        (EdgeType("user", "buys", "item", timed=True), EdgeType("item", "has", "factor")),
    )
    edges = {
        BUYS: Relation.between(rows, columns, n_users, n_items, times),
        HAS: Relation.between(np.arange(n_items), items, n_items, n_groups),
    }
    attributes = {
        "user": {"age": rng.normal(size=n_users)},
        "item": {
            "price": rng.normal(size=n_items),
            "words": Lists.of([(f"word {group}", "item") for group in items]),
        },
    }
    sizes = {"user": n_users, "item": n_items, "factor": n_groups}
    return HeteroGraph(schema, sizes, edges, attributes), users, items


COLUMNS = {
    "user": [NumericColumn(attribute="age")],
    "item": [NumericColumn(attribute="price"), DynamicColumn(attribute="words", dim=8)],
    "factor": [OwnColumn(dim=8)],
}


@pytest.mark.parametrize("disjoint", [True, False])
@pytest.mark.parametrize("layer", ["sage", "gat"])
def test_all_neighbours_as_tree_or_subgraph_give_seeds_the_same_vectors(layer, disjoint):
    graph, _, _ = world()
    query = Query.parse("user > item > (user, factor)", graph.schema)
    sample = Sampler(graph, query, disjoint=disjoint).sample(np.array([3, 0, 7, 3]))
    torch.manual_seed(0)
    features = Features(graph, COLUMNS, 8)
    network = Network(layer, MESSAGES, (8, 8, 4))
    tree = tree_of(sample, graph.schema)
    ego = network.ego("user", features.of_tree(tree), tree.steps)
    x, edges = features.of(numbers_of(sample)), edges_of(sample, graph.schema, both=False)
    whole = network.subgraph(x, edges)["user"][torch.from_numpy(sample.places[0])]
    assert ego.shape == (4, 4)
    torch.testing.assert_close(ego, whole)
    torch.testing.assert_close(ego[0], ego[3])
