from fractions import Fraction

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from recommend.judge.metrics import (
    METRICS,
    auc,
    hit_ratio,
    mean_rank,
    ndcg,
    per_user,
    reciprocal_rank,
)

NAN = float("nan")


def rank_of(scores, target=0, allowed=None):
    mask = None if allowed is None else torch.tensor([allowed], dtype=torch.bool)
    return float(mean_rank(torch.tensor([scores]), torch.tensor([target]), mask))


@pytest.mark.parametrize(
    ("scores", "rank"),
    [
        ([3.0, 2.0, 1.0], 1),
        ([2.0, 3.0, 1.0], 2),
        ([1.0, 2.0, 3.0], 3),
        ([2.0, 2.0, 1.0], 1.5),  # ranks 1 and 2
        ([1.0, 1.0, 2.0, 1.0], 3),  # ranks 2, 3 and 4
        ([1.0, 1.0, 1.0, 1.0], 2.5),  # what chance earns
        ([7.0], 1),
        ([NAN, 1.0, -5.0], 3),
        ([0.0, NAN, NAN], 1),
        ([NAN, NAN, NAN], 2),
        ([NAN, NAN, 1.0], 2.5),
        ([float("-inf"), NAN, 1.0], 2.5),
        ([float("inf"), 1.0, float("inf")], 1.5),
    ],
)
def test_rank_of_the_first_item(scores, rank):
    assert rank_of(scores) == rank


@pytest.mark.parametrize(
    ("allowed", "rank"),
    [
        ([True, True, True, True, True], 3.5),
        ([True, False, True, True, True], 2.5),
        ([True, True, True, False, True], 3),
        ([True, False, False, False, True], 1),
        ([True, False, False, False, False], 1),
        ([False, False, False, True, False], 1.5),  # the target counts whatever the mask says
    ],
)
def test_only_candidates_that_are_allowed_count(allowed, rank):
    assert rank_of([2.0, 4.0, 3.0, 2.0, 1.0], 0, allowed) == rank


def test_every_row_has_its_own_target_and_mask():
    scores = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 5.0]])
    allowed = torch.tensor([[True, True, True], [False, True, True], [True, True, False]])
    target = torch.tensor([2, 1, 1])
    assert mean_rank(scores, target).tolist() == [3, 2, 2.5]
    assert mean_rank(scores, target, allowed).tolist() == [3, 1, 1.5]


def test_values_by_hand():
    ranks, candidates = np.array([1, 3, 7, 10, 10.5, 11]), np.full(6, 21)
    values = per_user(ranks, candidates)
    assert tuple(values) == METRICS
    log = np.log2(11)
    assert values["ndcg@10"] == pytest.approx([1, Fraction(1, 2), Fraction(1, 3), 1 / log, 0, 0])
    assert values["hr@10"].tolist() == [1, 1, 1, 1, 0, 0]
    by_hand = [1, Fraction(1, 3), Fraction(1, 7), Fraction(1, 10), Fraction(2, 21), Fraction(1, 11)]
    assert values["mrr"] == pytest.approx([float(value) for value in by_hand])
    by_hand = [Fraction(21 - rank, 20) for rank in (1, 3, 7, 10, Fraction(21, 2), 11)]
    assert values["gauc"] == pytest.approx([float(value) for value in by_hand])


def test_the_cut_is_where_it_is_asked_for():
    ranks = np.array([1.0, 2.0, 3.0])
    assert hit_ratio(ranks, 2).tolist() == [1, 1, 0]
    assert ndcg(ranks, 1).tolist() == [1, 0, 0]
    assert reciprocal_rank(ranks).tolist() == [1, 1 / 2, 1 / 3]


def test_one_candidate_says_nothing():
    assert auc(np.array([1.0]), np.array([1])).tolist() == [0.5]


def test_a_constant_score_earns_half_the_auc():
    rank = rank_of([0.0] * 8)
    assert auc(np.array([rank]), np.array([8])).tolist() == [0.5]


def test_auc_equals_scikit_learn_user_by_user():
    rng = np.random.default_rng(0)
    scores = rng.integers(6, size=(40, 15)).astype(np.float32)  # many ties
    allowed = rng.random((40, 15)) < 0.7
    target = rng.integers(15, size=40)
    allowed[np.arange(40), target] = True
    ranks = mean_rank(*map(torch.from_numpy, (scores, target, allowed))).numpy()
    ours = auc(ranks, allowed.sum(1))
    for user in range(40):
        true = np.arange(15) == target[user]
        mask = allowed[user]
        assert ours[user] == pytest.approx(roc_auc_score(true[mask], scores[user][mask]))
