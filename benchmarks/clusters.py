"""What a search in clusters by residual codes finds of a flat search, and what it reads and takes.

Vectors are synthetic: of topics, themes inside of them and noise, all of length 1; queries are
drawn alike. Beside ours stands an inverted file of FAISS with as many lists, each where it reads
about the same share of the vectors; times are of one thread and all queries at once, over that of
a flat search of FAISS in the same run.

    PYTHONPATH=. python benchmarks/clusters.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from recommend.retrieval.alike import unit
from recommend.retrieval.clusters import Clusters, recall_of

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)
ROUNDS = 3
NOISE = 1.2
"""Of topics of length 1: themes overlap, so the nearest of a vector are in several lists."""
ROW = "| {:<14} | {:>6} | {:>6} | {:>10} | {:>8} |"


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--codes", type=int, default=32, help="code vectors a level, of two levels")
    parser.add_argument("-k", type=int, default=100)
    asked = parser.parse_args()
    faiss.omp_set_num_threads(1)
    every = synthetic(asked.vectors + asked.queries, asked.width)
    vectors, queries = every[: asked.vectors], every[asked.vectors :]
    flat = faiss.IndexFlatIP(asked.width)
    flat.add(vectors)
    true, whole = timed(lambda: flat.search(queries, asked.k)[1])
    size = len(faiss.serialize_index(flat))
    told = f"{len(vectors):,} × {asked.width}, {len(queries):,} queries"
    print(f"{told}: flat {1e3 * whole / len(queries):.3f} ms a query, {size / 1e6:.1f} MB")
    begun = time.perf_counter()
    ours = Clusters.fit(vectors, asked.codes, 2)
    show_built("ours", ours.index, begun, size)
    begun = time.perf_counter()
    lists = faiss.index_factory(asked.width, f"IVF{len(ours.prefixes)},Flat", flat.metric_type)
    lists.cp.min_points_per_centroid = 1
    lists.train(vectors)
    lists.add(vectors)
    show_built("FAISS IVF", lists, begun, size)
    print(ROW.format("", "probes", "read", f"recall@{asked.k}", "of flat"))
    print("|---" * 5 + "|")
    for share in SHARES:
        for name, index in (("ours", ours.index), ("FAISS IVF", lists)):
            probes, read = probes_for(index, queries, share)
            index.nprobe = probes
            found, took = timed(lambda index=index: index.search(queries, asked.k)[1])  # type: ignore[misc]
            figures = f"{100 * read:.1f} %", f"{recall_of(found, true):.4f}", f"{took / whole:.3f}"
            print(ROW.format(name, probes, *figures), flush=True)


def synthetic(n: int, width: int, topics: int = 100, themes: int = 20) -> np.ndarray:
    """(n, width) float32 vectors of length 1: a topic's, a theme's inside of it, and noise."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(topics, 1, width)) + 0.7 * rng.normal(size=(topics, themes, width))
    chosen = centres.reshape(-1, width)[rng.integers(topics * themes, size=n)]
    return unit(chosen + NOISE * rng.normal(size=(n, width)))


def show_built(name: str, index: Any, begun: float, flat: int) -> None:
    """How many lists there are, how long it took to fill them, and how much more they hold."""
    sizes = list_sizes(index)
    more = len(faiss.serialize_index(index)) / flat - 1
    spread = f"of {sizes.min():,} to {sizes.max():,} vectors"
    took = f"{time.perf_counter() - begun:.1f} s"
    print(f"{name}: {len(sizes):,} lists {spread}, {took}, {100 * more:.1f} % more than flat")


def list_sizes(index: Any) -> np.ndarray:
    """(lists,) vectors of each list of an inverted file."""
    return np.array([index.invlists.list_size(one) for one in range(index.nlist)])


def probes_for(index: Any, queries: np.ndarray, share: float) -> tuple[int, float]:
    """How few lists together hold a share of the vectors, and what they do hold, on average."""
    _, nearest = index.quantizer.search(queries, index.nlist)
    read = (list_sizes(index)[nearest].cumsum(1) / index.ntotal).mean(0)
    probes = int(np.argmax(read >= min(share, read[-1])))
    return probes + 1, float(read[probes])


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """What comes back, and the least seconds it took."""
    least = np.inf
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = work()
        least = min(least, time.perf_counter() - begun)
    return found, least


if __name__ == "__main__":
    main()
