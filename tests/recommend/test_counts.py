"""LightGBM on counts: the counts by hand, what trees learn of them, and what they may not see."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from small_worlds import checkerboard, dataset_of, graph_of, scores_of, sources_of, world_of

from data.dataset import Histories
from data.errors import ConfigError
from data.split import leave_one_out
from recommend.fit.training import fit_model
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.simple.counts import FEATURES, Asks, Counts, LightGbm, _taken_apart

BOARD = checkerboard()
NOTHING = np.zeros((4, 0), np.int64)


def config_of(**own: object) -> ModelConfig:
    return ModelConfig.model_validate(
        {"backbone": {"name": "lightgbm", **own}, "enhancer": {"name": PLAIN}}
    )


def past_of(*histories: list[int]) -> Histories:
    lengths = [len(one) for one in histories]
    items = np.array([item for one in histories for item in one], np.int32)
    times = np.array([at for n in lengths for at in range(n)], np.int64)
    return Histories(np.concatenate([[0], np.cumsum(lengths)]), items, times)


def test_features_are_counted_by_hand():
    """Four users; what item 2 and item 3 are to somebody who had 0 and then 1."""
    past = past_of([0, 1, 2], [0, 2], [1, 2, 3], [0, 1])
    counts = Counts.of(past, np.arange(3), 4)  # of the first three
    np.testing.assert_allclose(counts.users, np.array([2, 2, 3, 1]) / 3)
    assert counts.together.toarray().tolist() == [
        [0, 1, 2, 0],
        [1, 0, 2, 1],
        [2, 2, 0, 1],
        [0, 1, 1, 0],
    ]
    factors = np.array([[0, 5], [1, 5], [0, 5], [1, 6]])
    asks = Asks(past, np.array([3]), counts, factors)
    found = dict(zip(FEATURES, asks.features(np.array([[2, 3]]))[0].T, strict=True))
    root = np.sqrt
    expected = {
        "items of the history": [2, 2],
        "popularity": [1, 1 / 3],
        "popularity of the history": [2 / 3, 2 / 3],
        "cosine with the history": [2 / root(6) + 2 / root(6), 1 / root(2)],
        "the same, late items first": [0.7 * 2 / root(6) + 2 / root(6), 1 / root(2)],
        "cosine with the latest item": [2 / root(6), 1 / root(2)],
        "share of those who had the history's items": [2 / 2 + 2 / 2, 1 / 2],
        "shared factors": [(1 + 2) / 2, (1 + 0) / 2],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)
    # of interactions at second 2, the last fifth, items 2 and 3 are one half each
    assert found["popularity lately"].tolist() == [0.5, 0.5]


def test_candidates_are_the_nearest_and_not_those_had():
    past = past_of([0, 1], [0, 1], [0, 2], [3])
    asks = Asks(past, np.array([0, 3]), Counts.of(past, np.arange(4), 4), NOTHING)
    assert asks.candidates(1, without=True).tolist() == [[2], [0]]
    assert sorted(asks.candidates(9, without=False)[0].tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("timed", [True, False])
def test_what_is_to_be_found_is_not_in_the_history(timed: bool):
    past = past_of([4, 5, 4, 6], [7, 8])
    if not timed:
        past = Histories(past.offsets, past.items, np.zeros_like(past.times))
    rest, wanted = _taken_apart(past, np.array([0, 1]), np.random.default_rng(0))
    for user in range(2):
        assert wanted[user] not in rest.of(user) and wanted[user] in past.of(user)
        assert {*rest.of(user), wanted[user]} == {*past.of(user)}
    assert not timed or wanted.tolist() == [6, 8]


def test_counts_that_train_hold_nothing_of_who_is_trained_on(monkeypatch):
    pytest.importorskip("lightgbm")
    asked = []
    own = Counts.of.__func__

    def spy(cls, past, users, n_items):
        asked.append(set(users.tolist()))
        return own(cls, past, users, n_items)

    seen = []
    features = Asks.features

    def note(self, items):
        seen.append(len(asked))
        return features(self, items)

    monkeypatch.setattr(Counts, "of", classmethod(spy))
    monkeypatch.setattr(Asks, "features", note)
    LightGbm.of(config_of(), world_of(BOARD, TrainConfig()))
    everybody = set(range(24))
    assert len(asked) == 6 and asked[-1] == everybody
    folds = [everybody - one for one in asked[:5]]
    assert set().union(*folds) == everybody and sum(map(len, folds)) == 24
    assert seen == [1, 2, 3, 4, 5], "each fold by counts of its own"


@pytest.mark.parametrize("own", [{}, {"factors": True, "candidates": 3, "people": 10}])
def test_the_checkerboard_is_known(own, tmp_path):
    pytest.importorskip("lightgbm")
    graph = graph_of(BOARD)
    settings = config_of(**own)
    split, sources = leave_one_out(BOARD), sources_of(BOARD, graph)
    model = fit_model(BOARD, split, sources, settings, TrainConfig(), seed=1, scratch=tmp_path)
    scores, odd = scores_of(model, BOARD), np.arange(24)[:, None] % 2
    best = scores.argmax(1)[:, None]
    assert (best % 2 == odd).mean() > 0.85
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model")
    np.testing.assert_array_equal(scores_of(again, BOARD), scores)


def test_other_items_stand_below_candidates_by_popularity(tmp_path):
    pytest.importorskip("lightgbm")
    made = LightGbm.of(config_of(candidates=4), world_of(BOARD, TrainConfig()))
    past = leave_one_out(BOARD).histories(BOARD)
    (scores,) = made.score(past, np.array([0]))
    asks = Asks(past, np.array([0]), made.counts, made.factors)
    near = asks.candidates(4, without=False)[0]
    far = np.setdiff1d(np.arange(12), near)
    assert scores[near].min() > scores[far].max()
    assert (np.argsort(scores[far]) == np.argsort(made.counts.users[far])).all()


def test_what_lacks_gets_a_sentence(monkeypatch):
    with pytest.raises(ConfigError, match="no graph with factors"):
        LightGbm.of(config_of(factors=True), world_of(BOARD, TrainConfig()))
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ConfigError, match=r"needs LightGBM .*autograph-rec\[trees\]"):
        LightGbm.of(config_of(), world_of(BOARD, TrainConfig()))
    monkeypatch.undo()
    pytest.importorskip("lightgbm")
    alone = dataset_of([[0, 1, 2], [1, 2, 0]], 3)  # one training item each
    with pytest.raises(ConfigError, match="Nobody has two items"):
        LightGbm.of(config_of(), world_of(alone, TrainConfig()))
