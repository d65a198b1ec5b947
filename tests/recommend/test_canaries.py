"""Canaries: what a position must not know is changed, and nothing may move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_worlds import (
    COMBINATIONS,
    checkerboard,
    config_of,
    graph_of,
    inputs_of,
    network_of,
    whole_histories,
)

from data.split import leave_one_out
from recommend.judge.evaluate import histories_before
from recommend.sequence.chunks import Layout, collate, last_chunks
from recommend.sequence.network import Network

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
EVERYBODY_SEES_ALL = {"name": "autograph", "dropout": 0, "neighbours": 500}
"""Settings with which no neighbour is left out by chance."""


def enhanced(backbone: str = "sasrec"):
    config = config_of(backbone).model_dump(mode="json") | {"enhancer": EVERYBODY_SEES_ALL}
    return type(config_of()).model_validate(config)


def without_edges_of(network: Network, users: torch.Tensor) -> Network:
    """The same weights over a graph in which `users` have no interaction at all."""
    config, graph = enhanced(), graph_of(DATASET)
    inputs = inputs_of(DATASET, graph, config)
    assert inputs.graph is not None
    offsets, owners = inputs.graph.offsets, inputs.graph.users
    kept = ~np.isin(owners, users.numpy())
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[kept]
    fewer = np.zeros_like(offsets)
    np.cumsum(np.bincount(rows, minlength=len(offsets) - 1), out=fewer[1:])
    cut = replace(inputs.graph, offsets=fewer, users=owners[kept])
    other = Network(config, replace(inputs, graph=cut))
    other.load_state_dict(network.state_dict())
    return other.train(network.training)


@pytest.mark.parametrize("some", [[0], [3, 8, 11], list(range(20))])
def test_a_step_sees_no_edge_of_its_own_users(some):
    """The edge to the target is among them: with it, a step would read its own answer."""
    network = network_of(DATASET, graph_of(DATASET), enhanced()).train()
    hidden = torch.tensor(some)
    torch.manual_seed(0)
    seen = network.propagate(hidden).items
    cut = without_edges_of(network, hidden)
    torch.testing.assert_close(seen, cut.propagate(hidden).items)
    nobody = torch.empty(0, dtype=torch.int64)
    assert not torch.allclose(network.propagate(nobody).items, cut.propagate(nobody).items)


def test_no_node_of_another_sees_the_users_of_the_step():
    network = network_of(DATASET, graph_of(DATASET), enhanced()).train()
    hidden, others = torch.tensor([2, 5]), torch.tensor([n for n in range(24) if n not in {2, 5}])
    before = network.propagate(hidden)
    assert network.enhancer is not None and before.nodes is not None
    with torch.no_grad():
        network.enhancer.user.weight[hidden] += 100.0
    after = network.propagate(hidden)
    torch.testing.assert_close(after.items, before.items)
    torch.testing.assert_close(after.nodes[0][others], before.nodes[0][others])
    assert not torch.allclose(network.propagate(others).items, before.items), (
        "the canary does not sing: these users can be seen at all"
    )


@pytest.mark.parametrize(("backbone", "enhancer"), COMBINATIONS)
def test_a_position_does_not_see_its_target_or_what_follows(backbone, enhancer):
    config = config_of(backbone, enhancer)
    network = network_of(DATASET, graph_of(DATASET), config).eval()
    batch = whole_histories(DATASET, SPLIT, 5)
    shared = network.propagate(batch.users)
    before = network.users(shared, batch)
    for position in range(1, 5):
        items = batch.items.clone()
        real = items[:, position:] < DATASET.n_items
        changed = (items[:, position:] + 1) % DATASET.n_items
        items[:, position:] = torch.where(real, changed, items[:, position:])
        canary = replace(batch, items=items)
        after = network.users(shared, canary)
        torch.testing.assert_close(after[:, :position], before[:, :position])
        assert not torch.allclose(after[:, position], before[:, position])


def test_items_before_a_chunk_are_never_those_after_it():
    past = SPLIT.histories(DATASET)
    rng = np.random.default_rng(0)
    for user in range(DATASET.n_users):
        own = past.of(user)
        start = int(rng.integers(0, len(own)))
        chunk = last_chunks(past.lengths, 5, np.array([user]))
        chunk = replace(chunk, start=np.array([start]), stop=np.array([len(own)]))
        batch = collate(past, chunk, Layout(12, DATASET.n_items), past.lengths)
        assert batch.prior.tolist() == own[:start].tolist()


@pytest.mark.parametrize("part", ["valid", "test"])
def test_in_evaluation_the_graph_shows_training_interactions_alone(part):
    """A held-out item stands in the history that the backbone reads, and on no edge."""
    network = network_of(DATASET, graph_of(DATASET), enhanced()).eval()
    past, training = histories_before(DATASET, SPLIT, part), SPLIT.histories(DATASET)
    assert (past.lengths - training.lengths == (part == "test")).all()
    chunks = last_chunks(past.lengths, 30, np.arange(DATASET.n_users))
    batch = collate(past, chunks, Layout(30, DATASET.n_items), training.lengths)
    place = (batch.items < DATASET.n_items).sum(1) - 1
    rows = torch.arange(DATASET.n_users)
    assert network.enhancer is not None
    nodes = network.propagate(torch.empty(0, dtype=torch.int64)).nodes
    assert nodes is not None
    before = network.enhancer.users(nodes, batch)[rows, place]
    items = batch.items.clone()
    items[rows, place] = (items[rows, place] + 1) % DATASET.n_items
    after = network.enhancer.users(nodes, replace(batch, items=items))[rows, place]
    same = torch.isclose(before, after).all(1)
    assert same.all() if part == "test" else same.float().mean() < 0.2
