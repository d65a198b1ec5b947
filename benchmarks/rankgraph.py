"""What a pass of RankGraph over a whole graph costs: seconds, and memory that grows with the edges.

A random graph of users and two domains of items, with as many edges as are asked for along which a
node hears another: a quarter from users to items, a quarter back, and the others to the nearest of
users and of items. Width 64, two layers, a process for each size. Seconds are of processor time,
the least of several passes: forward alone; forward and back, while half of the edges between users
and items are hidden, so that their means are made anew; and `×`, how many times as long each takes
as the bare sparse products. `PyG×` is how many times as long as ours a pass of RGCNConv takes,
forward and back over the same edges; FastRGCNConv would hold a matrix for each of them, 16 GB of a
million. MB are at the peak of our passes beyond what the process had before the graph.

    PYTHONPATH=. python benchmarks/rankgraph.py
    PYTHONPATH=. python benchmarks/rankgraph.py --edges 1000000 --pyg
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.graph_memory import megabytes
from data.relation import Relation
from recommend.fit.memory import keep_freed_memory
from recommend.rank.encoder import Encoder
from recommend.rank.messages import Hidden, Way

WIDTH, LAYERS, DEGREE = 64, 2, 10
HAD, ALIKE = "had", "engaged"
ROW = "| {:>9} | {:>10} | {:>5} | {:>11} | {:>5} | {:>5} | {:>6} |"


def ways(edges: int, rng: np.random.Generator) -> tuple[dict[str, int], list[Way]]:
    """Nodes of each type, and who hears whom."""
    n = max(edges // 4 // DEGREE, 2)
    sizes, found = {"user": n, "a": n // 2, "b": n - n // 2}, []

    def drawn(source: str, target: str, many: int) -> Relation:
        ends = (rng.integers(sizes[one], size=many) for one in (source, target))
        weights = rng.random(many).astype(np.float32) + 0.1
        return Relation.between(*ends, sizes[source], sizes[target], weights=weights)

    for one in ("a", "b"):
        had, key = drawn("user", one, edges // 8), ("user", HAD, one)
        found += [Way(one, "user", key, had), Way("user", one, key, had.transpose())]
    found.append(Way("user", "user", ("user", ALIKE, "user"), drawn("user", "user", edges // 4)))
    for one in ("a", "b"):
        for other in ("a", "b"):
            found.append(Way(other, one, (one, ALIKE, other), drawn(one, other, edges // 16)))
    return sizes, found


def least(run: Callable[[], Any], rounds: int) -> float:
    """Seconds of processor time, after one round that is not counted."""
    taken = []
    for _ in range(rounds + 1):
        begin = time.process_time()
        run()
        taken.append(time.process_time() - begin)
    return min(taken[1:])


def measure(edges: int, rounds: int, threads: int, pyg: bool) -> dict[str, float]:
    """Seconds and MB of one size."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    keep_freed_memory()
    before, rng = megabytes("VmRSS"), np.random.default_rng(0)
    sizes, every = ways(edges, rng)
    encoder = Encoder(every, WIDTH, LAYERS, None, typed=True)
    x = {kind: nn.Parameter(torch.randn(n, WIDTH)) for kind, n in sizes.items()}
    hidden: Hidden = {
        way.declared: torch.from_numpy(rng.random(len(way.heard.targets)) < 0.5)
        for way in every
        if way.declared[1] == HAD
    }
    whole = [one.matrices() for one in encoder.hearing]  # type: ignore[operator]

    def forward() -> None:
        with torch.inference_mode():
            encoder(x, {})

    def step() -> None:
        sum(one.sum() for one in encoder(x, hidden)[-1].values()).backward()

    def products(turned: bool) -> None:
        with torch.inference_mode():
            for _ in range(LAYERS):
                for way, one in zip(every, whole, strict=True):
                    heard = one.shares @ x[way.source]
                    if turned:
                        one.turned @ heard

    found = {
        "edges": float(sum(len(way.heard.targets) for way in every)),
        "forward": least(forward, rounds),
        "step": least(step, rounds),
    }
    found["megabytes"] = megabytes("VmHWM") - before
    found["bare"] = least(lambda: products(turned=False), rounds)
    found["to and fro"] = least(lambda: products(turned=True), rounds)
    if pyg:
        found["pyg"] = least(rgcn(sizes, every), rounds)
    return found


def rgcn(sizes: dict[str, int], every: list[Way]) -> Callable[[], None]:
    """A pass of PyG forward and back over the same edges, all types of nodes in one row."""
    from torch_geometric.nn import RGCNConv

    start = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    ends, kinds = [], []
    for place, way in enumerate(every):
        targets, sources = way.heard.sources, way.heard.targets
        ends.append(np.stack([sources + start[way.source], targets + start[way.target]]))
        kinds.append(np.full(len(targets), place))
    edges = torch.from_numpy(np.concatenate(ends, 1)).long()
    kind = torch.from_numpy(np.concatenate(kinds))
    layers = [RGCNConv(WIDTH, WIDTH, len(every)) for _ in range(LAYERS)]
    x = nn.Parameter(torch.randn(sum(sizes.values()), WIDTH))

    def step() -> None:
        out: Tensor = x
        for layer in layers:
            out = layer(out, edges, kind)
        out.sum().backward()

    return step


def apart(*asked: Any) -> dict[str, float]:
    """What `measure` finds in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *asked).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[250_000, 500_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pyg", action="store_true")
    asked = parser.parse_args()
    print(ROW.format("edges", "forward, s", "×", "and back, s", "×", "PyG×", "MB"))
    for edges in asked.edges:
        one = apart(edges, asked.rounds, asked.threads, asked.pyg)
        ratios = one["forward"] / one["bare"], one["step"] / one["to and fro"]
        theirs = f"{one['pyg'] / one['step']:.1f}" if asked.pyg else ""
        shown = (
            f"{one['edges']:,.0f}",
            f"{one['forward']:.3f}",
            f"{ratios[0]:.2f}",
            f"{one['step']:.3f}",
            f"{ratios[1]:.2f}",
            theirs,
            f"{one['megabytes']:.0f}",
        )
        print(ROW.format(*shown), flush=True)


if __name__ == "__main__":
    main()
