"""Lists of users who have several true items each: recall, NDCG and average precision.

Users without a true item are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from data.relation import Relation
from recommend.judge.lists import NOTHING
from recommend.protocols import Asked, Scores


def best_items(model: Scores, asked: Asked, had: Sequence[Relation], k: int) -> np.ndarray:
    """(b, k) int64 best items of users, best first, without those had; `NOTHING` after the last.

    Args:
        model: That scores.
        asked: Whose lists.
        had: From all users to items that are in no list.
        k: Items a list.
    """
    lists = []
    for users, scores in model.scores(asked):
        masked = scores.cpu().clone()
        for row, user in enumerate(users):
            for of in had:
                masked[row, of.of(int(user)).astype(np.int64)] = -torch.inf
        best = masked.topk(min(k, masked.shape[1]))
        lists.append(best.indices.masked_fill(best.values.isneginf(), NOTHING).numpy())
    return np.concatenate(lists)


def hits(lists: np.ndarray, users: np.ndarray, true: Relation) -> np.ndarray:
    """(b, k) bool: which places of (b, k) lists of (b,) users have a true item."""
    found = np.zeros(lists.shape, dtype=bool)
    for row, user in enumerate(users):
        found[row] = np.isin(lists[row], true.of(int(user)))
    return found


def recall(hit: np.ndarray, n_true: np.ndarray, k: int) -> np.ndarray:
    """(b,) true items among the first k, of (b,) `n_true` that there are.

    >>> recall(np.array([[True, False, True]]), np.array([4]), 3).tolist()
    [0.5]
    """
    found: np.ndarray = hit[:, :k].sum(1) / n_true
    return found


def ndcg(hit: np.ndarray, n_true: np.ndarray, k: int) -> np.ndarray:
    """(b,) Σ 1 / log2(place + 1) over true items up to place k, of the most that there could be.

    >>> ndcg(np.array([[True, False]]), np.array([1]), 2).tolist()
    [1.0]

    Source: Järvelin & Kekäläinen, 2002; the ideal has min(n, k) true items at the top.
    """
    gains = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(gains)[np.minimum(n_true, k) - 1]
    reached: np.ndarray = hit[:, :k] @ gains[: hit[:, :k].shape[1]] / ideal
    return reached


def average_precision(hit: np.ndarray, n_true: np.ndarray, k: int) -> np.ndarray:
    """(b,) Σ, over true items up to place k, of the precision there, by min(n_true, k).

    >>> average_precision(np.array([[True, False, True]]), np.array([2]), 3).round(4).tolist()
    [0.8333]

    Source: RelBench (Robinson et al., 2024), `link_prediction_map`.
    """
    of = hit[:, :k]
    precision = np.cumsum(of, axis=1) / np.arange(1, of.shape[1] + 1)
    reached: np.ndarray = (precision * of).sum(1) / np.minimum(n_true, k)
    return reached


def judge_lists(
    lists: np.ndarray, users: np.ndarray, true: Relation, ks: Sequence[int]
) -> dict[str, float]:
    """Means over users with a true item: recall@k, ndcg@k and map@k of every k.

    Args:
        lists: (b, at least the largest k) items, best first.
        users: (b,) whose they are.
        true: From all users to their true items.
        ks: Lengths of lists.
    """
    n_true = true.degrees[users]
    some = n_true > 0
    hit, n_true = hits(lists[some], users[some], true), n_true[some]
    measures = {"recall": recall, "ndcg": ndcg, "map": average_precision}
    return {
        f"{name}@{k}": float(measure(hit, n_true, k).mean())
        for k in ks
        for name, measure in measures.items()
    }
