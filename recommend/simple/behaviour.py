"""What interactions alone say: popularity, neighbours of items, and EASE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from data.dataset import Histories
from data.errors import ConfigError
from recommend.protocols import Rows, World
from recommend.settings.ease import EaseConfig
from recommend.settings.item_knn import ItemKnnConfig, NeighboursConfig
from recommend.simple.scorer import Scorer

if TYPE_CHECKING:
    from recommend.settings import ModelConfig


@dataclass(frozen=True, slots=True)
class Popularity(Scorer):
    """How often each item was had.

    Attributes:
        counts: (n_items,) float32.
    """

    counts: np.ndarray

    @classmethod
    def fit(cls, past: Histories, n_items: int) -> Popularity:
        """Counts of training histories."""
        return cls(np.bincount(past.items, minlength=n_items).astype(np.float32))

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> Popularity:  # noqa: ARG003
        """Counts of training histories."""
        return cls.fit(world.histories, world.dataset.n_items)

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> Popularity:  # noqa: ARG003
        """As stored."""
        return cls(arrays["counts"])

    def arrays(self) -> dict[str, np.ndarray]:
        """The counts."""
        return {"counts": self.counts}

    def score(self, past: Histories, users: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The same for everybody."""
        return np.broadcast_to(self.counts, (len(users), len(self.counts)))

    def rows(self) -> dict[str, Rows]:
        """The counts, for everybody."""
        return {"counts": Rows(self.counts[None], "constant")}


@dataclass(frozen=True, slots=True)
class ItemKnn(Scorer):
    """Neighbours of the latest items: s_i = Σ_j recency^(items after j) · m_ji / √(n_j n_i).

    m_ji sums, over all training histories in which j and i are at most `reach` places apart,
    nearness^(places between) where i came later, and `backward` times that where it came earlier;
    n counts interactions. With nearness and backward 1 it is the cosine of co-occurrence.

    Source: Sarwar et al., Item-based collaborative filtering recommendation algorithms, WWW 2001;
    weights by distance as in Ludewig and Jannach, Evaluation of session-based recommendation
    algorithms, UMUAI 2018.

    Attributes:
        similar: (n_items, n_items) sparse float32, row j for the item that was had.
        config: Weighs the items of a history.
    """

    similar: sp.csr_matrix
    config: NeighboursConfig

    @classmethod
    def fit(cls, past: Histories, n_items: int, config: NeighboursConfig | None = None) -> ItemKnn:
        """Neighbours by training histories."""
        config = config or ItemKnnConfig()
        met = (
            _met_anywhere(past, n_items) if _is_plain(past, config) else _met(past, n_items, config)
        )
        root = sp.diags(1 / np.sqrt(np.maximum(np.bincount(past.items, minlength=n_items), 1)))
        similar = sp.csr_matrix(root @ met @ root, dtype=np.float32)
        similar.setdiag(0)
        return cls(similar, config)

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> ItemKnn:
        """Neighbours by training histories."""
        return cls.fit(world.histories, world.dataset.n_items, _neighbours(config))

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> ItemKnn:
        """As stored."""
        return cls(matrix_of(arrays), _neighbours(config))

    def arrays(self) -> dict[str, np.ndarray]:
        """The neighbours, row by row."""
        return arrays_of(self.similar)

    def score(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """By the neighbours of what each user had."""
        n_items, config = self.similar.shape[0], self.config
        had = weighted_histories(past, users, n_items, config.recency, config.last)
        return np.asarray((had @ self.similar).toarray(), np.float32)

    def rows(self) -> dict[str, Rows]:
        """The neighbours of each item."""
        own = self.config
        return {"neighbours": Rows(self.similar, recency=own.recency, last=own.last)}


LARGE = 20_000
"""Items of EASE up to which it is solved in double precision, by three matrices of that size; above
it is solved in single precision, in the place of one."""

MOST = 32_768
"""Items up to which EASE is solved at all: with 40,981, a matrix of over 2³² bytes, the LAPACK of
SciPy's wheels ends the process without a word."""


def memory_gb(n_items: int) -> float:
    """GB that EASE takes to be solved, its sparse matrix apart."""
    return (24 if n_items <= LARGE else 4) * n_items**2 / 2**30


@dataclass(frozen=True, slots=True)
class Ease(Scorer):
    """s = x B with B = I − P · diag(1 / diag P), P = (XᵀX + λ I)⁻¹, for binary histories x.

    Source: Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019, equation 8.

    Attributes:
        weights: (n_items, n_items) float32, zero on the diagonal.
    """

    weights: np.ndarray

    @classmethod
    def fit(cls, past: Histories, n_items: int, config: EaseConfig | None = None) -> Ease:
        """The solution for training histories.

        Raises:
            ConfigError: there are too many items.
        """
        config = config or EaseConfig()
        if n_items > MOST:
            raise ConfigError(
                f"EASE inverts a dense matrix of items × items, and there are {n_items:,} items; "
                f"the LAPACK that comes with SciPy does not hold more than {MOST:,}. Leave it out, "
                "or leave out the rarest items."
            )
        if n_items > config.most_items:
            raise ConfigError(
                f"EASE turns over a dense matrix of items × items, and there are {n_items:,} "
                f"items, more than {config.most_items:,}. Leave it out, or raise most_items where "
                f"there is memory for {memory_gb(n_items):.1f} GB."
            )
        had = weighted_histories(past, np.arange(len(past)), n_items)
        gram = (had.T @ had).toarray()
        if n_items <= LARGE:
            gram = gram.astype(np.float64)
        gram[np.diag_indices(n_items)] += config.l2
        inverse = np.linalg.inv(gram) if n_items <= LARGE else _inverse_in_place(gram)
        inverse /= -np.diag(inverse).copy()
        np.fill_diagonal(inverse, 0)
        return cls(inverse.astype(np.float32, copy=False))

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> Ease:
        """The solution for training histories."""
        assert isinstance(config.backbone, EaseConfig)
        return cls.fit(world.histories, world.dataset.n_items, config.backbone)

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> Ease:  # noqa: ARG003
        """As stored."""
        return cls(arrays["weights"])

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights."""
        return {"weights": self.weights}

    def score(self, past: Histories, users: np.ndarray) -> np.ndarray:
        """By all items of each history."""
        return np.asarray(weighted_histories(past, users, len(self.weights)) @ self.weights)

    def rows(self) -> dict[str, Rows]:
        """The weights of each item."""
        return {"weights": Rows(self.weights)}


def _is_plain(past: Histories, config: NeighboursConfig) -> bool:
    """Whether all items of a history meet alike, whatever lies between and whichever was first."""
    far = config.reach >= past.lengths.max(initial=0) - 1
    return far and config.nearness == 1 and config.backward == 1


def _met_anywhere(past: Histories, n_items: int) -> sp.csr_matrix:
    """(n_items, n_items) how often two items meet in histories: XᵀX of counts."""
    ones = np.ones(len(past.items), np.float32)
    had = sp.csr_matrix((ones, past.items, past.offsets), shape=(len(past), n_items))
    return had.T @ had


def _met(past: Histories, n_items: int, config: NeighboursConfig) -> sp.csr_matrix:
    """(n_items, n_items) how often the item of a column came near that of a row, by weight."""
    owners = np.repeat(np.arange(len(past)), past.lengths)
    later = sp.csr_matrix((n_items, n_items), dtype=np.float32)
    for places in range(1, min(config.reach, int(past.lengths.max(initial=0)) - 1) + 1):
        together = owners[places:] == owners[:-places]
        had, then = past.items[:-places][together], past.items[places:][together]
        weight = np.full(len(had), config.nearness ** (places - 1), np.float32)
        later = later + sp.csr_matrix((weight, (had, then)), shape=later.shape)
    return later + config.backward * later.T


def _inverse_in_place(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite (n, n) float32, by Cholesky, in its memory.

    Raises:
        ConfigError: it is not positive definite in this precision.
    """
    from scipy.linalg.lapack import spotrf, spotri

    factor, wrong = spotrf(matrix.T, lower=1, overwrite_a=1, clean=0)
    if not wrong:
        factor, wrong = spotri(factor, lower=1, overwrite_c=1)
    if wrong:
        raise ConfigError(
            "EASE cannot be solved in single precision with these interactions. Raise l2."
        )
    found: np.ndarray = factor.T  # its upper triangle holds the inverse
    for at in range(0, len(found), ROWS):
        block = slice(at, at + ROWS)
        found[block, block] = np.triu(found[block, block]) + np.triu(found[block, block], 1).T
        found[at + ROWS :, block] = found[block, at + ROWS :].T
    return found


ROWS = 1024
"""Rows that are copied at a time."""


def _neighbours(config: ModelConfig) -> NeighboursConfig:
    assert isinstance(config.backbone, NeighboursConfig)
    return config.backbone


def arrays_of(matrix: sp.csr_matrix) -> dict[str, np.ndarray]:
    """A sparse matrix as arrays by name."""
    parts = {name: getattr(matrix, name) for name in ("data", "indices", "indptr")}
    return {**parts, "shape": np.array(matrix.shape)}


def matrix_of(arrays: dict[str, np.ndarray]) -> sp.csr_matrix:
    """The matrix that `arrays_of` took apart."""
    parts = tuple(arrays[name] for name in ("data", "indices", "indptr"))
    return sp.csr_matrix(parts, shape=tuple(arrays["shape"].tolist()))


def weighted_histories(
    past: Histories, users: np.ndarray, n_items: int, recency: float = 1.0, last: int | None = None
) -> sp.csr_matrix:
    """(b, n_items) float32: what an item of a history weighs; one had twice, by its latest time.

    Args:
        past: Of everybody.
        users: (b,) rows of the result.
        n_items: Columns of it.
        recency: What each item after one takes off its weight.
        last: Latest items that count; None: all.
    """
    lengths = past.lengths[users]
    kept = lengths if last is None else np.minimum(lengths, last)
    row = np.repeat(np.arange(len(users)), kept)
    after = np.concatenate([np.arange(n)[::-1] for n in kept]) if len(kept) else row
    items = past.items[past.offsets[users][row] + lengths[row] - 1 - after]
    once, first = np.unique((row * n_items + items)[::-1], return_index=True)
    weight = (np.float32(recency) ** after[::-1][first]).astype(np.float32)
    return sp.csr_matrix((weight, (once // n_items, once % n_items)), shape=(len(users), n_items))
