"""What a query costs before it is walked, and what the Metapaths and Graph screens compute.

A text is read, written and checked; on a graph of MovieLens-1M's size (6,040 users, 3,706 items,
10⁶ interactions, three levels of 256 codes a side) metapaths are counted and listed and a shortest
path is found. Each figure is the median; "of a floor" divides it by one pass over the interactions
(a gather of 10⁶ numbers) in the same process, so that machines can be compared.

    python benchmarks/query.py
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from time import perf_counter

import numpy as np

from data.relation import Relation
from graph import HeteroGraph, Query
from graph.explore.flat import flatten
from graph.explore.paths import count_instances, coverage, instances
from graph.explore.walk import everywhere, shortest_path
from graph.latent import PAPER, latent_schema
from graph.query.console import read_query

USERS, ITEMS, EDGES, LEVELS, CODES = 6040, 3706, 1_000_000, 3, 256
TEXTS = (
    "user:64 as u > item:16 latest as i > item_factor > item:8",
    "g.V('user').batch(64).alias('u').outV('interacts').sample(16).by('latest').alias('i')",
    "user > (item:16 latest where edge.time > 3 as i > item_factor, not item:5 in_degree, "
    "user_factor > user:8)",
)
LONG = ("user > item > user", "user > item > item_factor > item", "user > item > user > item")
NAMED = ("user -has_level_0-> user_factor > user", "user > item where edge.time > 500000 > user")
ROW = "{:<78}{:>10}{:>12}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    graph = movielens()
    schema, targets = graph.schema, graph.relation(("user", "interacts", "item")).targets
    order = np.random.default_rng(0).permutation(len(targets))
    floor = median(lambda: targets[order], times)
    print(ROW.format("what", "ms", "of a floor"))

    def tell(name: str, call: Callable[[], object]) -> None:
        taken = median(call, times)
        print(ROW.format(name[:76], f"{taken * 1e3:.3f}", f"{taken / floor:.2f}"))

    print(ROW.format("floor: gather of 10⁶ numbers", f"{floor * 1e3:.3f}", "1"))
    for text in TEXTS:
        tell(f"read and plan {text}", lambda text=text: read_query(text, schema).explain())  # type: ignore[misc]
    for text in (*PAPER, *LONG, *NAMED):
        path = Query.parse(text, schema)
        tell(f"coverage {text}", lambda path=path: coverage(graph, path))  # type: ignore[misc]
    path = Query.parse("user > item > item_factor > item", schema)
    tell("count from one node", lambda: count_instances(graph, path, start=7))
    tell("2,000 instances from one node", lambda: instances(graph, path, 7, limit=2000))
    tell("instances between two nodes", lambda: instances(graph, path, 7, 11, limit=200))
    flat = flatten(graph)
    ends = flat.place(("user", 7)), flat.place(("user", 4000))
    tell("shortest path", lambda: shortest_path(everywhere(flat), *ends))


def movielens() -> HeteroGraph:
    """A graph of MovieLens-1M's size; items are as unequal as there."""
    rng = np.random.default_rng(0)
    schema = latent_schema(LEVELS, LEVELS)
    sizes = {"user": USERS, "item": ITEMS}
    sizes |= {f"{side}_factor": LEVELS * CODES for side in ("user", "item")}
    popular = rng.zipf(1.3, EDGES) % ITEMS
    users, moments = rng.integers(0, USERS, EDGES), rng.integers(0, 10**6, EDGES)
    edges = {("user", "interacts", "item"): Relation.between(users, popular, USERS, ITEMS, moments)}
    for side, n in (("user", USERS), ("item", ITEMS)):
        for level in range(LEVELS):
            codes = rng.integers(0, CODES, n) + level * CODES
            edges[side, f"has_level_{level}", f"{side}_factor"] = Relation.between(
                np.arange(n), codes, n, LEVELS * CODES
            )
    return HeteroGraph(schema, sizes, edges)


def median(call: Callable[[], object], times: int) -> float:
    """Seconds of a call."""
    taken = []
    for _ in range(times):
        begin = perf_counter()
        call()
        taken.append(perf_counter() - begin)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
