"""Measures beyond accuracy against their definitions, and the lists that they are of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_worlds import checkerboard, config_of, graph_of, model_of

from data.split import leave_one_out
from recommend.judge.beyond import beyond, concentration, coverage, diversity, novelty
from recommend.judge.evaluate import histories_before
from recommend.judge.lists import NOTHING, TopLists, top_lists
from recommend.protocols import Asked


def world():
    dataset = checkerboard()
    model = model_of(dataset, graph_of(dataset), config_of("mind", "autograph"))
    return dataset, leave_one_out(dataset), model


def lists(rows) -> TopLists:
    return TopLists(np.array(rows, dtype=np.int32))


def test_coverage_and_concentration_by_hand():
    shown = lists([[0, 1], [0, NOTHING]])
    assert coverage(shown, 8) == 0.25
    assert concentration(lists([[0], [0]]), 4) == 0.75
    assert concentration(lists([[NOTHING]]), 4) == 0


def test_novelty_by_hand():
    """With 3 users the items have 2, 1 and 0 of them: p is 3/4, 1/2 and 1/4."""
    popularity = np.array([2, 1, 0])
    bits = novelty(lists([[1, 2], [2, NOTHING], [NOTHING, NOTHING]]), popularity, 3)
    assert bits[0] == pytest.approx((1 + 2) / 2) and bits[1] == pytest.approx(2)
    assert np.isnan(bits[2])


def test_diversity_by_hand():
    vectors = np.array([[2.0, 0], [0, 3], [-1, 0]])
    found = diversity(lists([[0, 1, 2], [0, 2, NOTHING], [1, NOTHING, NOTHING]]), vectors)
    assert found[0] == pytest.approx((1 + 2 + 1) / 3) and found[1] == pytest.approx(2)
    assert np.isnan(found[2])


@given(st.integers(0, 1000), st.integers(2, 6))
def test_diversity_is_the_mean_over_pairs(seed, m):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(9, 4))
    items = rng.permutation(9)[:m]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [1 - unit[a] @ unit[b] for at, a in enumerate(items) for b in items[at + 1 :]]
    assert diversity(lists([items]), vectors)[0] == pytest.approx(np.mean(pairs))


def test_without_vectors_there_is_no_diversity():
    measured = beyond(lists([[0, 1]]), np.array([1, 1, 1]), 1, None)
    assert measured["diversity"] is None and measured["coverage"] == pytest.approx(2 / 3)


def test_lists_are_the_best_unseen_items_at_the_test(tmp_path):
    dataset, split, model = world()
    top = top_lists(model, dataset, split, 4)
    before = histories_before(dataset, split, "test")
    known = split.histories(dataset).lengths
    for users, scores in model.scores(Asked(before, np.arange(dataset.n_users), known)):
        for user, row in zip(users, scores.numpy(), strict=True):
            unseen = [i for i in np.argsort(-row, kind="stable") if i not in before.of(user)]
            assert top.items[user].tolist() == unseen[:4]
    top.save(tmp_path)
    np.testing.assert_array_equal(TopLists.load(tmp_path).items, top.items)


def test_who_has_had_nearly_everything_gets_a_short_list():
    dataset, split, model = world()
    top = top_lists(model, dataset, split, 50)
    before = histories_before(dataset, split, "test")
    assert top.items.shape == (dataset.n_users, 12)
    left = [12 - len(set(before.of(user).tolist())) for user in range(dataset.n_users)]
    assert (top.items != NOTHING).sum(1).tolist() == left
