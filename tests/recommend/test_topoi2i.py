"""The enhancer topoi2i against dense matrices."""

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
    network_of,
    pairs_of,
    whole_histories,
)

from data.errors import ConfigError
from data.split import leave_one_out
from recommend.inputs import gather_inputs
from recommend.settings import ModelConfig
from recommend.sources import Sources

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
NOBODY = torch.empty(0, dtype=torch.int64)


def network(**about):
    config = config_of("sasrec", "topoi2i").model_dump(mode="json")
    config["enhancer"] |= about
    return network_of(DATASET, None, ModelConfig.model_validate(config)).eval()


def weights(at_most: int = 99) -> np.ndarray:
    """(n_items, n_items) weights of the edges, of each item the first `at_most`."""
    edges, matrix = pairs_of(DATASET.n_items), np.zeros((DATASET.n_items, DATASET.n_items))
    for item in range(DATASET.n_items):
        part = slice(edges.offsets[item], edges.offsets[item + 1])
        matrix[item, edges.targets[part][:at_most]] = edges.weights[part][:at_most]
    return matrix


@pytest.mark.parametrize(("layers", "at_most"), [(1, 99), (2, 99), (3, 1)])
def test_items_hear_from_those_like_them(layers, at_most):
    net = network(layers=layers, neighbours=at_most)
    enhancer, items = net.enhancer, net.item.weight
    expected = items.detach().numpy()
    for similar in enhancer.similar:
        said = dense_attention(similar.head, expected, expected, weights(at_most))
        expected = expected + said
    nodes = enhancer.propagate(items, NOBODY)
    found = enhancer.items(nodes, NOBODY)
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-4, atol=1e-5)
    some = torch.tensor([7, 2])
    assert torch.equal(enhancer.items(nodes, NOBODY, some), found[some])
    torch.testing.assert_close(found[5], items[5])


def test_users_hear_from_the_items_up_to_each_position():
    net = network()
    batch = whole_histories(DATASET, SPLIT, 5)
    nodes = net.enhancer.propagate(net.item.weight, NOBODY)
    found = net.enhancer.users(nodes, batch).detach().numpy()
    assert found.shape[2] == net.enhancer.user_width == 16
    dense_history(net.enhancer, nodes, SPLIT.histories(DATASET), batch, found)


def test_without_pairs_it_says_what_to_do():
    with pytest.raises(ConfigError, match="'topoi2i' needs pairs of similar items"):
        gather_inputs(DATASET, Sources(), config_of("sasrec", "topoi2i"))


def test_nobody_hears_a_user_and_nobody_an_item_that_is_no_edge():
    net = network()
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
