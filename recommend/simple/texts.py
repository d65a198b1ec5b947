"""What texts alone say: items like the latest ones of a history, and that beside behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from data.dataset import Histories
from data.errors import ConfigError
from data.relation import Relation
from quantize.words import word_vectors
from recommend.judge.metrics import ndcg
from recommend.protocols import Rows, World
from recommend.settings.hybrid import HybridConfig
from recommend.settings.text_knn import READ, TextKnnConfig
from recommend.simple.behaviour import ItemKnn, arrays_of, matrix_of, weighted_histories
from recommend.simple.scorer import USERS_AT_ONCE, Scorer

if TYPE_CHECKING:
    from recommend.settings import ModelConfig


@dataclass(frozen=True, slots=True)
class TextKnn(Scorer):
    """Cosines to the texts of the latest items: s_i = Σ_j recency^(items after j) · cos(t_j, t_i).

    No item is compared with itself, as in item-kNN: what was had is not what comes next.

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
        return cls(word_vectors(texts)[1], config or TextKnnConfig())

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> TextKnn:
        """By the texts that its settings name."""
        assert isinstance(config.backbone, TextKnnConfig)
        return cls.of_world(config.backbone, world)

    @classmethod
    def of_world(cls, config: TextKnnConfig, world: World) -> TextKnn:
        """By the texts that settings name.

        Raises:
            ConfigError: they are not there.
        """
        found = world.sources.part(READ[config.texts])
        if found is None:
            raise ConfigError(
                f"There are no {config.texts} of items to compare. Describe the items, or leave "
                "recommenders that read texts out of grid.backbones."
            )
        if not isinstance(found, Relation):
            return cls.of_vectors(found, config)
        parts = (found.weights, found.targets, found.offsets)
        shape = (len(found), max(found.n_targets, 1))
        return cls(sp.csr_matrix(parts, shape=shape, dtype=np.float32), config)

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> TextKnn:
        """As stored."""
        assert isinstance(config.backbone, TextKnnConfig)
        return cls._restored(config.backbone, arrays)

    @classmethod
    def _restored(cls, config: TextKnnConfig, arrays: dict[str, np.ndarray]) -> TextKnn:
        return cls(matrix_of(arrays) if "indptr" in arrays else arrays["vectors"], config)

    def arrays(self) -> dict[str, np.ndarray]:
        """The vectors."""
        return arrays_of(self.vectors) if sp.issparse(self.vectors) else {"vectors": self.vectors}

    def score(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """By the texts of what each user had."""
        config, n_items = self.config, self.vectors.shape[0]
        had = weighted_histories(past, users, n_items, config.text_recency, config.text_last)
        found = (had @ self.vectors) @ self.vectors.T
        scored = np.array(found.toarray() if sp.issparse(found) else found, np.float32)
        row, column = had.nonzero()
        there = np.asarray(abs(self.vectors).sum(1)).ravel() > 0
        scored[row, column] -= had.data * there[column]  # its cosine to itself is 1
        return scored

    def rows(self) -> dict[str, Rows]:
        """The texts of items, whose products are cosines."""
        own = self.config
        rows = Rows(self.vectors, "vectors", recency=own.text_recency, last=own.text_last)
        return {"texts": rows}


@dataclass(frozen=True, slots=True)
class Hybrid(Scorer):
    """s = s_behaviour / σ_behaviour + λ · s_texts / σ_texts; σ is the spread over some users.

    Attributes:
        behaviour: Knows interactions.
        texts: Knows texts.
        weight: λ, by validation.
        spreads: The two σ.
        tried: NDCG@10 on validation by λ.
    """

    behaviour: ItemKnn
    texts: TextKnn
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
        behaviour = ItemKnn.fit(past, texts.vectors.shape[0], config)
        some = np.arange(len(past))[:: max(1, len(past) // USERS_AT_ONCE)]
        known = behaviour.score(past, some), texts.score(past, some)
        spreads = tuple(float(scores.std()) or 1.0 for scores in known)
        gained = dict.fromkeys(config.weights, 0.0)
        for users in blocks(len(past)):
            first = behaviour.score(past, users) / spreads[0]
            second = texts.score(past, users) / spreads[1]
            for weight in gained:
                found = ranks(first + weight * second, past, users, wanted[users])
                gained[weight] += float(ndcg(found, 10).sum()) / len(past)
        best = max(gained, key=lambda weight: gained[weight])
        return cls(behaviour, texts, best, (spreads[0], spreads[1]), gained)

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> Hybrid:
        """Item-kNN, and as much of the texts as is best on validation."""
        own = config.backbone
        assert isinstance(own, HybridConfig) and world.wanted is not None
        texts = TextKnn.of_world(own.of_texts, world)
        return cls.fit(world.histories, world.wanted, texts, own)

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> Hybrid:
        """As stored."""
        own = config.backbone
        assert isinstance(own, HybridConfig)
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            of, _, part = name.partition("/")
            parts.setdefault(of, {})[part] = array
        texts = TextKnn._restored(own.of_texts, parts["texts"])
        first, second = arrays["spreads"].tolist()
        tried = dict(arrays["tried"].tolist())
        behaviour = ItemKnn.restore(config, parts["behaviour"])
        return cls(behaviour, texts, arrays["weight"].item(), (first, second), tried)

    def arrays(self) -> dict[str, np.ndarray]:
        """Those of both parts, and how they are added."""
        both = {"behaviour": self.behaviour, "texts": self.texts}
        return {
            **{f"{of}/{name}": a for of, part in both.items() for name, a in part.arrays().items()},
            "weight": np.array([self.weight]),
            "spreads": np.array(self.spreads),
            "tried": np.array(list(self.tried.items())),
        }

    def score(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """The sum of both."""
        first = self.behaviour.score(past, users) / self.spreads[0]
        return np.asarray(first + self.weight * self.texts.score(past, users) / self.spreads[1])

    def rows(self) -> dict[str, Rows]:
        """Those of both parts."""
        scales = (1 / self.spreads[0], self.weight / self.spreads[1])
        return {
            name: replace(rows, scale=scale)
            for part, scale in zip((self.behaviour.rows(), self.texts.rows()), scales, strict=True)
            for name, rows in part.items()
        }


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
        ranks(scorer.score(past, users), past, users, wanted[users]) for users in blocks(len(past))
    ]
    return np.concatenate(found)
