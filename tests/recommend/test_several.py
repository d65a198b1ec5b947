"""Metrics of several true items, by hand and against PyG's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.metrics import LinkPredMAP, LinkPredNDCG, LinkPredRecall

from data.dataset import Histories
from data.relation import Relation
from recommend.judge.several import average_precision, best_items, judge_lists, ndcg, recall
from recommend.protocols import Asked

TRUE = Relation.between(np.array([0, 0, 1, 1, 1, 3]), np.array([4, 1, 0, 2, 5, 3]), 4, 6)
LISTS = np.array([[4, 0, 1], [3, 5, 4], [0, 1, 2], [1, 2, 4]])


def test_by_hand() -> None:
    """User 0 has both of two at places 1 and 3, user 1 one of three at 2, user 3 none of one."""
    hit = np.array([[True, False, True], [False, True, False], [False, False, False]])
    n = np.array([2, 3, 1])
    assert recall(hit, n, 3).tolist() == pytest.approx([1, 1 / 3, 0])
    assert recall(hit, n, 2).tolist() == pytest.approx([1 / 2, 1 / 3, 0])
    second = 1 / np.log2(3)
    reached = [1.5 / (1 + second), second / (1.5 + second), 0]
    assert ndcg(hit, n, 3).tolist() == pytest.approx(reached)
    assert average_precision(hit, n, 3).tolist() == pytest.approx([(1 + 2 / 3) / 2, (1 / 2) / 3, 0])
    assert average_precision(hit, n, 2).tolist() == pytest.approx([1 / 2, (1 / 2) / 2, 0])


def test_the_toy_of_relbench() -> None:
    """MAP 0.625: true items found at 1 and 2 of 2, and at 2 of 2 of which one is at all."""
    hit, n = np.array([[True, True], [False, True]]), np.array([2, 3])
    assert average_precision(hit, n, 2).mean() == pytest.approx((1 + 1 / 4) / 2) == 0.625


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_average_precision_is_that_of_relbench(k: int) -> None:
    """Place by place: precision wherever an item is true, by the most that k places could hold."""
    rng = np.random.default_rng(k)
    hit = rng.random((50, 8)) < 0.3
    n_true = hit.sum(1) + rng.integers(0, 4, 50)
    hit, n_true = hit[n_true > 0], n_true[n_true > 0]
    expected = []
    for row, n in zip(hit, n_true, strict=True):
        found, total = 0, 0.0
        for place in range(k):
            if row[place]:
                found += 1
                total += found / (place + 1)
        expected.append(total / min(n, k))
    assert average_precision(hit, n_true, k).tolist() == pytest.approx(expected)
    assert average_precision(hit, n_true, k).max() <= 1


def test_users_without_a_true_item_do_not_count() -> None:
    found = judge_lists(LISTS, np.arange(4), TRUE, (3,))
    assert found["recall@3"] == pytest.approx((1 + 1 / 3 + 0) / 3)


@pytest.mark.parametrize("k", [1, 3, 20])
def test_they_are_those_of_pyg(k: int) -> None:
    rng = np.random.default_rng(k)
    users, n_items = np.arange(60), 50
    ends = np.unique(rng.integers((60, n_items), size=(400, 2)), axis=0)
    true = Relation.between(*ends.T, 60, n_items)
    lists = np.stack([rng.permutation(n_items)[:20] for _ in users])
    some = np.flatnonzero(true.degrees[users])
    found = judge_lists(lists, users, true, (k,))
    index = torch.from_numpy(np.stack([np.searchsorted(some, true.sources), true.targets]))
    for name, theirs in (("recall", LinkPredRecall), ("ndcg", LinkPredNDCG), ("map", LinkPredMAP)):
        metric = theirs(k=k)
        metric.update(torch.from_numpy(lists[some]), index.long())
        assert found[f"{name}@{k}"] == pytest.approx(metric.compute().item(), rel=1e-5)


class Rising:
    """Scores an item by its number."""

    def scores(self, asked):
        for at in range(0, len(asked.users), 2):
            users = asked.users[at : at + 2]
            yield users, torch.arange(4.0).expand(len(users), -1)


def test_lists_hold_nothing_that_was_had() -> None:
    had = Relation.between(np.array([0, 0, 1]), np.array([3, 0, 2]), 3, 4)
    also = Relation.between(np.array([0]), np.array([1]), 3, 4)
    past = Histories(np.zeros(4, int), np.zeros(0, int), np.zeros(0, int))
    lists = best_items(Rising(), Asked(past, np.array([0, 1, 2])), (had, also), 3)
    assert lists.tolist() == [[2, -1, -1], [3, 1, 0], [3, 2, 1]]
