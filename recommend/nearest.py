"""The k nearest of many vectors, by FAISS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from pydantic import TypeAdapter

from data import atomic
from data.errors import ConfigError, DataError
from recommend.settings.nearest import FlatSearch, IvfPqSearch, Search

_CODES = 256
"""Code vectors of each part of a product quantiser of 8 bits."""
_ARRAYS, _ABOUT = "nearest.safetensors", "nearest.json"


class Nearest:
    """An index of vectors under the ids of whoever gave them.

    Attributes:
        ids: (n,) numbers, or n texts as an array of objects.
        search_by: How it searches.

    Raises:
        ConfigError: there are too few vectors for the search, or they cannot be cut into its parts.
        DataError: vectors and ids do not fit each other.

    >>> index = Nearest(np.eye(3, dtype=np.float32), ["a", "b", "c"])
    >>> scores, ids = index.search(np.array([[0.0, 3.0, 1.0]]), k=2)
    >>> scores.tolist(), ids.tolist()
    ([[3.0, 1.0]], [['b', 'c']])
    """

    def __init__(
        self,
        vectors: np.ndarray,
        ids: Sequence[Any] | np.ndarray | None = None,
        search_by: Search | None = None,
    ) -> None:
        """An index of (n, d) vectors; ids are 0 to n - 1 by default."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.search_by = search_by or FlatSearch()
        self.ids = _array(range(len(vectors)) if ids is None else ids)
        if vectors.ndim != 2 or len(self.ids) != len(vectors):
            raise DataError(
                f"There are {len(self.ids)} ids for vectors of shape {vectors.shape}; give (n, d) "
                "vectors and n ids."
            )
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(1))[0])
            raise DataError(f"The vector of {self.ids[row]} has numbers that are not finite.")
        self._index = _index(self.search_by, *vectors.shape)
        self._index.train(vectors)
        self._index.add(vectors)

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(q, k) float32 scores and (q, k) ids of what is nearest to each query, nearest first.

        Scores are inner products, or squared distances. Where the lists that a query looks at
        hold fewer than k vectors, the last ids are -1 (of texts: None), with the worst score.

        Args:
            queries: (q, d).
            k: How many, at most n.

        Raises:
            ConfigError: k is not between 1 and n.
            DataError: the queries have another width than the vectors, or no finite numbers.
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if not 1 <= k <= len(self):
            raise ConfigError(f"k is {k}; it can be 1 to {len(self)}, the number of vectors.")
        if queries.ndim != 2 or queries.shape[1] != self._index.d:
            raise DataError(
                f"The queries are of shape {queries.shape}; they have to be (q, {self._index.d}), "
                "as wide as the vectors."
            )
        if not np.isfinite(queries).all():
            row = int(np.flatnonzero(~np.isfinite(queries).all(1))[0])
            raise DataError(f"Query {row} has numbers that are not finite.")
        scores, places = self._index.search(queries, k)
        ids = self.ids[places]
        ids[places < 0] = None if ids.dtype == object else -1
        return scores, ids

    def save(self, directory: Path) -> None:
        """The index and the ids in `directory`."""
        texts = self.ids.dtype == object
        index = faiss.serialize_index(self._index)
        arrays = {"index": index} if texts else {"index": index, "ids": self.ids}
        atomic.write_arrays(directory / _ARRAYS, arrays)
        about = {"search": self.search_by.model_dump(), "texts": list(self.ids) if texts else None}
        atomic.write_json(directory / _ABOUT, about)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Nearest:
        """The index stored by `save`."""
        about, arrays = (
            atomic.read_json(directory / _ABOUT),
            atomic.read_arrays(directory / _ARRAYS),
        )
        index = cls.__new__(cls)
        index.search_by = TypeAdapter(Search).validate_python(about["search"])
        index.ids = arrays["ids"] if about["texts"] is None else _array(about["texts"])
        index._index = faiss.deserialize_index(arrays["index"])
        return index


def _array(ids: Sequence[Any] | np.ndarray | range) -> np.ndarray:
    """Numbers as int64, texts as objects."""
    array = np.asarray(ids)
    return array.astype(np.int64) if array.dtype.kind in "iu" else array.astype(object)


def _index(search: Search, n: int, d: int) -> Any:
    """An empty index of FAISS, which n vectors of d numbers are to train."""
    metric = faiss.METRIC_INNER_PRODUCT if search.metric == "ip" else faiss.METRIC_L2
    if isinstance(search, FlatSearch):
        return faiss.index_factory(d, "Flat", metric)
    if n < search.nlist:
        raise ConfigError(
            f"{n} vectors cannot be parted into nlist = {search.nlist} lists; lower nlist, or "
            "search flat."
        )
    code = "Flat"
    if isinstance(search, IvfPqSearch):
        if d % search.m:
            fits = [m for m in range(1, d + 1) if d % m == 0]
            raise ConfigError(
                f"Vectors of {d} numbers cannot be cut into m = {search.m} parts; m can be "
                f"{', '.join(map(str, fits))}."
            )
        if n < _CODES:
            raise ConfigError(f"ivfpq needs {_CODES} vectors, and there are {n}; search flat.")
        # np: no polysemous training, whose order of codes only a search by Hamming distance reads.
        code = f"PQ{search.m}x8np"
    index: Any = faiss.index_factory(d, f"IVF{search.nlist},{code}", metric)
    index.nprobe = min(search.nprobe, search.nlist)
    index.cp.min_points_per_centroid = 1  # fewer are told on stderr otherwise
    if isinstance(search, IvfPqSearch):
        index.pq.cp.min_points_per_centroid = 1
    return index
