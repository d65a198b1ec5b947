"""What a step of ZOOMER costs with a region of interest, and with all neighbours, as degrees grow.

A random log: every person asks for queries and takes items, more of both from row to row. A step is
forward and back over a batch of asks, once with the ten neighbours of each type that are most
relevant and once with all there are. Seconds are of processor time, the median of several steps,
one thread; `×` is how many times as long, and as much memory, all take in the same run. MB are at
the peak of the steps beyond what the process had before them, a process for each.

    PYTHONPATH=. python benchmarks/roi.py
    PYTHONPATH=. python benchmarks/roi.py --degrees 20 200 2000 --batch 32
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch

from app.reproduce.triples import forget_peak, peak_mb
from data.relation import Relation
from recommend.settings.zoomer import ZoomerConfig
from recommend.zoom.features import Features
from recommend.zoom.network import ZoomerNetwork
from recommend.zoom.past import Past
from recommend.zoom.roi import Asks

K, WIDTH = 10, 64
ROW = "| {:>7} | {:>9} | {:>9} | {:>6} | {:>6} | {:>6} | {:>6} |"


def past_of(degree: int, rng: np.random.Generator) -> Past:
    """Users, queries and items that have so many neighbours of each type."""
    n = 2 * degree
    sizes = {"user": n, "query": n, "item": n}

    def drawn() -> Relation:
        ends = np.repeat(np.arange(n), degree), rng.permuted(np.tile(np.arange(n), (n, 1)), axis=1)
        weights = np.ones(n * degree, dtype=np.float32)
        return Relation.between(ends[0], ends[1][:, :degree].ravel(), n, n, weights=weights)

    pairs = (("user", "item"), ("user", "query"), ("query", "item"), ("query", "user"))
    return Past({pair: drawn() for pair in pairs}, Features(sizes, {k: {} for k in sizes}))


def measure(degree: int, all_of_them: bool, batch: int, steps: int) -> tuple[float, float]:
    """Seconds of a step, and MB."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    k = degree if all_of_them else min(K, degree)
    own = ZoomerConfig(queries="log", neighbours=k, reach=degree)
    network = ZoomerNetwork(own, WIDTH, past_of(degree, rng))
    forget_peak()
    before, taken = peak_mb(), []
    for _ in range(steps + 1):
        users, queries = torch.from_numpy(rng.integers(2 * degree, size=(2, batch)))
        began = time.process_time()
        network(Asks(users, queries)).sum().backward()
        taken.append(time.process_time() - began)
    return float(np.median(taken[1:])), peak_mb() - before


def apart(*words: int) -> tuple[float, float]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *words).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--degrees", type=int, nargs="+", default=[20, 50, 100, 200, 500])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=5)
    chosen = parser.parse_args()
    print(ROW.format("degree", f"s, K {K}", "s, all", "×", "MB", "MB all", "×"))
    for degree in chosen.degrees:
        found = []
        for all_of_them in (False, True):
            found.append(apart(degree, all_of_them, chosen.batch, chosen.steps))
        (few, small), (many, large) = found
        cells = [f"{few:.4f}", f"{many:.4f}", f"{many / few:.1f}", f"{small:.0f}", f"{large:.0f}"]
        print(ROW.format(degree, *cells, f"{large / max(small, 1):.1f}"), flush=True)


if __name__ == "__main__":
    main()
