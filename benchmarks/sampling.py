"""What a batch of every strategy costs, against gathering as many edges and against other samplers.

A graph of MovieLens-1M's size (6,000 users, 3,700 items, a million timed interactions with weights,
three levels of 256 factors a side) and one ten times as large. A batch is 128 users at a time each,
16 items of theirs, 8 users of each of these. In every round all are timed one after another on one
thread, so that what else the machine does hits all of them; seconds are those of the processor, and
the best of the rounds counts.

The floor is numpy doing the least that any sampler has to: as many random numbers as the batch has
draws, and the target, time and number of as many edges looked up at these places. `drawn` is
the batch until its draws are there, `whole` with every node and edge once, owners and ages.

    PYTHONPATH=. python benchmarks/sampling.py
    PYTHONPATH=. python benchmarks/sampling.py --times 1 --rounds 40
"""

from __future__ import annotations

import argparse
import random
import time
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.query import parts

USERS, ITEMS, EDGES, LEVELS, CODES = 6_000, 3_700, 1_000_000, 3, 256
BATCH, WIDE, NARROW = 128, 16, 8
BUYS = ("user", "buys", "item")
SPREADS = {"user": 0.9, "item": 1.25}
STRATEGIES = tuple(by for by in parts.STRATEGIES if by != "full")
QUERIES = {
    **{by: f"user > item:{WIDE} {by} > user:{NARROW} {by}" for by in STRATEGIES},
    "with factors": f"user > item:{WIDE} latest > (user:{NARROW} latest, item_factor)",
    "induced": f"user > item:{WIDE} latest > user:{NARROW} latest induced",
    "negatives, random": f"user > (item:{WIDE} latest > user:{NARROW} latest, not item:{WIDE})",
    "negatives, in_degree": f"user > (item:{WIDE} latest > user:{NARROW} latest, "
    f"not item:{WIDE} in_degree)",
}


def shop(times: int, seed: int = 0) -> HeteroGraph:
    """A graph of which a few users and items have most of the edges."""
    rng = np.random.default_rng(seed)
    sizes = {"user": USERS * times, "item": ITEMS * times}
    m = EDGES * times
    users, items = (_skewed(rng, sizes[side], m, spread) for side, spread in SPREADS.items())
    moments, weights = rng.integers(0, 10**8, m), rng.integers(1, 6, m).astype(np.float32)
    edges = {BUYS: Relation.between(users, items, *sizes.values(), moments, weights)}
    kinds = [EdgeType(*BUYS, timed=True)]
    for side in ("user", "item"):
        sizes[f"{side}_factor"] = LEVELS * CODES
        for level in range(LEVELS):
            kind = EdgeType(side, f"has_{side}_{level}", f"{side}_factor", level=level)
            codes = CODES * level + rng.integers(0, CODES, sizes[side])
            kinds.append(kind)
            edges[kind.key] = Relation.between(
                np.arange(sizes[side]), codes, sizes[side], LEVELS * CODES
            )
    return HeteroGraph(Schema(tuple(map(NodeType, sizes)), tuple(kinds)), sizes, edges)


def _skewed(rng: np.random.Generator, n: int, m: int, spread: float) -> np.ndarray:
    """(m,) numbers below n, of lognormal shares that no one has more than 13 times the mean of."""
    shares = np.exp(spread * rng.normal(size=n))
    shares = np.minimum(shares, 13 * shares.mean())
    return rng.choice(n, m, p=shares / shares.sum())


def seconds(work: Callable[[], Any]) -> float:
    """Of the processor, so that what else runs on the machine counts less."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def floor(relation: Relation, numbers: np.ndarray, n: int, rng: np.random.Generator) -> object:
    """Random places, and target, time and number of the edges there."""
    places = (rng.random(n) * len(relation.targets)).astype(np.int64)
    return relation.targets[places], relation.moments[places], numbers[places]


class Loops:
    """The same hops, latest, as a plain loop over lists: what one writes without a library."""

    def __init__(self, graph: HeteroGraph) -> None:
        self.rows = []
        for key in (BUYS, ("item", "rev_buys", "user")):
            relation = graph.relation(key)
            cuts = relation.offsets[1:-1]
            self.rows.append(
                [
                    (times.tolist(), targets.tolist())
                    for times, targets in zip(
                        np.split(relation.moments, cuts),
                        np.split(relation.targets, cuts),
                        strict=True,
                    )
                ]
            )

    def sample(self, seeds: np.ndarray, times: np.ndarray, by: str) -> int:
        """How many edges both hops drew."""
        drawn = 0
        for seed, limit in zip(seeds.tolist(), times.tolist(), strict=True):
            for item in self.draw(0, seed, limit, WIDE, by):
                drawn += 1 + len(self.draw(1, item, limit, NARROW, by))
        return drawn

    def draw(self, way: int, node: int, limit: int, count: int, by: str) -> list[int]:
        """What one row gives."""
        times, targets = self.rows[way][node]
        end = bisect_left(times, limit)
        if by == "latest":
            return targets[max(end - count, 0) : end]
        return random.sample(targets[:end], min(count, end))


def pyg(graph: HeteroGraph) -> str:
    """What PyTorch Geometric's sampler says here."""
    try:
        import torch
        from torch_geometric.data import HeteroData
        from torch_geometric.loader import NeighborLoader

        data = HeteroData()
        data["user"].num_nodes, data["item"].num_nodes = graph.size("user"), graph.size("item")
        relation = graph.relation(BUYS)
        data[BUYS].edge_index = torch.from_numpy(np.stack([relation.sources, relation.targets]))
        next(iter(NeighborLoader(data, [WIDE, NARROW], "user", batch_size=BATCH)))
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return "it draws"


def k_hops(graph: HeteroGraph) -> Callable[[np.ndarray], object]:
    """`torch_geometric.utils.k_hop_subgraph`: both hops whole, without times."""
    import torch
    from torch_geometric.utils import k_hop_subgraph

    relation = graph.relation(BUYS)
    there = np.stack([relation.sources, relation.targets + graph.size("user")]).astype(np.int64)
    index = torch.from_numpy(np.concatenate([there, there[::-1]], axis=1))
    torch.set_num_threads(1)
    return lambda seeds: k_hop_subgraph(torch.from_numpy(seeds), 2, index)


class Best:
    """The least seconds of each of several things, over rounds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], Any]) -> None:
        """Does something once more."""
        spent = seconds(work)
        self.seconds[name] = min(spent, self.seconds.get(name, spent))


def measure(times: int, rounds: int) -> list[str]:
    """Rows of the table for a graph so many times MovieLens-1M's."""
    graph, rng = shop(times), np.random.default_rng(1)
    relation = graph.relation(BUYS)
    numbers = np.arange(len(relation.targets))
    samplers = {
        name: Sampler(graph, Query.parse(text, graph.schema)) for name, text in QUERIES.items()
    }
    best = Best()
    draws: dict[str, list[int]] = {name: [] for name in samplers}
    loops = Loops(graph) if times == 1 else None
    hops = k_hops(graph) if times == 1 else None
    for turn in range(rounds):
        seeds = rng.choice(graph.size("user"), BATCH, replace=False)
        stand = rng.integers(5 * 10**7, 10**8, len(seeds))
        for name, sampler in samplers.items():
            if turn == 0:
                sampler.draw(seeds, stand, turn)
            drawn = sampler.draw(seeds, stand, turn)
            draws[name].append(sum(len(one.nodes) for one in drawn))
            best.time(f"floor {name}", partial(floor, relation, numbers, draws[name][-1], rng))
            best.time(f"drawn {name}", partial(sampler.draw, seeds, stand, turn))
            best.time(f"whole {name}", partial(sampler.sample, seeds, stand, turn))
        if loops and hops and turn % 4 == 0:
            for by in ("latest", "random"):
                best.time(f"loop over lists, {by}", partial(loops.sample, seeds, stand, by))
            best.time("k_hop_subgraph, both hops whole", partial(hops, seeds))
    rows = []
    for name in samplers:
        least, drawn_, whole = (
            1e3 * best.seconds[f"{part} {name}"] for part in ("floor", "drawn", "whole")
        )
        figures = f"{np.mean(draws[name]):,.0f} | {least:.2f} | {drawn_:.2f} | {whole:.2f}"
        rows.append(
            f"| ×{times} | {name} | {figures} | {drawn_ / least:.1f} | {whole / least:.1f} |"
        )
    if loops:
        for name in [name for name in best.seconds if name.startswith(("loop", "k_hop"))]:
            rows.append(f"| ×{times} | {name} | | | | {1e3 * best.seconds[name]:.2f} | | |")
        rows.append(f"\nPyTorch Geometric's NeighborLoader: {pyg(graph)}")
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    head = ("size", "batch", "draws", "floor ms", "drawn ms", "whole ms", "drawn ÷", "whole ÷")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for times in given.times:
        print("\n".join(measure(times, given.rounds)), flush=True)


if __name__ == "__main__":
    main()
