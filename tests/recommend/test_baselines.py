"""The paper's baselines against small computations of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_worlds import checkerboard, config_of, graph_of, network_of, whole_histories

from data.split import leave_one_out
from recommend.sequence.prefix import prefix_counts, prefix_sums

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
NOBODY = torch.empty(0, dtype=torch.int64)


def enhancer_of(name, **about):
    config = config_of(enhancer=name).model_dump(mode="json")
    config["enhancer"] |= about
    config = type(config_of()).model_validate(config)
    return network_of(DATASET, graph_of(DATASET), config).eval()


def adjacency():
    """(n_users, n_items) who had what in training, each once."""
    past, matrix = SPLIT.histories(DATASET), np.zeros((DATASET.n_users, DATASET.n_items))
    for user in range(DATASET.n_users):
        matrix[user, past.of(user)] = 1
    return matrix


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("hidden", [[], [0, 5, 11]])
def test_lightgcn_is_the_mean_over_powers_of_the_normalised_adjacency(layers, hidden):
    """Against eq. 8 with dense matrices; hidden users send nothing, the others the more."""
    network = enhancer_of("lightgcn", layers=layers)
    enhancer, items = network.enhancer, network.item.weight
    matrix = adjacency()
    by_user, by_item = matrix.sum(1).clip(1), matrix.sum(0).clip(1)
    whole = matrix / np.sqrt(by_user[:, None] * by_item)
    sent = whole.copy()
    sent[hidden] = 0
    sent *= np.divide(whole.sum(0), sent.sum(0), where=sent.sum(0) > 0, out=np.zeros(len(sent.T)))
    users, own = [enhancer.user.weight.detach().numpy()], [items.detach().numpy()]
    for _ in range(layers):
        users.append(whole @ own[-1])
        own.append(sent.T @ users[-2])
    nodes = enhancer.propagate(items, torch.tensor(hidden, dtype=torch.int64))
    expected = np.mean(own, 0)
    np.testing.assert_allclose(
        enhancer.items(nodes, NOBODY).detach(), expected, rtol=1e-4, atol=1e-6
    )
    some = torch.tensor([3, 1])
    np.testing.assert_allclose(
        enhancer.items(nodes, NOBODY, some).detach(), expected[[3, 1]], rtol=1e-4, atol=1e-6
    )


def test_lightgcn_does_not_tell_who_is_in_the_batch_by_how_little_an_item_hears():
    enhancer = enhancer_of("lightgcn", layers=1).enhancer
    with torch.no_grad():
        enhancer.user.weight.fill_(1.0)
    nothing = torch.zeros(DATASET.n_items, enhancer.item_width)
    everybody = enhancer.propagate(nothing, NOBODY)[1][1]
    some = enhancer.propagate(nothing, torch.tensor([0, 5, 11]))[1][1]
    torch.testing.assert_close(some, everybody)


def test_lightgcn_users_hear_from_the_items_up_to_each_position():
    network = enhancer_of("lightgcn", layers=2)
    enhancer, items = network.enhancer, network.item.weight
    batch = whole_histories(DATASET, SPLIT, 5)
    nodes = enhancer.propagate(items, batch.users)
    found = enhancer.users(nodes, batch).detach().numpy()
    past, by_item = SPLIT.histories(DATASET), adjacency().sum(0).clip(1)
    layers = nodes[1].detach().numpy()
    for row, user in enumerate(batch.users.tolist()):
        history, start = past.of(user), max(len(past.of(user)) - 5, 0)
        for position in range(min(5, len(history))):
            before = history[: start + position + 1]
            weight = 1 / np.sqrt(len(before) * by_item[before])
            heard = [(weight[:, None] * layers[k][before]).sum(0) for k in range(2)]
            own = enhancer.user.weight[user].detach().numpy()
            np.testing.assert_allclose(
                found[row, position], (own + sum(heard)) / 3, rtol=1e-3, atol=1e-5
            )


def test_sums_over_prefixes_count_the_items_before_the_chunk():
    batch = whole_histories(DATASET, SPLIT, 5)
    values = torch.eye(DATASET.n_items)
    sums, counts = prefix_sums(values, batch), prefix_counts(batch)
    past = SPLIT.histories(DATASET)
    for row, user in enumerate(batch.users.tolist()):
        last = min(len(past.of(user)), 5) - 1
        expected = np.bincount(past.of(user), minlength=DATASET.n_items)
        assert sums[row, last].tolist() == expected.tolist()
        assert counts[row, last] == len(past.of(user))


def test_kar_weighs_what_its_experts_say():
    network = enhancer_of("kar", shared=1, own=2, hidden=5)
    enhancer = network.enhancer
    vectors = enhancer.item_vectors
    said = []
    for experts in (enhancer.item.experts, enhancer.shared):
        inner = torch.relu(vectors @ experts.first.weight.T + experts.first.bias)
        for one in range(experts.experts):
            said.append(inner[:, 5 * one : 5 * one + 5] @ experts.second[one])
    gate = enhancer.item.gate(vectors).softmax(1)
    expected = sum(gate[:, [n]] * part for n, part in enumerate(said))
    nodes = enhancer.propagate(network.item.weight, NOBODY)
    torch.testing.assert_close(enhancer.items(nodes, NOBODY), expected)
    batch = whole_histories(DATASET, SPLIT, 5)
    users = enhancer.users(nodes, batch)
    assert users.shape == (DATASET.n_users, 5, enhancer.user_width)
    assert torch.equal(users[:, 0], users[:, 4]), "a text does not change along a history"


def test_uist_knows_an_entity_by_its_codes_alone():
    network = enhancer_of("uist")
    enhancer = network.enhancer
    features = enhancer.items(enhancer.propagate(network.item.weight, NOBODY), NOBODY)
    codes = enhancer.item.codes
    for one in range(DATASET.n_items):
        same = (codes == codes[one]).all(1)
        torch.testing.assert_close(features[same], features[[one]].expand(int(same.sum()), -1))
    table = enhancer.item.table.weight
    by_hand = enhancer.item.out(torch.relu(table[codes[2, 0]] + table[codes[2, 1]]))
    torch.testing.assert_close(features[2], by_hand)


@pytest.mark.parametrize("name", ["autograph", "grounded", "kar", "uist", "lightgcn"])
@pytest.mark.parametrize("side", ["user", "item"])
def test_only_the_chosen_side_gets_features(name, side):
    both, one = enhancer_of(name), enhancer_of(name, sides=(side,))
    one.load_state_dict(both.state_dict())
    batch = whole_histories(DATASET, SPLIT, 5)

    def seen(network):
        shared = network.propagate(batch.users)
        sent = shared._replace(items=torch.zeros_like(shared.items))
        return {"item": shared.items, "user": network.users(sent, batch)}

    whole, half = seen(both), seen(one)
    other = {"user": "item", "item": "user"}[side]
    torch.testing.assert_close(half[side], whole[side])
    assert not torch.allclose(half[other], whole[other])
    with torch.no_grad():
        getattr(one, f"{other}_graph").weight += 1.0
    torch.testing.assert_close(seen(one)[other], half[other])
