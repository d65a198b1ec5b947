"""Neighbourhoods and scores of random walks, against what they must come to."""

import numpy as np
import pytest

from data.errors import ConfigError
from data.relation import Relation
from graph.sample.importance import allot, boost, important, pixie
from graph.sample.rows import Reach
from graph.sample.strategies import edge_weight


def trip(queries, items, n_queries, n_items, times=None, weights=None):
    """From items to queries and back."""
    led = Relation.between(
        np.array(queries), np.array(items), n_queries, n_items,
        None if times is None else np.array(times),
        None if weights is None else np.array(weights, dtype=float),
    )  # fmt: skip
    return Reach(led.transpose()), Reach(led)


def chances(around):
    """(n_items, n_items) of one round trip, each edge alike."""
    made = np.eye(len(around[0].relation))
    for one in around:
        step = np.zeros((len(one.relation), one.relation.n_targets))
        np.add.at(step, (one.relation.sources, one.relation.targets), 1)
        made = made @ (step / np.maximum(step.sum(axis=1, keepdims=True), 1))
    return made


def random_trip(seed):
    rng = np.random.default_rng(seed)
    return trip(rng.integers(0, 6, 40), rng.integers(0, 9, 40), 6, 9, rng.integers(0, 50, 40))


def test_visits_come_to_the_powers_of_the_chances_of_a_step():
    around = random_trip(0)
    step = chances(around)
    visits = step + step @ step
    np.fill_diagonal(visits, 0)
    visits /= visits.sum(axis=1, keepdims=True)
    found = important(around, np.arange(9), nearest=9, walks=20_000, length=2, rng=3)
    got = np.zeros((9, 9))
    got[found.sources, found.targets] = found.weights
    assert np.abs(got - visits).max() < 0.02
    assert found.degrees.tolist() == (visits > 0).sum(axis=1).tolist()


def test_a_neighbourhood_is_the_most_visited_in_order_and_has_their_share_of_all_visits():
    around = random_trip(1)
    whole = important(around, np.arange(9), nearest=9, rng=5)
    few = important(around, np.arange(9), nearest=2, rng=5)
    for seed in range(9):
        mine = slice(whole.offsets[seed], whole.offsets[seed + 1])
        assert seed not in whole.of(seed)
        order = np.lexsort((whole.targets[mine], -whole.weights[mine]))
        assert (order == np.arange(len(order))).all()
        assert whole.weights[mine].sum() == pytest.approx(1)
        assert few.of(seed).tolist() == whole.of(seed)[:2].tolist()
    again = important(around, np.arange(9), nearest=9, rng=5)
    assert np.array_equal(whole.targets, again.targets)
    assert np.array_equal(whole.weights, again.weights)


def test_walks_keep_to_edges_before_the_time_of_their_seed_and_end_where_none_leads_on():
    # query 0 led to items 0 and 1 at 5, and to 2 at 9; item 3 has no edge
    around = trip([0, 0, 0], [0, 1, 2], 1, 4, [5, 5, 9])
    seeds, limits = np.array([0, 0, 0, 3]), np.array([6, 10, 5, 10])
    found = important(around, seeds, limits=limits, rng=0)
    assert [sorted(found.of(row).tolist()) for row in range(4)] == [[1], [1, 2], [], []]
    assert pixie(around, np.array([0]), limit=6).scores[2] == 0
    assert pixie(around, np.array([0]), limit=10).scores[2] > 0
    assert pixie(around, np.array([3])).steps == 0


def test_walks_may_prefer_edges_of_weight():
    around = trip([0, 0, 0], [0, 1, 2], 1, 3, weights=[1, 9, 0])
    found = important(around, np.array([0]), walks=500, by=edge_weight, rng=0)
    assert found.targets.tolist() == [1] and found.weights.tolist() == [1.0]


def test_steps_are_allotted_by_hand():
    degrees, most = np.array([1, 4]), 8
    scaled = [1 * (8 - 0.0), 4 * (8 - np.log(4))]
    found = allot(degrees, np.array([1.0, 2.0]), 300, most)
    assert found.tolist() == pytest.approx(
        [300 * scaled[0] / sum(scaled), 2 * 300 * scaled[1] / sum(scaled)]
    )
    assert allot(np.zeros(2, dtype=int), np.ones(2), 10, 8).tolist() == [0, 0]


def test_what_is_reached_from_several_beats_what_is_reached_as_often_from_one():
    assert boost(np.array([[8.0, 4.0], [0.0, 4.0]])).tolist() == pytest.approx([8.0, 16.0])
    # item 2 shares a query with both, 3 with item 0 alone, twice
    around = trip([0, 0, 1, 1, 2, 2, 3, 3], [0, 2, 1, 2, 0, 3, 1, 4], 4, 5)
    found = pixie(around, np.array([0, 1]), steps=20_000, rng=1)
    assert found.scores[0] == found.scores[1] == 0
    assert found.scores.argmax() == 2
    # and of one alone, both that share a query with it come as often
    alone = pixie(around, np.array([0]), steps=20_000, restart=1.0, rng=1).scores
    assert alone[2] == pytest.approx(alone[3], rel=0.1) and alone[4] == 0


def test_walks_stop_early_once_enough_nodes_were_visited_enough():
    around = random_trip(2)
    whole = pixie(around, np.array([0]), steps=50_000, rng=2)
    brief = pixie(around, np.array([0]), steps=50_000, enough=(2, 30), rng=2)
    assert 50_000 <= whole.steps < 50_000 + 2_000 and brief.steps < 2_000
    assert (brief.scores > 0).sum() >= 2
    again = pixie(around, np.array([0]), steps=50_000, enough=(2, 30), rng=2)
    assert np.array_equal(brief.scores, again.scores)


def test_walks_that_do_not_come_round_are_refused():
    back, forth = random_trip(0)
    with pytest.raises(ConfigError, match="round trip"):
        important((back,), np.arange(3))
    with pytest.raises(ConfigError, match="restart is 0"):
        pixie((back, forth), np.array([0]), restart=0)
