"""The enhancers ccgnn and topoi2i against dense matrices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_worlds import (
    checkerboard,
    config_of,
    dense_attention,
    dense_history,
    graph_of,
    network_of,
    pairs_of,
    phrases_of,
    sources_of,
    whole_histories,
)

from data.errors import ConfigError
from data.relation import Relation
from data.split import leave_one_out
from recommend.sequence.inputs import gather_inputs
from recommend.settings import ModelConfig
from recommend.sources import Sources

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
NOBODY = torch.empty(0, dtype=torch.int64)
BOTH = pytest.mark.parametrize("name", ["ccgnn", "topoi2i"])


def network(name, **about):
    config = config_of("sasrec", name).model_dump(mode="json")
    config["enhancer"] |= about
    return network_of(DATASET, None, ModelConfig.model_validate(config)).eval()


def weights(edges: Relation, at_most: int = 99) -> np.ndarray:
    """(n_items, targets) weights of the edges, of each item the first `at_most`."""
    matrix = np.zeros((DATASET.n_items, edges.n_targets))
    for item in range(DATASET.n_items):
        part = slice(edges.offsets[item], edges.offsets[item + 1])
        matrix[item, edges.targets[part][:at_most]] = edges.weights[part][:at_most]
    return matrix


@pytest.mark.parametrize(("layers", "at_most"), [(1, 99), (2, 99), (3, 2)])
def test_items_hear_from_their_phrases_and_phrases_from_their_items(layers, at_most):
    edges = phrases_of(DATASET.n_items)
    net = network("ccgnn", layers=layers, neighbours=at_most)
    enhancer, items = net.enhancer, net.item.weight
    expected, phrases = items.detach().numpy(), enhancer.phrase.weight.detach().numpy()
    for gather, scatter in zip(enhancer.gather, enhancer.scatter, strict=True):
        phrases = phrases + dense_attention(gather.head, phrases, expected, weights(edges).T)
        expected = expected + dense_attention(
            scatter.head, expected, phrases, weights(edges, at_most)
        )
    nodes = enhancer.propagate(items, NOBODY)
    found = enhancer.items(nodes, NOBODY)
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-4, atol=1e-5)
    some = torch.tensor([7, 2])
    assert torch.equal(enhancer.items(nodes, NOBODY, some), found[some])
    torch.testing.assert_close(found[5], items[5])


@pytest.mark.parametrize(("layers", "at_most"), [(1, 99), (2, 99), (3, 1)])
def test_items_hear_from_those_like_them(layers, at_most):
    edges = pairs_of(DATASET.n_items)
    net = network("topoi2i", layers=layers, neighbours=at_most)
    enhancer, items = net.enhancer, net.item.weight
    expected = items.detach().numpy()
    for similar in enhancer.similar:
        said = dense_attention(similar.head, expected, expected, weights(edges, at_most))
        expected = expected + said
    nodes = enhancer.propagate(items, NOBODY)
    found = enhancer.items(nodes, NOBODY)
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-4, atol=1e-5)
    some = torch.tensor([7, 2])
    assert torch.equal(enhancer.items(nodes, NOBODY, some), found[some])
    torch.testing.assert_close(found[5], items[5])


@BOTH
def test_users_hear_from_the_items_up_to_each_position(name):
    net = network(name)
    batch = whole_histories(DATASET, SPLIT, 5)
    nodes = net.enhancer.propagate(net.item.weight, NOBODY)
    found = net.enhancer.users(nodes, batch).detach().numpy()
    dense_history(net.enhancer, nodes, SPLIT.histories(DATASET), batch, found)


@BOTH
def test_the_width_is_what_the_network_is_told(name):
    net = network(name)
    batch = whole_histories(DATASET, SPLIT, 5)
    nodes = net.enhancer.propagate(net.item.weight, NOBODY)
    assert net.enhancer.users(nodes, batch).shape[2] == net.enhancer.user_width == 16
    assert net.enhancer.items(nodes, NOBODY).shape == (DATASET.n_items, net.enhancer.item_width)


def test_without_phrases_it_says_what_to_do():
    config = config_of("sasrec", "ccgnn")
    with pytest.raises(ConfigError, match="'ccgnn' needs the phrases of the items' texts"):
        gather_inputs(DATASET, Sources(), config)
    inputs = gather_inputs(DATASET, sources_of(DATASET, graph_of(DATASET)), config)
    assert set(inputs.relations) == {"phrases"} and inputs.graph is None


def test_without_pairs_it_says_what_to_do():
    with pytest.raises(ConfigError, match="'topoi2i' needs pairs of similar items"):
        gather_inputs(DATASET, Sources(), config_of("sasrec", "topoi2i"))


@BOTH
def test_nobody_hears_a_user_and_nobody_an_item_that_is_no_edge(name):
    net = network(name)
    batch = whole_histories(DATASET, SPLIT, 5)
    before = net.propagate(NOBODY).items
    seen = net.enhancer.users(net.enhancer.propagate(net.item.weight, NOBODY), batch)
    held_out = replace(batch, edges=batch.edges & (torch.arange(5) != 3))
    without = net.enhancer.users(net.enhancer.propagate(net.item.weight, NOBODY), held_out)
    torch.testing.assert_close(without[:, 3], seen[:, 2])
    assert not torch.allclose(seen[:, 3], seen[:, 2])
    with torch.no_grad():
        net.enhancer.user.weight[1:] += 100.0
    torch.testing.assert_close(net.propagate(NOBODY).items, before)
    after = net.enhancer.users(net.enhancer.propagate(net.item.weight, NOBODY), batch)
    torch.testing.assert_close(after[0], seen[0])
