"""The index of an export: the items whose vectors have the largest products with a query's."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import faiss
import numpy as np

from data.errors import ConfigError
from recommend.settings.index import Kind

RECALLED, QUERIES = 100, 200
"""Recall is measured of so many items, over so many queries."""
ENOUGH = 0.95
"""Recall that an index reaches unless it is said how widely it looks."""
MOST_EFFORT = 2048


def build_index(
    vectors: np.ndarray,
    queries: np.ndarray,
    kind: Kind = "flat",
    *,
    lists: int | None = None,
    probes: int | None = None,
    links: int = 32,
    effort: int | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """An index as bytes, and what it is: its parameters and its recall against a flat one.

    Args:
        vectors: (n, d) float32 items.
        queries: (q, d) float32 users, of whom some are asked to measure recall.
        kind: "flat" looks at all; "ivf" at the lists whose centres are nearest; "hnsw" walks a
            graph of neighbours.
        lists: Lists of ivf; by default √n, of at least 39 vectors each on average.
        probes: Lists that a query looks at; by default the fewest whose recall is `ENOUGH`.
        links: Neighbours of a node of hnsw.
        effort: Nodes that hnsw keeps in view of a query; by default likewise.

    Raises:
        ConfigError: the parameters do not fit the vectors.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    n, d = vectors.shape
    k = min(RECALLED, n)
    index: Any
    if kind == "flat":
        index = faiss.IndexFlatIP(d)
        index.add(vectors)
        return _bytes(index), {"kind": kind, f"recall@{k}": 1.0}
    some = np.ascontiguousarray(queries[:: max(1, len(queries) // QUERIES)][:QUERIES], np.float32)
    if kind == "ivf":
        lists = lists or max(1, min(n // 39, round(n**0.5)))
        if lists > n:
            raise ConfigError(f"{n} items cannot be parted into {lists} lists; ask for fewer.")
        form = "SQfp16" if _fit_halves(vectors) else "Flat"
        index = faiss.index_factory(d, f"IVF{lists},{form}", faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1
        index.train(vectors)
        index.add(vectors)
        recall, probes = _least(index, vectors, some, probes, 1, lists)
        return _bytes(index), {
            **{"kind": kind, "lists": lists, "probes": probes},
            f"recall@{k}": recall,
        }
    if kind != "hnsw":
        raise ConfigError(f"There is no index {kind!r}; there are flat, ivf and hnsw.")
    index = faiss.IndexHNSWFlat(d, links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = max(2 * links, 100)
    index.add(vectors)
    recall, effort = _least(index, vectors, some, effort, 32, MOST_EFFORT)
    about = {"kind": kind, "links": links, "effort": effort, f"recall@{k}": recall}
    return _bytes(index), about


def _least(
    index: Any, vectors: np.ndarray, queries: np.ndarray, given: int | None, first: int, last: int
) -> tuple[float, int]:
    """Recall, and how widely an index looks to reach it, as it is set from here on."""
    k = min(RECALLED, len(vectors))
    wanted = _flat(vectors).search(queries, k)[1]

    def recall(wide: int) -> float:
        if isinstance(index, faiss.IndexIVF):
            index.nprobe = wide
        else:
            index.hnsw.efSearch = wide
        found = index.search(queries, k)[1]
        shares = [len(np.intersect1d(a, b)) / k for a, b in zip(wanted, found, strict=True)]
        return float(np.mean(shares))

    if given:
        wide = min(given, last)
        return recall(wide), wide
    wide = min(first, last)
    while recall(wide) < ENOUGH and wide < last:
        wide = min(2 * wide, last)
    steps = range(wide // 2 + 1, wide + 1)
    wide = steps[bisect_left(steps[:-1], ENOUGH, key=recall)]
    return recall(wide), wide


def _fit_halves(vectors: np.ndarray) -> bool:
    """Whether numbers of 16 bits hold them well: a search is bound by the bytes that it reads.

    What comes of it is scored by the vectors themselves.
    """
    return 0.01 < float(np.abs(vectors).max()) < 60_000


def _flat(vectors: np.ndarray) -> Any:
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    return flat


def _bytes(index: Any) -> bytes:
    return bytes(faiss.serialize_index(index).tobytes())
