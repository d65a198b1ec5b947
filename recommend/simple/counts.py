"""LightGBM on counts: who had what together, how often and how lately, ordered by trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from data.dataset import Histories
from data.errors import ConfigError
from recommend.protocols import World
from recommend.settings.lightgbm import LightGbmConfig
from recommend.simple.behaviour import arrays_of, matrix_of, weighted_histories
from recommend.simple.scorer import USERS_AT_ONCE, Scorer

if TYPE_CHECKING:
    from recommend.settings import ModelConfig

FOLDS = 5
"""Groups of users; each is trained on by counts of the others, so that none holds its answer."""
RECENCY = 0.7
"""What an item of a history counts with every item after it, in the count that is so weighed."""
LATE = 0.2
"""Share of interactions, the last ones, that say what is had lately."""
FEATURES = (
    *("items of the history", "popularity", "popularity lately", "popularity of the history"),
    *("cosine with the history", "the same, late items first", "cosine with the latest item"),
    *("share of those who had the history's items", "shared factors"),
)


@dataclass(frozen=True)
class Counts:
    """What a group of users had.

    Attributes:
        together: (n_items, n_items) sparse float32, users who had both; its diagonal is empty.
        users: (n_items,) float32 who had each, as a share of the group.
        late: (n_items,) float32 of the late interactions, the share that each is of; zeros where
            there are no times.
        size: How many users there are.
    """

    together: sp.csr_matrix
    users: np.ndarray
    late: np.ndarray
    size: int

    @classmethod
    def of(cls, past: Histories, users: np.ndarray, n_items: int) -> Counts:
        """Of the histories of some users."""
        had = weighted_histories(past, users, n_items)
        together = sp.csr_matrix(had.T @ had, dtype=np.float32)
        together.setdiag(0)
        together.eliminate_zeros()
        size = max(len(users), 1)
        popularity = np.asarray(had.sum(0), np.float32).ravel() / size
        return cls(together, popularity, _late(past, users, n_items), size)

    @cached_property
    def cosine(self) -> sp.csr_matrix:
        """(n_items, n_items) of items by who had them."""
        root = sp.diags(1 / np.sqrt(np.maximum(self.users * self.size, 1)))
        return sp.csr_matrix(root @ self.together @ root, dtype=np.float32)

    @cached_property
    def share(self) -> sp.csr_matrix:
        """(n_items, n_items) of those who had the item of a row, how many had that of a column."""
        of_row = sp.diags(1 / np.maximum(self.users * self.size, 1))
        return sp.csr_matrix(of_row @ self.together, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Asks:
    """Users after their histories, and the items that are ordered for each.

    Attributes:
        past: Histories of everybody.
        users: (b,) numbers.
        counts: By which items are counted.
        factors: (n_items, T) int64 factor nodes of items; T is 0 where none are read.
    """

    past: Histories
    users: np.ndarray
    counts: Counts
    factors: np.ndarray

    def candidates(self, k: int, without: bool) -> np.ndarray:
        """(b, min(k, n_items)) int64 items most had together with each history, in no order.

        Args:
            k: How many.
            without: Those of the history itself.
        """
        n_items = len(self.counts.users)
        had = weighted_histories(self.past, self.users, n_items)
        near = (had @ self.counts.cosine).toarray() + 1e-6 * self.counts.users
        if without:
            near[had.nonzero()] = -1
        k = min(k, n_items)
        found: np.ndarray = np.argpartition(-near, k - 1, axis=1)[:, :k]
        return found

    def features(self, items: np.ndarray) -> np.ndarray:
        """(b, k, len(FEATURES)) float32 of (b, k) items."""
        counts, n_items = self.counts, len(self.counts.users)
        had = weighted_histories(self.past, self.users, n_items)
        late = weighted_histories(self.past, self.users, n_items, RECENCY)
        latest = weighted_histories(self.past, self.users, n_items, last=1)
        length = np.asarray(had.sum(1)).ravel()
        mean = (had @ counts.users) / np.maximum(length, 1)

        def of(weights: sp.csr_matrix, matrix: sp.csr_matrix) -> np.ndarray:
            return np.take_along_axis((weights @ matrix).toarray(), items, 1)

        columns = (
            np.broadcast_to(length[:, None], items.shape),
            counts.users[items],
            counts.late[items],
            np.broadcast_to(mean[:, None], items.shape),
            of(had, counts.cosine),
            of(late, counts.cosine),
            of(latest, counts.cosine),
            of(had, counts.share),
            self._shared(had, items) / np.maximum(length, 1)[:, None],
        )
        return np.stack(columns, 2).astype(np.float32)

    def _shared(self, had: sp.csr_matrix, items: np.ndarray) -> np.ndarray:
        """(b, k) items of the history that share a factor, summed over levels."""
        if not self.factors.shape[1]:
            return np.zeros(items.shape)
        n_items, levels = self.factors.shape
        ends = np.repeat(np.arange(n_items), levels), self.factors.ravel()
        shape = (n_items, int(self.factors.max()) + 1)
        has = sp.csr_matrix((np.ones(len(ends[0]), np.float32), ends), shape=shape)
        found = (had @ has).toarray()
        rows = np.arange(len(items))[:, None, None]
        shared: np.ndarray = found[rows, self.factors[items]].sum(2)
        return shared


@dataclass(frozen=True, slots=True)
class LightGbm(Scorer):
    """Trees by LambdaMART over counts of users, items and histories.

    It is trained to find the last item of a history (any one, where there are no times) among those
    most had together with the rest.

    Source: Ke et al., LightGBM, NeurIPS 2017; as a baseline in ContextGNN, section 5.1.

    Attributes:
        config: How many candidates.
        counts: Of all training histories.
        factors: (n_items, T) int64 factor nodes of items; T is 0 where none are read.
        trees: The booster.
    """

    config: LightGbmConfig
    counts: Counts
    factors: np.ndarray
    trees: Any

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> LightGbm:
        """Trees that know training histories.

        Raises:
            ConfigError: the library lacks, there is no graph with factors to count, or nobody has
                two items.
        """
        own, past, n_items = _own(config), world.histories, world.dataset.n_items
        graph = world.sources.graph if own.factors else None
        if own.factors and graph is None:
            raise ConfigError(
                "model.backbone.factors is on, and there is no graph with factors to count."
            )
        factors = np.zeros((n_items, 0), np.int64)
        if graph is not None:
            factors = graph.factors("item").astype(np.int64)
        trees = _fitted(own, past, n_items, factors)
        return cls(own, Counts.of(past, np.arange(len(past)), n_items), factors, trees)

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> LightGbm:
        """As stored.

        Raises:
            ConfigError: the library lacks.
        """
        told = {name.partition(".")[2]: one for name, one in arrays.items() if "together." in name}
        size = int(arrays["size"][0])
        counts = Counts(matrix_of(told), arrays["users"], arrays["late"], size)
        trees = _library().Booster(model_str=arrays["trees"].tobytes().decode())
        return cls(_own(config), counts, arrays["factors"], trees)

    def arrays(self) -> dict[str, np.ndarray]:
        """Counts, factors and trees, by name."""
        text = self.trees.model_to_string().encode()
        told = {f"together.{name}": one for name, one in arrays_of(self.counts.together).items()}
        return {
            **told,
            "users": self.counts.users,
            "late": self.counts.late,
            "size": np.array([self.counts.size]),
            "factors": self.factors,
            "trees": np.frombuffer(text, np.uint8),
        }

    def score(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """By the trees for candidates, and below them by popularity."""
        asks = Asks(past, users, self.counts, self.factors)
        items = asks.candidates(self.config.candidates, without=False)
        features = asks.features(items)
        found = self.trees.predict(features.reshape(-1, len(FEATURES))).reshape(items.shape)
        scores = found.min(1, keepdims=True) - 2 + self.counts.users[None]
        np.put_along_axis(scores, items, found, 1)
        return np.asarray(scores, np.float32)


def _fitted(config: LightGbmConfig, past: Histories, n_items: int, factors: np.ndarray) -> Any:
    """Trees, trained on users by counts of others."""
    library, rng = _library(), np.random.default_rng(0)
    users = rng.permutation(len(past))
    parts = [
        _examples(config, past, of, np.setdiff1d(users, of), n_items, factors, rng)
        for of in np.array_split(users, min(FOLDS, len(users)))
    ]
    examples = [one for part in parts for one in part]
    if not examples:
        raise ConfigError(
            "Nobody has two items in training, so trees have nothing to find. Use more data."
        )
    features, labels = (np.concatenate([one[at] for one in examples]) for at in (0, 1))
    groups = np.concatenate([one[2] for one in examples])
    settings = {
        "objective": "lambdarank",
        "num_leaves": config.leaves,
        "seed": 0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = library.Dataset(features, labels, group=groups, feature_name=_called())
    return library.train(settings, data, config.trees)


def _examples(
    config: LightGbmConfig,
    past: Histories,
    users: np.ndarray,
    others: np.ndarray,
    n_items: int,
    factors: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Features, labels and sizes of groups of users, a block at a time."""
    counts = Counts.of(past, others, n_items)
    users = users[past.lengths[users] > 1][: -(-config.people // FOLDS)]
    for at in range(0, len(users), USERS_AT_ONCE):
        rest, wanted = _taken_apart(past, users[at : at + USERS_AT_ONCE], rng)
        asks = Asks(rest, np.arange(len(wanted)), counts, factors)
        items = asks.candidates(config.candidates, without=True)
        missing = (items != wanted[:, None]).all(1)
        items[missing, 0] = wanted[missing]
        features = asks.features(items).reshape(-1, len(FEATURES))
        groups = np.full(len(items), items.shape[1])
        yield features, (items == wanted[:, None]).ravel().astype(np.int32), groups


def _taken_apart(
    past: Histories, users: np.ndarray, rng: np.random.Generator
) -> tuple[Histories, np.ndarray]:
    """Histories of (b,) users without one item, and (b,) int64 that item."""
    timed = bool(len(past.times)) and past.times.min() < past.times.max()
    kept, wanted = [], []
    for user in users.tolist():
        had = past.of(user)
        item = had[-1] if timed else rng.choice(had)
        wanted.append(item)
        kept.append(had[had != item])
    offsets = np.cumsum([0, *map(len, kept)])
    items = np.concatenate(kept).astype(np.int32)
    rest = Histories(offsets, items, np.zeros(len(items), np.int64))
    return rest, np.array(wanted, np.int64)


def _late(past: Histories, users: np.ndarray, n_items: int) -> np.ndarray:
    """(n_items,) float32: of the late interactions of users, the share that each item is of."""
    if not len(past.times) or past.times.min() == past.times.max():
        return np.zeros(n_items, np.float32)
    owners = np.repeat(np.arange(len(past)), past.lengths)
    late = (past.times >= np.quantile(past.times, 1 - LATE)) & np.isin(owners, users)
    found = np.bincount(past.items[late], minlength=n_items)
    share: np.ndarray = (found / max(found.sum(), 1)).astype(np.float32)
    return share


def _called() -> list[str]:
    return [name.replace(" ", "_").replace(",", "") for name in FEATURES]


def _library() -> Any:
    """LightGBM.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise ConfigError(
            f"The recommender that orders counts by trees needs LightGBM ({error}): "
            "pip install 'autograph-rec[trees]'. Or leave it out of grid.backbones."
        ) from None
    return lightgbm


def _own(config: ModelConfig) -> LightGbmConfig:
    assert isinstance(config.backbone, LightGbmConfig)
    return config.backbone
