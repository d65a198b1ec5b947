"""Ranking metrics of one held-out item a user."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

METRICS = ("ndcg@10", "hr@10", "mrr", "gauc")
"""The paper's four, in its order (section 4.1.2)."""
SHORT = ("hr@1", "hr@5", "ndcg@5", "hr@10", "ndcg@10")
"""Those of tables whose true item stands among drawn ones. Source: ContextGNN, table 4."""


def mean_rank(scores: Tensor, target: Tensor, allowed: Tensor | None = None) -> Tensor:
    """(b,) float64 rank of each row's target, best = 1; ties take the mean of their ranks.

    A constant score gives everybody the middle rank, so its AUC is that of chance. A score that is
    not a number counts as the worst, the target's own included.

    Args:
        scores: (b, n) score of each candidate.
        target: (b,) column of the true item.
        allowed: (b, n) bool, candidates that count; the target always does.
    """
    own = scores.gather(1, target[:, None])  # (b, 1)
    if not own.isfinite().all():  # nothing else but a target can be equal to what is no number
        scores = scores.nan_to_num(nan=float("-inf"), posinf=None, neginf=float("-inf"))
        own = scores.gather(1, target[:, None])
    # Ones and zeros as numbers: their sums are exact below 2^24, and faster than those of truths.
    above = torch.gt(scores, own, out=torch.empty_like(scores, dtype=torch.float32))
    equal = torch.eq(scores, own, out=torch.empty_like(scores, dtype=torch.float32))
    if allowed is not None:
        above, equal = above.mul_(allowed), equal.mul_(allowed)
        equal.scatter_(1, target[:, None], 1.0)
    return 1 + above.sum(1).double() + (equal.sum(1).double() - 1) / 2


def ndcg(ranks: np.ndarray, k: int) -> np.ndarray:
    """(n,) 1 / log2(rank + 1) where rank <= k, else 0: with one true item the ideal DCG is 1.

    >>> ndcg(np.array([1.0, 3.0, 11.0]), 10).tolist()
    [1.0, 0.5, 0.0]

    Source: Järvelin & Kekäläinen, 2002.
    """
    return np.where(ranks <= k, 1 / np.log2(ranks + 1), 0.0)


def hit_ratio(ranks: np.ndarray, k: int) -> np.ndarray:
    """(n,) 1 where the true item is among the first k, else 0."""
    return (ranks <= k).astype(np.float64)


def reciprocal_rank(ranks: np.ndarray) -> np.ndarray:
    """(n,) 1 / rank over the whole list of candidates."""
    return 1 / ranks


def auc(ranks: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(n,) share of the other candidates that are ranked below the true item, ties half.

    Its mean over users is GAUC with every user weighing the same. One candidate gives 0.5.

    Source: Zhu et al., Optimized Cost per Click in Taobao Display Advertising, KDD 2017.
    """
    others = candidates - 1
    return np.where(others > 0, 1 - (ranks - 1) / np.maximum(others, 1), 0.5)


def value(metric: str, ranks: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(n,) of a metric by its name, such as "hr@5", of each user's rank.

    >>> value("hr@5", np.array([1.0, 6.0]), np.array([9, 9])).tolist()
    [1.0, 0.0]

    Args:
        metric: One of `METRICS` or `SHORT`.
        ranks: (n,) of the true item, best = 1.
        candidates: (n,) items that were ranked.
    """
    name, _, k = metric.partition("@")
    if name == "mrr":
        return reciprocal_rank(ranks)
    if name == "gauc":
        return auc(ranks, candidates)
    return {"ndcg": ndcg, "hr": hit_ratio}[name](ranks, int(k))


def per_user(ranks: np.ndarray, candidates: np.ndarray) -> dict[str, np.ndarray]:
    """Each metric of `METRICS` as an (n,) array, by name."""
    return {name: value(name, ranks, candidates) for name in METRICS}
