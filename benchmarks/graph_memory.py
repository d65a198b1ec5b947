"""What a graph of many edges costs: memory to build and to hold, and time through a memory map.

Synthetic edges of one type between nodes of one type, sources and targets drawn evenly, with a time
each. One process builds a graph from arrays in any order, and the memory of the process is
compared with the bytes of its arrays. Another one writes a larger graph to a temporary folder, and
a third opens it, into memory and through a map, and samples the same batches of two hops from both
in turns, and all of them once more. Medians are without the first three, and before the graph is
opened the system forgets what it holds of the files. The folder is deleted.

    PYTHONPATH=. python benchmarks/graph_memory.py
    PYTHONPATH=. python benchmarks/graph_memory.py --edges 10000000 --large 100000000
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.query.query import Hop, Query, Start
from graph.sample.sampler import Sampler
from graph.schema import EdgeType, NodeType, Schema

KNOWS = ("user", "knows", "user")
DEGREE, SEEDS, FANOUT, WARM = 50, 128, (16, 8), 3
DAY, YEAR = 86_400, 365 * 86_400


def draw(edges: int, ordered: bool) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, sources, targets and times; as a graph holds them if they are ordered."""
    rng, nodes = np.random.default_rng(0), max(edges // DEGREE, 2)
    targets = rng.integers(0, nodes, edges, dtype=np.int32)
    if not ordered:
        sources = rng.integers(0, nodes, edges, dtype=np.int32)
        return nodes, sources, targets, rng.integers(0, YEAR, edges)
    sources = np.arange(edges, dtype=np.int64) * nodes // edges
    times = (np.arange(edges, dtype=np.int64) * nodes % edges) * YEAR // edges
    return nodes, sources.astype(np.int32), targets, times


def megabytes(name: str) -> float:
    """VmRSS (now), VmHWM (at most) or RssAnon (now, without files) of this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if name in line) / 1024


def build(edges: int) -> dict[str, float]:
    """Memory and time of a graph from arrays in any order."""
    nodes, sources, targets, times = draw(edges, ordered=False)
    HeteroGraph.of({"user": 1}, {KNOWS: {"source": [0], "target": [0], "time": [0]}})  # imports
    given = sum(one.nbytes for one in (sources, targets, times)) / 2**20
    before = megabytes("VmRSS") - given
    columns = {"source": sources, "target": targets, "time": times}
    start = time.perf_counter()
    graph = HeteroGraph.of({"user": nodes}, {KNOWS: columns})
    seconds = time.perf_counter() - start
    peak = megabytes("VmHWM") - before
    del columns, sources, targets, times
    gc.collect()
    rest = megabytes("VmRSS") - before
    start = time.perf_counter()
    turned = graph.relation(("user", "rev_knows", "user"))
    assert turned.numbers is not None
    parts = [turned.offsets, turned.targets, turned.moments, turned.numbers]
    back = time.perf_counter() - start
    gc.collect()
    both = megabytes("VmRSS") - before
    arrays = graph.nbytes / 2**20
    return {
        "MB of arrays": arrays,
        "MB at rest": rest,
        "rest / arrays": rest / arrays,
        "MB at the peak": peak,
        "peak / (arrays + input)": peak / (arrays + given),
        "seconds to build": seconds,
        "seconds to reverse": back,
        "rest / arrays with reverse": both / (arrays + sum(one.nbytes for one in parts) / 2**20),
    }


def write(edges: int, folder: Path) -> dict[str, float]:
    """Time and memory of storing a graph."""
    nodes, sources, targets, times = draw(edges, ordered=True)
    schema = Schema((NodeType("user"),), (EdgeType(*KNOWS, timed=True),))
    relation = Relation.between(sources, targets, nodes, nodes, times)
    graph = HeteroGraph(schema, {"user": nodes}, {KNOWS: relation})
    del sources
    start, before = time.perf_counter(), megabytes("VmHWM")
    graph.save(folder)
    grown = megabytes("VmHWM") - before
    return {"seconds to store": time.perf_counter() - start, "MB more while storing": grown}


def sample(folder: Path, batches: int, by: str) -> dict[str, tuple[float, float]]:
    """Time to open a graph and of batches from it, from memory and through a map, in turns."""
    opened, own, samplers = [], [], []
    query = Query(
        Start("user"),
        tuple(Hop(n, "user", (KNOWS,), count, by) for n, count in enumerate(FANOUT)),
    )
    for mapped in (False, True):
        before = megabytes("RssAnon")
        drop_cache(folder)
        start = time.perf_counter()
        graph = HeteroGraph.load(folder, mapped=mapped)
        opened.append(time.perf_counter() - start)
        samplers.append(Sampler(graph, query))
        own.append(megabytes("RssAnon") - before)
    rng, users = np.random.default_rng(1), graph.size("user")
    chosen = [
        (rng.integers(0, users, SEEDS), np.full(SEEDS, YEAR - n * DAY)) for n in range(batches)
    ]
    took = np.zeros((2, batches, 2))
    for turn, number, at in np.ndindex(2, batches, 2):
        start = time.perf_counter()
        samplers[at].sample(*chosen[number], number)
        took[turn, number, at] = 1000 * (time.perf_counter() - start)
    medians = np.median(took[:, WARM:], axis=1)
    rows = [opened, took[0, 0], medians[0], medians[1], own]
    names = ("s to open", "ms, the first of all", "ms, then", "ms, the same again", "MB of its own")
    return {name: (float(row[0]), float(row[1])) for name, row in zip(names, rows, strict=True)}


def drop_cache(folder: Path) -> None:
    """Has the system forget what it holds of the files."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def apart(work: Callable[..., dict[str, Any]], *about: Any) -> dict[str, Any]:
    """What `work` answers in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, about)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--edges", type=int, default=10_000_000, help="built from arrays")
    parser.add_argument("--large", type=int, default=10_000_000, help="opened through a map")
    parser.add_argument("--batches", type=int, default=50)
    chosen = parser.parse_args()
    print(f"{chosen.edges:,} edges from arrays in any order")
    for name, value in apart(build, chosen.edges).items():
        print(f"  {name:30} {value:10.2f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "graph"
        stored = apart(write, chosen.large, folder)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
        print(f"{chosen.large:,} edges, {size:,.0f} MB on disk, batches of {SEEDS} at {FANOUT}")
        for said, value in stored.items():
            print(f"  {said:30} {value:10.2f}")
        for by in ("latest", "random"):
            for said, (held, mapped) in apart(sample, folder, chosen.batches, by).items():
                print(
                    f"  {by + ': ' + said:30} {held:10.2f} in memory {mapped:10.2f} mapped "
                    f"{mapped / max(held, 1e-9):8.2f} times"
                )


if __name__ == "__main__":
    main()
