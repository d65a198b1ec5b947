"""What choosing neighbours by a focus costs, against choosing them by weight and taking them all.

A graph of users and items like MovieLens-1M's (as of `sampling.py`), and vectors of both. A batch
is 128 users with a focus and a time each, k items of theirs, and k users of each of these. In every
round all are timed one after another on one thread; seconds are those of the processor, and the
best of the rounds counts. `topk` takes the heaviest, `full` all edges there are, k at the most.

The floor of one hop is what nobody can avoid who looks at every neighbour: to gather the vectors of
the targets of all edges that the rows show, and multiply each with the focus.

    PYTHONPATH=. python benchmarks/focal.py
    PYTHONPATH=. python benchmarks/focal.py --k 5 10 30 --width 16 64 --rounds 20
"""

from __future__ import annotations

import argparse
import json
from functools import partial

import numpy as np

from benchmarks.sampling import BUYS, Best, shop
from graph.hetero import HeteroGraph
from graph.sample.focal import LONGEST, Focal
from graph.sample.rows import Rows, reach
from graph.sample.sampler import Sampler
from graph.sample.strategies import full

BATCH = 128


def products(rows: Rows, vectors: np.ndarray, focus: np.ndarray) -> object:
    """Every neighbour's vector times the focus of its row."""
    of, places = full(rows, int(rows.lengths.max(initial=0)), np.random.default_rng(0))
    near = vectors[rows.reach.relation.targets[places]]
    return np.einsum("ed,ed->e", near, focus[rows.owners[of]])


def measure(graph: HeteroGraph, k: int, width: int, rounds: int) -> list[dict[str, object]]:
    """A row a query: milliseconds of each way, and their ratios."""
    rng, best, told = np.random.default_rng(1), Best(), []
    vectors = {kind: rng.normal(size=(graph.size(kind), width)) for kind in ("user", "item")}
    focal = Focal(vectors, np.zeros((BATCH, width)))
    ways = ("focal", "topk", "full")
    texts = {
        "1 hop": "user > item:{k} {by}",
        "2 hops": "user > item:{k} {by} > user:{k} {by}",
    }
    items, samplers, edges = reach(graph, (BUYS,)), dict[tuple[str, str], Sampler](), 0
    for name, text in texts.items():
        for turn in range(rounds + 1):
            seeds = rng.choice(graph.size("user"), min(BATCH, graph.size("user")), replace=False)
            stand = rng.integers(5 * 10**7, 10**8, len(seeds))
            focus = rng.normal(size=(len(seeds), width))
            strategies = {"focal": focal.on(focus)}
            for by in ways:
                sampler = samplers.get((by, name)) or Sampler(
                    graph, text.format(k=k, by=by), strategies=strategies
                )
                samplers[by, name] = sampler
                sampler.strategies.update(strategies)
                if turn == 0:
                    sampler.draw(seeds, stand)
                    continue
                best.time(f"{name} {by}", partial(sampler.draw, seeds, stand))
            if turn and name == "1 hop":
                rows = Rows.of(items, seeds, stand)
                edges = int(rows.lengths.sum())
                best.time("floor", partial(products, rows, vectors["item"], focus))
    for name in texts:
        spent = {by: 1e3 * best.seconds[f"{name} {by}"] for by in ways}
        row = {"query": name, "k": k, "width": width}
        row |= {f"{by}_ms": round(ms, 2) for by, ms in spent.items()}
        row |= {f"times_{by}": round(spent["focal"] / spent[by], 1) for by in ways[1:]}
        if name == "1 hop":
            floor = 1e3 * best.seconds["floor"]
            row |= {"edges_seen": edges, "times_floor": round(spent["focal"] / floor, 2)}
        told.append(row)
    return told


def main() -> None:
    """Prints a line a measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--k", type=int, nargs="+", default=[10, 30])
    parser.add_argument("--width", type=int, nargs="+", default=[64])
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    graph = shop(1)
    print(json.dumps({"nodes": graph.sizes, "longest": LONGEST}, default=dict))
    for width in given.width:
        for k in given.k:
            for row in measure(graph, k, width, given.rounds):
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
