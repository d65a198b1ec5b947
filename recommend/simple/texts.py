"""What texts alone say: items like the latest ones of a history, and that beside behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from data.dataset import Histories
from recommend.judge.metrics import ndcg
from recommend.simple.behaviour import ItemKnn, Scorer, weighted_histories
from recommend.simple.settings import HybridConfig, TextKnnConfig

USERS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class TextKnn:
    """Cosines to the texts of the latest items: s_i = Σ_j recency^(items after j) · cos(t_j, t_i).

    Attributes:
        vectors: (n_items, d) rows of length 1, dense or sparse; zeros where there is no text.
        config: Weighs the items of a history.
    """

    vectors: Any
    config: TextKnnConfig

    @classmethod
    def of_vectors(cls, vectors: np.ndarray, config: TextKnnConfig | None = None) -> TextKnn:
        """By (n_items, d) vectors of any length."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return cls(unit, config or TextKnnConfig())

    @classmethod
    def of_texts(cls, texts: Sequence[str | None], config: TextKnnConfig | None = None) -> TextKnn:
        """By the words of the items' texts, rare ones weighing more (TF-IDF)."""
        return cls(term_vectors(texts), config or TextKnnConfig())

    def scores(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """By the texts of what each user had."""
        n_items, config = self.vectors.shape[0], self.config
        had = weighted_histories(past, users, n_items, config.recency, config.last)
        found = (had @ self.vectors) @ self.vectors.T
        return np.asarray(found.toarray() if sp.issparse(found) else found, np.float32)


@dataclass(frozen=True, slots=True)
class Hybrid:
    """s = s_behaviour / σ_behaviour + λ · s_texts / σ_texts; σ is the spread over some users.

    Attributes:
        behaviour: Knows interactions.
        texts: Knows texts.
        weight: λ, by validation.
        spreads: The two σ.
        tried: NDCG@10 on validation by λ.
    """

    behaviour: Scorer
    texts: Scorer
    weight: float
    spreads: tuple[float, float]
    tried: dict[float, float]

    @classmethod
    def fit(
        cls, past: Histories, wanted: np.ndarray, texts: TextKnn, config: HybridConfig | None = None
    ) -> Hybrid:
        """Item-kNN on training histories, and the weight of texts that is best on validation.

        Args:
            past: Training histories.
            wanted: (n_users,) what each user had next.
            texts: Of the items.
            config: Of both parts, and which weights are tried.
        """
        config = config or HybridConfig()
        behaviour = ItemKnn.fit(past, texts.vectors.shape[0], config.item_knn)
        some = np.arange(len(past))[:: max(1, len(past) // USERS_AT_ONCE)]
        spreads = tuple(float(one.scores(past, some).std()) or 1.0 for one in (behaviour, texts))
        gained = dict.fromkeys(config.weights, 0.0)
        for users in blocks(len(past)):
            first = behaviour.scores(past, users) / spreads[0]
            second = texts.scores(past, users) / spreads[1]
            for weight in gained:
                found = ranks(first + weight * second, past, users, wanted[users])
                gained[weight] += float(ndcg(found, 10).sum()) / len(past)
        best = max(gained, key=lambda weight: gained[weight])
        return cls(behaviour, texts, best, (spreads[0], spreads[1]), gained)

    def scores(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """The sum of both."""
        first = self.behaviour.scores(past, users) / self.spreads[0]
        return np.asarray(first + self.weight * self.texts.scores(past, users) / self.spreads[1])


def term_vectors(texts: Sequence[str | None]) -> sp.csr_matrix:
    """(n, terms) TF-IDF with 1 + log tf, rows of length 1; terms that one text has say nothing."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    said = [text or "" for text in texts]
    known = TfidfVectorizer(min_df=2, sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    try:
        return sp.csr_matrix(known.fit_transform(said), dtype=np.float32)
    except ValueError:  # no two texts share a word
        return sp.csr_matrix((len(said), 1), dtype=np.float32)


def blocks(n_users: int) -> Iterator[np.ndarray]:
    """Numbers of all users, some at a time."""
    for start in range(0, n_users, USERS_AT_ONCE):
        yield np.arange(start, min(start + USERS_AT_ONCE, n_users))


def ranks(scores: np.ndarray, past: Histories, users: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(b,) rank of what is wanted, best = 1, without what each user had; ties take the mean."""
    row = np.arange(len(users))
    own = scores[row, wanted][:, None]
    seen = weighted_histories(past, users, scores.shape[1]).astype(bool).toarray()
    seen[row, wanted] = False
    above, equal = (scores > own) & ~seen, (scores == own) & ~seen
    found: np.ndarray = 1 + above.sum(1) + (equal.sum(1) - 1) / 2
    return found


def full_ranks(scorer: Scorer, past: Histories, wanted: np.ndarray) -> np.ndarray:
    """(n_users,) rank of what each user wants, in the whole catalogue."""
    found = [
        ranks(scorer.scores(past, users), past, users, wanted[users]) for users in blocks(len(past))
    ]
    return np.concatenate(found)
