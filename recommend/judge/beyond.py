"""What lists of recommendations are like, beside being right."""

from __future__ import annotations

import numpy as np

from data.statistics import gini
from recommend.judge.lists import NOTHING, TopLists

MEASURES = ("coverage", "concentration", "novelty", "diversity")
"""In the order of tables."""


def coverage(lists: TopLists, n_items: int) -> float:
    """|∪ L_u| / |I|: the share of the catalogue that is in anybody's list.

    >>> coverage(TopLists(np.array([[0, 1], [1, -1]])), 4)
    0.5

    Source: Ge et al., Beyond accuracy: evaluating recommender systems by coverage and
    serendipity, RecSys 2010 (catalogue coverage).
    """
    return len(np.unique(lists.items[lists.items != NOTHING])) / n_items


def concentration(lists: TopLists, n_items: int) -> float:
    """Gini coefficient of how often each item is recommended: 0 all alike, near 1 a few only.

    >>> concentration(TopLists(np.array([[0, 1], [2, 3]])), 4)
    0.0

    Source: Fleder & Hosanagar, Blockbuster culture's next rise or fall, 2009.
    """
    shown = lists.items[lists.items != NOTHING]
    return gini(np.bincount(shown, minlength=n_items)) if len(shown) else 0.0


def novelty(lists: TopLists, popularity: np.ndarray, n_users: int) -> np.ndarray:
    """(n,) bits of surprise an item of each list, −log2 p(i), its mean; NaN where it is empty.

    p(i) = (training users of i + 1) / (n_users + 1), so that an item without any has some.

    Args:
        lists: Of n users.
        popularity: (n_items,) training users of each item.
        n_users: Users in training.

    Source: Vargas & Castells, Rank and relevance in novelty and diversity metrics for
    recommender systems, RecSys 2011; Zhou et al., PNAS 2010 (mean self-information).
    """
    bits = -np.log2((popularity + 1) / (n_users + 1))
    there = lists.items != NOTHING
    return _mean(np.where(there, bits[lists.items], 0).sum(1), there.sum(1))


def diversity(lists: TopLists, vectors: np.ndarray) -> np.ndarray:
    """(n,) mean of 1 − cos over the pairs of each list; NaN where there are fewer than two items.

    For unit vectors the sum of cosines over pairs is (‖Σ v‖² − m) / 2, which takes O(m) each.

    Args:
        lists: Of n users.
        vectors: (n_items, d) what the items' texts mean.

    Source: Smyth & McClave, Similarity vs. diversity, 2001; Ziegler et al., Improving
    recommendation lists through topic diversification, WWW 2005.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.append(vectors / np.maximum(lengths, 1e-12), np.zeros((1, vectors.shape[1])), 0)
    there = lists.items != NOTHING
    together = np.zeros((len(lists.items), vectors.shape[1]))
    for column in np.where(there, lists.items, len(vectors)).T:
        together += unit[column]
    m = there.sum(1)
    alike = (np.square(together).sum(1) - m) / 2
    return 1 - _mean(alike, m * (m - 1) / 2)


def beyond(
    lists: TopLists, popularity: np.ndarray, n_users: int, vectors: np.ndarray | None
) -> dict[str, float | None]:
    """Each of `MEASURES`, means over users; no diversity without vectors.

    Args:
        lists: Of all users.
        popularity: (n_items,) training users of each item.
        n_users: Users in training.
        vectors: (n_items, d) what the items' texts mean.
    """
    return {
        "coverage": coverage(lists, len(popularity)),
        "concentration": concentration(lists, len(popularity)),
        "novelty": _over_users(novelty(lists, popularity, n_users)),
        "diversity": None if vectors is None else _over_users(diversity(lists, vectors)),
    }


def _mean(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _over_users(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
