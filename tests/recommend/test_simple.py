"""Simple recommenders, against values worked out by hand and by other ways."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data.dataset import Histories
from data.errors import ConfigError
from recommend.simple.behaviour import Ease, ItemKnn, Popularity, weighted_histories
from recommend.simple.settings import EaseConfig, HybridConfig, ItemKnnConfig, TextKnnConfig
from recommend.simple.texts import Hybrid, TextKnn, full_ranks, ranks, term_vectors


def histories(*rows: list[int]) -> Histories:
    offsets = np.cumsum([0, *map(len, rows)])
    items = np.array([item for row in rows for item in row], dtype=np.int32)
    return Histories(offsets, items, np.arange(len(items)))


PAST = histories([0, 1, 2], [1, 2], [0, 3])
ALL = np.arange(3)


def test_popularity_is_the_same_for_everybody() -> None:
    found = Popularity.fit(PAST, 5).scores(PAST, np.array([2, 0]))
    assert found.tolist() == [[2, 2, 2, 1, 0]] * 2


def test_weights_of_a_history() -> None:
    past = histories([4, 1, 4, 2], [], [0])
    found = weighted_histories(past, np.array([2, 0, 1]), 5, recency=0.5, last=3).toarray()
    assert found.tolist() == [[1, 0, 0, 0, 0], [0, 0.25, 1, 0, 0.5], [0, 0, 0, 0, 0]]
    everything = weighted_histories(past, np.array([0]), 5, recency=0.5).toarray()
    assert everything.tolist() == [[0, 0.25, 1, 0, 0.5]], "the latest time counts"


def test_neighbours_by_hand() -> None:
    config = ItemKnnConfig(nearness=0.5, backward=0.25, recency=0.5, reach=5)
    model = ItemKnn.fit(PAST, 4, config)
    met = model.similar.toarray() * math.sqrt(2 * 2)  # 0, 1 and 2 were had twice, 3 once
    np.testing.assert_allclose(met[0, :3], [0, 1, 0.5])
    np.testing.assert_allclose(met[1, :3], [0.25, 0, 2])
    np.testing.assert_allclose(met[2, :3], [0.125, 0.5, 0])
    np.testing.assert_allclose(model.similar[0, 3], 1 / math.sqrt(2))
    np.testing.assert_allclose(model.similar[3, 0], 0.25 / math.sqrt(2))
    scored = model.scores(PAST, np.array([1]))[0]  # 1 weighs a half, 2 one
    np.testing.assert_allclose(scored[:3], [0.5 * 0.125 + 0.0625, 0.25, 0.5], rtol=1e-6)


def test_without_decay_neighbours_are_the_cosine_of_co_occurrence() -> None:
    rng = np.random.default_rng(0)
    past = histories(*(rng.permutation(9)[: rng.integers(2, 7)].tolist() for _ in range(30)))
    had = weighted_histories(past, np.arange(30), 9).toarray()
    expected = had.T @ had / np.sqrt(np.outer(had.sum(0), had.sum(0)))
    np.fill_diagonal(expected, 0)
    config = ItemKnnConfig(nearness=1, backward=1, recency=1)
    np.testing.assert_allclose(ItemKnn.fit(past, 9, config).similar.toarray(), expected, rtol=1e-5)


def test_reach_ends_meetings() -> None:
    near = ItemKnn.fit(PAST, 4, ItemKnnConfig(reach=1)).similar
    assert near[0, 2] == 0 and near[0, 1] > 0


def test_ease_solves_its_problem() -> None:
    """Each column is the ridge regression of an item on all others."""
    rng = np.random.default_rng(1)
    past = histories(*(rng.permutation(7)[: rng.integers(2, 6)].tolist() for _ in range(40)))
    had = weighted_histories(past, np.arange(40), 7).toarray().astype(np.float64)
    model = Ease.fit(past, 7, EaseConfig(l2=3.0))
    for item in range(7):
        others = [k for k in range(7) if k != item]
        left = had[:, others].T @ had[:, others] + 3.0 * np.eye(6)
        ridge = np.linalg.solve(left, had[:, others].T @ had[:, item])
        np.testing.assert_allclose(model.weights[others, item], ridge, atol=1e-5)
        assert model.weights[item, item] == 0
    np.testing.assert_allclose(model.scores(past, np.array([4])), had[[4]] @ model.weights, 1e-5)


def test_ease_says_when_there_are_too_many_items() -> None:
    with pytest.raises(ConfigError, match=r"there are 4 items, more than 3.*most_items"):
        Ease.fit(PAST, 4, EaseConfig(most_items=3))


def test_texts_by_hand() -> None:
    vectors = np.array([[2, 0], [3, 3], [0, 5], [0, 0]], dtype=np.float32)
    model = TextKnn.of_vectors(vectors, TextKnnConfig(recency=0.5, last=2))
    scored = model.scores(PAST, np.array([0]))[0]  # 1 weighs a half, 2 one
    half = math.sqrt(0.5)
    np.testing.assert_allclose(scored, [0.5 * half, 0.5 + half, 0.5 * half + 1, 0], rtol=1e-6)


def test_words_of_one_text_alone_say_nothing() -> None:
    found = term_vectors(["red pen", "blue pen", None, "desk"]).toarray()
    assert found.tolist() == [[1], [1], [0], [0]]
    assert term_vectors(["a", "b", None]).nnz == 0
    model = TextKnn.of_texts(["red pen", "blue pen", None, "desk"], TextKnnConfig(last=None))
    assert model.scores(histories([0]), np.array([0])).tolist() == [[1, 1, 0, 0]]


def test_ranks_leave_out_what_was_had_and_share_ties() -> None:
    scores = np.array([[9, 5, 5, 5, 1], [1, 1, 1, 1, 1]], dtype=np.float32)
    past = histories([0, 2], [4])
    assert ranks(scores, past, np.arange(2), np.array([1, 0])).tolist() == [1.5, 2.5]


def test_full_ranks_are_those_of_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, wanted = ItemKnn.fit(PAST, 4), np.array([3, 0, 1])
    at_once = full_ranks(model, PAST, wanted)
    monkeypatch.setattr("recommend.simple.texts.USERS_AT_ONCE", 1)
    assert full_ranks(model, PAST, wanted).tolist() == at_once.tolist()


def test_texts_weigh_what_validation_says() -> None:
    """Everybody goes on to the item of the same words: texts pay, shuffled ones do not."""
    rng = np.random.default_rng(0)
    starts = rng.permutation(60).tolist()
    past, wanted = histories(*([2 * k] for k in starts)), np.array([2 * k + 1 for k in starts])
    texts = [f"word{k // 2} thing" for k in range(120)]
    config = HybridConfig(weights=(0.0, 1.0))
    model = Hybrid.fit(past, wanted, TextKnn.of_texts(texts), config)
    assert model.weight == 1.0 and model.tried[1.0] == 1.0 > model.tried[0.0]
    assert full_ranks(model, past, wanted).max() == 1
    shuffled = [texts[k] for k in rng.permutation(120)]
    other = Hybrid.fit(past, wanted, TextKnn.of_texts(shuffled), config)
    assert other.tried[1.0] < 0.1
