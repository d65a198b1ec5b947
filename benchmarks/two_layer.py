"""What lists of users and queries that were made ahead find of a flat search, and what they cost.

Vectors are synthetic (`benchmarks/clusters.py`); an ask is the sum of its user's and its query's
vector and some noise, of length 1. Beside the lists stands a search of clusters that reads about
as many items. Times are of the processor, of one thread, one ask at a time, over those of a flat
search.

    PYTHONPATH=. python benchmarks/two_layer.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import faiss
import numpy as np

from benchmarks.clusters import synthetic
from recommend.nearest import Nearest
from recommend.retrieval.alike import unit
from recommend.retrieval.clusters import Clusters, recall_of
from recommend.retrieval.two_layer import TwoLayers

ROUNDS, NOISE = 3, 0.03
LENGTHS = (100, 300, 1_000, 3_000)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--asks", type=int, default=300)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("-k", type=int, default=100)
    asked = parser.parse_args()
    faiss.omp_set_num_threads(1)
    every = synthetic(asked.items + asked.users + asked.queries, asked.width)
    items, users, queries = np.split(every, (asked.items, asked.items + asked.users))
    rng = np.random.default_rng(1)
    who, what = (rng.integers(n, size=asked.asks) for n in (asked.users, asked.queries))
    asks = unit(users[who] + queries[what] + NOISE * rng.normal(size=(asked.asks, asked.width)))
    flat, clusters = Nearest(items), Clusters.fit(items, min(32, asked.items // 40), 2)
    true, whole = timed(lambda row: flat.search(asks[row : row + 1], asked.k)[1], asked.asks)
    print(f"{asked.items:,} × {asked.width}: flat {1e3 * whole:.2f} ms an ask")
    print(
        f"| lists of | MB | read | recall@{asked.k} | of flat | clusters, as many read | of flat |"
    )
    print("|---" * 7 + "|")
    for length in LENGTHS:
        if length > asked.items:
            continue
        layers = TwoLayers.of(users, queries, items, length)
        read = np.mean([len(layers.read(*pair)) for pair in zip(who, what, strict=True)])
        held = (layers.of_users.nbytes + layers.of_queries.nbytes) / 1e6
        found, took = timed(
            lambda row, layers=layers: layers.search(
                who[row : row + 1], what[row : row + 1], asks[row : row + 1], asked.k
            )[1],
            asked.asks,
        )
        probes = 1
        while clusters.share_read(asks, probes).mean() * asked.items < read:
            probes += 1
        near, spent = timed(
            lambda row, probes=probes: clusters.search(asks[row : row + 1], asked.k, probes)[1],
            asked.asks,
        )
        ours = f"{recall_of(found, true):.3f} | {took / whole:.3f}"
        theirs = f"{recall_of(near, true):.3f} | {spent / whole:.3f}"
        share = 100 * read / asked.items
        print(f"| {length:,} | {held:.1f} | {share:.1f} % | {ours} | {theirs} |", flush=True)


def timed(work: Callable[[int], np.ndarray], n: int) -> tuple[np.ndarray, float]:
    """What comes back for 0 to n - 1, and the least seconds of the processor that one took."""
    least = np.inf
    for _ in range(ROUNDS):
        begun = time.thread_time()
        found = np.concatenate([work(row) for row in range(n)])
        least = min(least, time.thread_time() - begun)
    return found, least / n


if __name__ == "__main__":
    main()
