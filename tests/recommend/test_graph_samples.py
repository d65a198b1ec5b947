"""Samples of a real sampler as trees and subgraphs, and models that learn from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.sample.loader import Loader
from graph.values import Lists
from recommend.graphs.features import Features
from recommend.graphs.losses import shared_softmax_loss
from recommend.graphs.network import Network
from recommend.graphs.samples import NODE, ONE, edges_of, in_one_row, numbers_of, tree_of
from recommend.nearest import Nearest
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
    tree, places = (tree_of(sample, graph.schema, dense=dense) for dense in (False, True))
    ego, padded = (network.ego("user", features.of_tree(one), one.steps) for one in (tree, places))
    assert (places.numbers[1] < 0).any()
    torch.testing.assert_close(padded, ego)
    x, edges = features.of(numbers_of(sample)), edges_of(sample, graph.schema, both=False)
    whole = network.subgraph(x, edges)["user"][torch.from_numpy(sample.places[0])]
    assert ego.shape == (4, 4)
    torch.testing.assert_close(ego, whole)
    torch.testing.assert_close(ego[0], ego[3])


@pytest.mark.parametrize("dense", [True, False])
def test_types_of_edges_are_kinds_where_nodes_are_of_one_type(dense):
    """RGCN over a tree with a branch of each type equals RGCN over all nodes in one row."""
    graph, _, _ = world()
    query = Query.parse("item > (user, factor)", graph.schema)
    sample = Sampler(graph, query).sample(np.array([3, 0]))
    features = Features(graph, COLUMNS, 8)
    torch.manual_seed(0)
    network = Network("rgcn", [ONE], (8, 8, 4), kinds=4, bases=2)
    tree = tree_of(sample, graph.schema, dense=dense)
    ego = network.ego(NODE, features.of_tree(tree), tree.as_one_type(MESSAGES).steps)
    numbers, edges = numbers_of(sample), edges_of(sample, graph.schema, both=False)
    row = in_one_row({kind: len(some) for kind, some in numbers.items()}, edges, MESSAGES)
    assert set(row.kinds.tolist()) == {MESSAGES.index(BUYS), MESSAGES.index(HAD)}
    x = torch.cat([*features.of(numbers).values()])
    whole = network.subgraph({NODE: x}, {ONE: row})[NODE]
    assert next(iter(numbers)) == "item"
    torch.testing.assert_close(ego, whole[:2])


def test_negatives_have_trees_of_their_own_and_send_nothing():
    graph, _, _ = world()
    query = Query.parse("user > (item:2, not item:3 as n > factor)", graph.schema)
    sample = Sampler(graph, query).sample(np.array([5, 9]))
    around = tree_of(sample, graph.schema)
    assert around.types == ("user", "item") and around.numbers[0].tolist() == [5, 9]
    apart = tree_of(sample, graph.schema, root=2)
    assert apart.types == ("item", "factor") and len(apart.numbers[0]) == 6
    assert apart.numbers[1].tolist() == [item % 4 for item in apart.numbers[0].tolist()]
    assert list(apart.steps[0].edges) == [HAD]


def test_edges_carry_messages_both_ways_or_towards_the_seeds():
    graph, _, _ = world()
    sample = Sampler(graph, Query.parse("user > item:3", graph.schema)).sample(np.array([5, 9]))
    there = edges_of(sample, graph.schema, both=False)
    assert list(there) == [BOUGHT] and len(there[BOUGHT]) == 6
    both = edges_of(sample, graph.schema)
    assert set(both) == {BUYS, BOUGHT}
    assert torch.equal(both[BUYS].rows, both[BOUGHT].columns)
    assert edges_of(sample.bidirectional(graph.schema), graph.schema).keys() == both.keys()


def of_own_group(users, items, graph, k=5):
    """Share of the k nearest items of a user that are of the user's group."""
    _, found = Nearest(items.numpy()).search(users.numpy(), k)
    groups = np.arange(len(items)) % graph.size("factor")
    return float(np.mean(groups[found] == (np.arange(len(users)) % graph.size("factor"))[:, None]))


@pytest.mark.parametrize("dense", [True, False])
def test_from_a_graph_with_attributes_to_nearest_items_above_chance(dense):
    """Edges are seeds: both ends and negatives have trees, at the time of the edge."""
    graph, _, _ = world(n_users=120)
    query = Query.parse(
        "-buys-:64 shuffle > (source as u > (item:4 latest > factor:1, not item:3 as n > factor:1),"
        " target as i > factor:1)",
        graph.schema,
    )
    roots = {hop.alias: number for number, hop in enumerate(query.hops, 1)}
    torch.manual_seed(0)
    features = Features(graph, COLUMNS, 16)
    network = Network("sage", [BOUGHT, HAD], (16, 16, 16))
    weights = [*features.parameters(), *network.parameters()]
    optimiser = torch.optim.Adam(weights, lr=0.01)

    def vectors(sample, root):
        tree = tree_of(sample, graph.schema, root, dense)
        return network.ego(tree.types[0], features.of_tree(tree), tree.steps)

    def judged():
        both = []
        for text in ("user > item:8 latest > factor:1", "item > factor:1"):
            sampler = Sampler(graph, Query.parse(text, graph.schema))
            with torch.no_grad():
                both.append(vectors(sampler.sample(sampler.seeds()), 0))
        return of_own_group(*both, graph)

    before = judged()
    for sample in Loader(Sampler(graph, query)):
        users, items, others = (vectors(sample, roots[name]) for name in "uin")
        loss = shared_softmax_loss(users, items, others, temperature=0.5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert before < 0.4 and judged() > 0.7  # a quarter of the items are of the group
