from __future__ import annotations

import numpy as np
import pytest
from small_worlds import (
    COMBINATIONS,
    checkerboard,
    config_of,
    dataset_of,
    graph_of,
    model_of,
    scores_of,
)

from data.dataset import Histories
from data.errors import DataError
from data.split import leave_one_out
from recommend.protocols import Asked, Explains, ReadsFactors
from recommend.reasons.what_if import Ready, best, moves, ranks_of
from recommend.settings import ModelConfig

DATASET = checkerboard()
PAST = leave_one_out(DATASET).histories(DATASET)


def ready_of(backbone="sasrec", enhancer="autograph"):
    graph = None if enhancer == "none" else graph_of(DATASET)
    return Ready.of(model_of(DATASET, graph, config_of(backbone, enhancer)))


@pytest.mark.parametrize(("backbone", "enhancer"), COMBINATIONS)
class TestEveryBackboneWithEveryEnhancer:
    def test_the_training_history_scores_as_in_a_batch(self, backbone, enhancer):
        ready = ready_of(backbone, enhancer)
        together = scores_of(ready.model, DATASET)
        for user in (0, 9, 23):
            alone = ready.scores(user, PAST.of(user))
            np.testing.assert_allclose(alone, together[user], rtol=1e-4, atol=1e-5)

    def test_another_history_scores_as_if_it_were_in_the_data(self, backbone, enhancer):
        """The graph stands: only the histories that are scored differ."""
        ready = ready_of(backbone, enhancer)
        items = np.array([3, 11, 5, 8, 1, 4, 9], dtype=np.int32)
        histories = Histories(np.array([0, 0, 0, 7]), items, np.arange(7))
        ((_, expected),) = ready.model.scores(Asked(histories, np.array([2])))
        alone = ready.scores(2, items)
        np.testing.assert_allclose(alone, expected[0].numpy(), rtol=1e-4, atol=1e-5)
        assert np.abs(alone - ready.scores(2, items[:-1])).max() > 1e-3

    def test_everybody_at_once_is_each_of_them(self, backbone, enhancer):
        ready = ready_of(backbone, enhancer)
        vectors = ready.everybody(PAST)
        assert len(vectors) == DATASET.n_users
        for user in (1, 14):
            scores = (vectors[user] @ ready.answers.items.T).amax(0).numpy()
            alone = ready.scores(user, PAST.of(user))
            np.testing.assert_allclose(scores, alone, rtol=1e-4, atol=1e-5)


def test_the_graph_is_passed_over_once(monkeypatch):
    ready = ready_of()
    monkeypatch.setattr(type(ready.model.recommender.network), "propagate", None)
    assert len(best(ready, 3, np.array([1, 2]), 4)) == 4


def test_ranks_leave_out_what_was_had_and_ties_keep_their_order():
    assert ranks_of(np.array([0.2, 0.9, 0.2, 0.5]), [3]).tolist() == [2, 1, 3, 0]
    assert ranks_of(np.array([0.2, 0.9]), [0, 1]).tolist() == [0, 0]


def test_the_best_are_the_highest_scores_that_were_not_had():
    ready, history = ready_of(), PAST.of(6)
    table = best(ready, 6, history, 4)
    scores = ready.scores(6, history)
    expected = sorted(set(range(12)) - set(history.tolist()), key=lambda i: -scores[i])[:4]
    assert table["item"].to_list() == expected and table["rank"].to_list() == [1, 2, 3, 4]
    assert table["score"].to_list() == pytest.approx(scores[expected].tolist())


def test_how_far_each_item_has_come():
    ready = ready_of()
    before, after = np.array([0, 2, 4]), np.array([0, 2, 7, 5])
    table = moves(ready, 1, before, after, 12)
    then = ranks_of(ready.scores(1, before), before)
    now = ranks_of(ready.scores(1, after), after)
    assert table.height == 8 and not set(table["item"]) & set(after.tolist())
    for row in table.iter_rows(named=True):
        assert row["rank"] == now[row["item"]]
        if row["item"] == 4:  # it was in the history, so it had no rank
            assert row["before"] is None and row["moved"] is None
        else:
            assert row["before"] == then[row["item"]] > 0
            assert row["moved"] == row["before"] - row["rank"]
    assert table["moved"].drop_nulls().ne(0).any()


def test_nothing_moves_where_nothing_changes():
    table = moves(ready_of(), 5, PAST.of(5), PAST.of(5), 5)
    assert table["before"].to_list() == table["rank"].to_list() and set(table["moved"]) == {0}


def test_an_empty_history_gets_a_sentence():
    with pytest.raises(DataError, match="history is empty"):
        ready_of().scores(0, np.array([], dtype=np.int32))


def test_who_had_everything_gets_an_empty_table():
    dataset = dataset_of([[0, 1, 2, 3], [1, 2, 0]], 4)
    ready = Ready.of(model_of(dataset, None, config_of()))
    assert best(ready, 0, np.array([0, 1, 2, 3]), 3).height == 0


@pytest.mark.parametrize(("backbone", "enhancer"), COMBINATIONS)
def test_what_is_left_out_ranks_as_if_the_history_had_lacked_it(backbone, enhancer):
    """One pass for all says what one after another says."""
    ready, history = ready_of(backbone, enhancer), np.array([3, 11, 5, 3, 8], dtype=np.int32)
    items = np.array([0, 7, 10])
    told = ready.left_out(4, history, items)
    assert isinstance(ready, Explains) and isinstance(ready, ReadsFactors)
    assert told.items.tolist() == [8, 3, 5, 11] and told.whole
    assert told.ranks.tolist() == ranks_of(ready.scores(4, history), history)[items].tolist()
    for row, gone in enumerate(told.items):
        rest = history[history != gone]
        rank = ranks_of(ready.scores(4, rest), rest)
        assert told.without[row].tolist() == rank[items].tolist()
        others = rank[items] - (rank[gone] < rank[items]) - told.ranks
        assert told.falls[row].tolist() == others.tolist()


def test_a_history_of_one_item_and_a_long_one(monkeypatch):
    ready = ready_of()
    assert not len(ready.left_out(0, np.array([2, 2]), np.array([1])).items)
    with pytest.raises(DataError, match="nothing can be left out"):
        ready.left_out(0, np.array([], dtype=int), np.array([1]))
    monkeypatch.setattr("recommend.reasons.what_if.TRIED", 2)
    told = ready.left_out(0, np.array([2, 3, 4]), np.array([1]))
    assert told.items.tolist() == [4, 3] and not told.whole


def test_what_is_no_edge_of_the_graph_stays_none_when_something_is_left_out():
    """Of a history whose last item is not on the graph, what remains is on it as before."""
    ready, history = ready_of(), np.array([3, 11, 5, 8])
    told = ready.left_out(4, history, np.array([0, 7]), known=3)
    histories = Histories(np.array([0, 0, 0, 0, 0, 3]), np.array([3, 5, 8]), np.arange(3))
    ((_, scores),) = ready.model.scores(Asked(histories, np.array([4]), np.array([0, 0, 0, 0, 2])))
    expected = ranks_of(scores[0].numpy(), np.array([3, 5, 8]))
    row = told.items.tolist().index(11)
    assert told.without[row].tolist() == expected[[0, 7]].tolist()


@pytest.mark.parametrize(
    ("enhancer", "more", "item", "user"),
    [
        ("none", {}, (), ()),
        ("kar", {}, (), ()),
        ("lightgcn", {}, (), ()),
        ("autograph", {"levels": (0,)}, (0,), (0,)),
        ("autograph", {"levels": (0, 5)}, (0,), (0,)),
        ("autograph", {"metapaths": ("item > item_factor > item",)}, (0, 1), ()),
        ("grounded", {}, (0, 1), (0, 1)),
        ("uist", {}, (0, 1, 2), (0, 1, 2)),
        ("uist", {"sides": ("item",), "levels": (2,)}, (2,), ()),
    ],
)
def test_a_recommender_says_which_levels_of_codes_it_reads(enhancer, more, item, user):
    config = ModelConfig.model_validate({"enhancer": {"name": enhancer, **more}}).enhancer
    assert config.levels_read("item", 3) == item and config.levels_read("user", 3) == user
