"""What the graph of several domains costs, and co-engagement beside the whole product A·Aᵀ.

Synthetic data of MovieLens-1M's shape at ×1, ×2 and ×4 (so many times the users, the items and the
interactions), or MovieLens-1M itself as its publisher has it. Items are parted into two domains by
their numbers. Every row is made in a process of its own: seconds of a CPU, and MB at the peak
beyond what there was before. Co-engagement keeps the 10 strongest of a row. The whole product is
scipy's, of users by the items that they share, before anything is chosen of it; it is made at the
first size only, for it grows with the square.

    PYTHONPATH=. python benchmarks/domains.py
    PYTHONPATH=. python benchmarks/domains.py --source movielens-1m
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from data.dataset import Histories
from data.domains import Domains
from graph.build.coengagement import co_engaged, matrix_of
from graph.build.domains import domain_graph, engagement

NEAREST = 10
Timed = tuple[int, float, float]
"""Edges between users and items, seconds of a CPU, and MB at the peak beyond what there was."""


def read(source: Path | None, times: int) -> tuple[Histories, int]:
    """Training histories, and how many items there are."""
    if source is not None:
        from data.loaders.load import load_dataset
        from data.settings import DataConfig
        from data.split import leave_one_out

        dataset = load_dataset(DataConfig(name="ml-1m", source=source), source).dataset
        return leave_one_out(dataset).histories(dataset), dataset.n_items
    from benchmarks import training

    dataset, split, _ = training.synthetic(times, n_items=training.ITEMS * times)
    return split.histories(dataset), dataset.n_items


def _whole(past: Histories, n_items: int) -> object:
    matrix = matrix_of(engagement(past, n_items))
    return matrix @ matrix.T


def _graph(past: Histories, n_items: int) -> object:
    domains = Domains(("even", "odd"), np.arange(n_items) % 2)
    return domain_graph(past, n_items, domains, nearest=NEAREST)


USERS, WHOLE = "users by their items", "the same as a whole product"
ROWS: dict[str, Callable[[Histories, int], object]] = {
    "items by their users": lambda past, n: co_engaged(
        engagement(past, n).transpose(), nearest=NEAREST
    ),
    USERS: lambda past, n: co_engaged(engagement(past, n), nearest=NEAREST),
    WHOLE: _whole,
    "graph of two domains": _graph,
}


def measure(row: str, source: Path | None, times: int) -> Timed:
    """What one row costs, in this process."""
    from app.pipeline.stages.train import peak_megabytes

    past, n_items = read(source, times)
    ROWS["items by their users"](
        Histories(np.zeros(2, np.int64), past.items[:0], past.times[:0]), 1
    )
    with suppress(OSError):  # Linux: the peak begins anew
        Path("/proc/self/clear_refs").write_text("5")
    before, begun = peak_megabytes(), time.process_time()
    ROWS[row](past, n_items)
    return len(past.items), time.process_time() - begun, peak_megabytes() - before


def _child(connection: Connection, row: str, source: Path | None, times: int) -> None:
    connection.send(measure(row, source, times))


def apart(row: str, source: Path | None, times: int) -> Timed:
    """The same, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, row, source, times))
    process.start()
    theirs.close()
    found: Timed = ours.recv()
    process.join()
    return found


def main() -> None:
    """Print one table, and how co-engagement compares with the whole product."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--source", type=Path, help="folder with MovieLens-1M's files")
    asked = parser.parse_args()
    sizes = [1] if asked.source else asked.times
    found: dict[tuple[str, int], Timed] = {}
    print("| | edges | CPU s | MB |\n|---|---|---|---|")
    for row in ROWS:
        for times in sizes[:1] if row == WHOLE else sizes:
            edges, seconds, held = found[row, times] = apart(row, asked.source, times)
            print(f"| {row} | {edges:,} | {seconds:.2f} | {held:,.0f} |", flush=True)
    (_, ours, our_mb), (_, whole, whole_mb) = (found[row, sizes[0]] for row in (USERS, WHOLE))
    shares = f"{ours / whole:.2f} times the CPU seconds of the whole product"
    print(
        f"\nUsers by their items take {shares} and {our_mb / max(whole_mb, 1):.2f} of its memory."
    )


if __name__ == "__main__":
    main()
