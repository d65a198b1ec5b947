"""What a layer costs, forward and back: ours on a list of edges and on dense places, and PyG's.

One process, one thread, random vectors of 64 numbers. Milliseconds of processor time of a layer on
a list of edges whose order is known (as in every layer but the first), and how many times as much
it takes where the list has just been made, on as many dense places (whose vectors are read
already), and in PyG.

    PYTHONPATH=. python benchmarks/layers.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch_geometric import nn as pyg

from recommend.fit.memory import keep_freed_memory
from recommend.graphs.edges import EdgeList, Fanout
from recommend.graphs.layers import Gat, Gcn, Gin, Rgcn, Sage

WIDTH, KINDS = 64, 3
FORMS = ("built", "dense", "pyg")
SIZES = ((2_000, 10), (20_000, 4), (30_000, 7))
"""Nodes of a subgraph, and edges to each."""
ROW = "| {:<5} | {:>6} | {:>7} | {:>8} | {:>6} | {:>8} | {:>7} |"


def least(runs: Mapping[str, Callable[[], Tensor]], rounds: int) -> dict[str, float]:
    """Milliseconds of each, forward and back: the least of several rounds, each of all of them."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            begin = time.process_time()
            run().sum().backward()
            taken[name].append(time.process_time() - begin)
    return {name: 1000 * min(some[1:]) for name, some in taken.items()}


def layers(width: int) -> dict[str, tuple[Any, Any]]:
    """Ours and PyG's, of the same width."""
    mlp = torch.nn.Sequential(
        torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, width)
    )
    return {
        "sage": (Sage(width, width), pyg.SAGEConv(width, width)),
        "gin": (Gin(width, width), pyg.GINConv(mlp, train_eps=True)),
        "gat": (Gat(width, width, heads=4), pyg.GATConv(width, width // 4, heads=4)),
        "gcn": (Gcn(width, width), pyg.GCNConv(width, width)),
        "rgcn": (
            Rgcn(width, width, kinds=KINDS, bases=2),
            pyg.RGCNConv(width, width, KINDS, num_bases=2),
        ),
    }


def runs(name: str, ours: Any, theirs: Any, n: int, many: int) -> dict[str, Callable[[], Tensor]]:
    """A layer over a random subgraph, in each form."""
    columns = torch.arange(n).repeat_interleave(many)
    rows = torch.randint(n, (n * many,))
    kinds = torch.randint(KINDS, (n * many,))
    x = torch.randn(n, WIDTH, requires_grad=True)
    drawn = torch.randn(n * many, WIDTH, requires_grad=True)
    edges = EdgeList(rows, columns, n, n, kinds)
    fanout = Fanout(torch.ones(n, many, dtype=torch.bool), kinds)
    ends, more = torch.stack([rows, columns]), (kinds,) if name == "rgcn" else ()
    every = {
        "list": lambda: ours(x, x, edges),
        "built": lambda: ours(x, x, EdgeList(rows, columns, n, n, kinds)),
        "dense": lambda: ours(drawn, x, fanout),
        "pyg": lambda: theirs(x, ends, *more),
    }
    return {form: run for form, run in every.items() if (name, form) != ("gcn", "dense")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    keep_freed_memory()
    print(ROW.format("layer", "nodes", "edges", "list, ms", "built×", "dense, ×", "PyG, ×"))
    for n, many in SIZES:
        for name, (ours, theirs) in layers(WIDTH).items():
            taken = least(runs(name, ours, theirs, n, many), options.rounds)
            times = (
                f"{taken[form] / taken['list']:.1f}" if form in taken else "" for form in FORMS
            )
            print(ROW.format(name, n, n * many, f"{taken['list']:.1f}", *times), flush=True)


if __name__ == "__main__":
    main()
