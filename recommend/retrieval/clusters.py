"""Clusters of vectors by residual codes, as the first stage of their retrieval.

Vectors whose codes are the same on all levels are in one list. A query is compared with the mean of
every list, then with every vector of the nearest few: what these hold is ranked exactly, the rest
is not looked at. Two levels of 32 code vectors part vectors into up to 1,024 lists.

Codebooks come of the vectors, or are learnt with them: `commitment` is what a recommender adds to
its loss for that.

Source: the idea is RankGraph-2's (2026), "an index of residual-quantised clusters learnt together
with the vectors", whose abstract says no more; codes are AutoGraph's, eq. 4.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import polars as pl
import torch
from faiss.contrib import ivf_tools
from torch import Tensor
from torch.nn.functional import embedding

from data import atomic
from data.errors import ConfigError, DataError
from quantize.methods.rq_kmeans import RqKMeansQuantizer
from quantize.residual import quantise
from quantize.settings import RqKMeansConfig
from recommend.nearest import Nearest

_ARRAYS = "clusters.safetensors"


class Clusters:
    """Vectors in lists of those with the same codes.

    Attributes:
        codebooks: (T, K, d) float32.
        prefixes: (lists, T) int32 codes that the vectors of each list have.
        index: The lists, an `IndexIVFFlat` of FAISS over inner products.

    >>> clusters = Clusters.fit(np.eye(4, dtype=np.float32), k=2, levels=1)
    >>> scores, numbers = clusters.search(np.array([[0.0, 3.0, 0.0, 1.0]]), k=2, probes=2)
    >>> scores.tolist(), numbers.tolist()
    ([[3.0, 1.0]], [[1, 3]])
    """

    def __init__(self, codebooks: np.ndarray, prefixes: np.ndarray, index: Any) -> None:
        self.codebooks, self.prefixes, self.index = codebooks, prefixes, index

    @classmethod
    def fit(cls, vectors: np.ndarray, k: int = 32, levels: int = 2, seed: int = 0) -> Clusters:
        """Lists by codebooks that k-means finds, of the vectors and of what it leaves of them.

        Args:
            vectors: (n, d); of length 1 where cosines are searched. Their lengths count otherwise.
            k: Most code vectors a level.
            levels: Codebooks, T.
            seed: Of k-means.

        Raises:
            DataError: there are fewer than two vectors, or one has numbers that are not finite.
        """
        vectors = _checked(vectors)
        config = RqKMeansConfig(k=k, levels=levels, per_code=1)
        fitted = RqKMeansQuantizer.fit(vectors, config, seed=seed, scratch=Path())
        return cls.of(vectors, fitted.codebooks)

    @classmethod
    def of(cls, vectors: np.ndarray, codebooks: np.ndarray) -> Clusters:
        """Lists by codebooks that were learnt with the vectors, or are known otherwise.

        Args:
            vectors: (n, d).
            codebooks: (T, K, d).

        Raises:
            DataError: as of `fit`, or they have another width.
        """
        vectors = _checked(vectors)
        codebooks = np.ascontiguousarray(codebooks, dtype=np.float32)
        if codebooks.ndim != 3 or codebooks.shape[2] != vectors.shape[1]:
            raise DataError(
                f"Codebooks of shape {codebooks.shape} do not fit vectors of shape "
                f"{vectors.shape}: they have to be (levels, codes, {vectors.shape[1]})."
            )
        codes = RqKMeansQuantizer(codebooks, RqKMeansConfig()).assign(vectors)
        prefixes, lists = np.unique(codes, axis=0, return_inverse=True)
        means = np.zeros((len(prefixes), vectors.shape[1]))
        np.add.at(means, lists, vectors)
        means /= np.bincount(lists)[:, None]
        coarse: Any = faiss.IndexFlatIP(vectors.shape[1])
        coarse.add(means.astype(np.float32))
        index = faiss.IndexIVFFlat(
            coarse, vectors.shape[1], len(prefixes), faiss.METRIC_INNER_PRODUCT
        )
        coarse.this.disown()
        index.own_fields = True
        index.is_trained = True
        add: Any = ivf_tools.add_preassigned
        add(index, vectors, lists.astype(np.int64))
        return cls(codebooks, prefixes, index)

    def __len__(self) -> int:
        return int(self.index.ntotal)

    @property
    def sizes(self) -> np.ndarray:
        """(lists,) vectors of each list."""
        lists = range(len(self.prefixes))
        return np.array([self.index.invlists.list_size(one) for one in lists])

    def search(self, queries: np.ndarray, k: int, probes: int) -> tuple[np.ndarray, np.ndarray]:
        """(q, k) float32 inner products and (q, k) int64 numbers of what is nearest, that first.

        Where the lists that are looked at hold fewer than k vectors, the last numbers are -1. All
        lists together give what a flat search gives.

        Args:
            queries: (q, d).
            k: How many, at most n.
            probes: Lists that a query looks at; of more than there are, all.

        Raises:
            ConfigError: k is not between 1 and n, or probes is less than 1.
            DataError: the queries have another width than the vectors.
        """
        if not 1 <= k <= len(self) or probes < 1:
            raise ConfigError(
                f"k is {k} and probes is {probes}; k can be 1 to {len(self)}, the number of "
                "vectors, and probes 1 or more."
            )
        of_faiss: Any = faiss.SearchParametersIVF
        probing = of_faiss(nprobe=min(probes, len(self.prefixes)))
        scores, numbers = self.index.search(self._queries(queries), k, params=probing)
        return scores, numbers

    def share_read(self, queries: np.ndarray, probes: int) -> np.ndarray:
        """(q,) share of all vectors that each query is compared with.

        Args:
            queries: (q, d).
            probes: Lists that it looks at.
        """
        probes = min(probes, len(self.prefixes))
        _, lists = self.index.quantizer.search(self._queries(queries), probes)
        share: np.ndarray = self.sizes[lists].sum(1) / len(self)
        return share

    def _queries(self, queries: np.ndarray) -> np.ndarray:
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.index.d:
            raise DataError(
                f"The queries are of shape {queries.shape}; they have to be (q, {self.index.d}), "
                "as wide as the vectors."
            )
        return queries

    def save(self, directory: Path) -> None:
        """Codebooks and lists in `directory`."""
        lists = faiss.serialize_index(self.index)
        arrays = {"codebooks": self.codebooks, "prefixes": self.prefixes, "lists": lists}
        atomic.write_arrays(directory / _ARRAYS, arrays)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Clusters:
        """What `save` stored."""
        arrays = atomic.read_arrays(directory / _ARRAYS)
        index = faiss.deserialize_index(arrays["lists"])
        return cls(arrays["codebooks"], arrays["prefixes"], index)


def recall_curve(
    clusters: Clusters,
    vectors: np.ndarray,
    queries: np.ndarray,
    k: int,
    probes: tuple[int, ...],
) -> pl.DataFrame:
    """What probing more lists gives, and costs: `probes`, `read`, `recall`, a row a number.

    `recall` is the share of the k nearest by a flat search that are found, `read` the share of all
    vectors that a query is compared with; both are means over queries.

    Args:
        clusters: Of the vectors.
        vectors: (n, d).
        queries: (q, d).
        k: How many are wanted.
        probes: Lists that are looked at.
    """
    _, true = Nearest(vectors).search(queries, k)
    rows = []
    for some in probes:
        _, found = clusters.search(queries, k, some)
        read = float(clusters.share_read(queries, some).mean())
        rows.append((some, read, recall_of(found, true)))
    return pl.DataFrame(rows, schema=["probes", "read", "recall"], orient="row")


def recall_of(found: np.ndarray, true: np.ndarray) -> float:
    """Mean share of the (q, k) true numbers that are among the (q, k) found ones, row by row."""
    shares = [len(np.intersect1d(a, b)) for a, b in zip(found, true, strict=True)]
    return float(np.mean(shares) / true.shape[1])


def commitment(vectors: Tensor, codebooks: Tensor, weight: float = 0.25) -> Tensor:
    """() how far vectors are from their clusters; added to a loss, both learn to be near.

    mean over levels t and vectors z of ‖sg[z] - ẑ^t‖² + β ‖z - sg[ẑ^t]‖², where ẑ^t is the sum of
    the chosen code vectors up to level t, and sg stops gradients: the first term moves the code
    vector of level t to what is left before it, the second one the vectors. It is (1 + β) times
    the mean squared distance.

    Args:
        vectors: (b, d) with gradients.
        codebooks: (T, K, d) with gradients.
        weight: β.

    Source: van den Oord et al., VQ-VAE, 2017, eq. 3, last two terms; the mean over levels is of
    Lee et al., RQ-VAE, CVPR 2022, eq. 8.
    """
    codes, residuals = quantise(vectors, codebooks)
    chosen = torch.stack([embedding(codes[:, t], book) for t, book in enumerate(codebooks)])
    left = vectors - (vectors.detach() - residuals[:-1])  # (T, b, d) values r^t, gradient of z
    moved = (residuals[:-1] - chosen).square().sum(-1)
    committed = (left - chosen.detach()).square().sum(-1)
    return (moved + weight * committed).mean()


def _checked(vectors: np.ndarray) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) < 2:
        raise DataError(
            f"Vectors are of shape {vectors.shape}; clusters need (n, d), and 2 of them at least."
        )
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(1))[0])
        raise DataError(f"The vector number {row} has numbers that are not finite.")
    return vectors
