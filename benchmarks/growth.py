"""How time and memory of every stage after the language model grow with the data.

Synthetic data of MovieLens-1M's shape at ×1, ×3 and ×10: so many times the users, the items and
the interactions, vectors from a mixture, texts with a word of their own for every code. Every stage
runs in a process of its own. Training is some steps, the median of them times the steps of an
epoch, with a softmax over 1,024 sampled items at every size. Batches grow with the data, so that an
epoch keeps its steps, each of which passes over all factors and all items; what batches of 256 cost
stands in a row of its own. Users are judged against the whole catalogue: users × items, by
definition.

    PYTHONPATH=. python benchmarks/growth.py
    PYTHONPATH=. python benchmarks/growth.py --times 1 3 --only graph "naming factors"
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks.rq_vae import write_mixture
from benchmarks.training import CODES, ITEMS, LEVELS, USERS, synthetic

WORDS, WARM, STEPS = 40, 3, 12
Timed = tuple[float, float]
"""Seconds, and MB at the peak beyond what there was before the stage."""


def _codes(n: int) -> Timed:
    from llm.vectors import Vectors
    from quantize.fit import fit_codes
    from quantize.settings import RqVaeConfig

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        write_mixture(path, n)
        vectors = Vectors(tuple(map(str, range(n))), np.load(path, mmap_mode="r"), "", "")
        return _timed(lambda: fit_codes(vectors, RqVaeConfig(), Path(folder) / "scratch", 0))


def _naming(times: int) -> Timed:
    from quantize.codes import Codes
    from quantize.describe import describe_factors

    rng, n = np.random.default_rng(0), ITEMS * times
    drawn = rng.integers(0, CODES, (n, LEVELS)).astype(np.int32)
    books = rng.normal(size=(LEVELS, CODES, 32)).astype(np.float32)
    codes = Codes(tuple(map(str, range(n))), drawn, books)
    common = rng.integers(0, 5_000, (n, WORDS))
    texts = [
        " ".join(f"word{word}" for word in row) + f" about{code}"
        for row, code in zip(common, drawn[:, 0], strict=True)
    ]
    return _timed(lambda: describe_factors(codes, texts))


def _splitting(times: int) -> Timed:
    from data.split import leave_one_out

    dataset, _, _ = synthetic(times, n_items=ITEMS * times)
    return _timed(lambda: leave_one_out(dataset).histories(dataset))


def _graph(times: int) -> Timed:
    from graph.build.latent import build_graph
    from quantize.codes import Codes

    dataset, split, drawn = synthetic(times, n_items=ITEMS * times)
    books = np.zeros((LEVELS, CODES, 32), np.float32)
    users = Codes(dataset.user_ids.external, drawn.user_codes, books)
    items = Codes(dataset.item_ids.external, drawn.item_codes, books)
    return _timed(lambda: build_graph(dataset, split, users, items))


def _training(enhancer: str, times: int, size: int) -> Timed:
    import torch

    from recommend.fit.training import Trainer
    from recommend.protocols import World
    from recommend.settings import ModelConfig, TrainConfig
    from recommend.settings.registry import recommender_of
    from recommend.sources import Sources

    torch.manual_seed(0)
    dataset, split, graph = synthetic(times, n_items=ITEMS * times)
    histories, settings = split.histories(dataset), TrainConfig(batch_size=size, loss="sampled")
    config = ModelConfig.model_validate(
        {"backbone": {"name": "sasrec"}, "enhancer": {"name": enhancer}}
    )
    rng, took = np.random.default_rng(0), list[float]()

    def work() -> None:
        world = World(dataset, histories, Sources(graph=graph, histories=histories), settings)
        recommender = recommender_of(config.backbone.name).of(config, world)
        trainer = Trainer(recommender, world, 0)
        steps, batches = recommender.batches(world, rng)
        recommender.network.train()
        for batch in batches:
            begun = time.perf_counter()
            trainer.step(batch)
            took.append(time.perf_counter() - begun)
            if len(took) == STEPS + WARM:
                break
        took.append(statistics.median(took[WARM:]) * steps)

    _, held = _timed(work)
    return took[-1], held


def _judging(times: int) -> Timed:
    import polars as pl
    import torch

    from recommend.judge.evaluate import evaluate
    from recommend.model import Model
    from recommend.protocols import World
    from recommend.settings import EvaluateConfig, ModelConfig, TrainConfig
    from recommend.settings.registry import recommender_of
    from recommend.sources import Sources

    torch.manual_seed(0)
    dataset, split, _ = synthetic(times, n_items=ITEMS * times)
    config = ModelConfig.model_validate(
        {"backbone": {"name": "sasrec"}, "enhancer": {"name": "none"}}
    )
    histories = split.histories(dataset)
    world = World(dataset, histories, Sources(histories=histories), TrainConfig())
    recommender = recommender_of(config.backbone.name).of(config, world)
    model = Model(config, recommender, dataset.user_ids, dataset.item_ids, pl.DataFrame())
    return _timed(lambda: evaluate(model, dataset, split, "test", EvaluateConfig()))


STAGES: dict[str, Callable[[int], Timed]] = {
    "splitting": _splitting,
    "codes of users": lambda times: _codes(USERS * times),
    "codes of items": lambda times: _codes(ITEMS * times),
    "naming factors": _naming,
    "graph": _graph,
    "epoch of sasrec": lambda times: _training("none", times, 256 * times),
    "epoch of sasrec+autograph": lambda times: _training("autograph", times, 256 * times),
    "the same in batches of 256": lambda times: _training("autograph", times, 256),
    "judging, users × items": _judging,
}


def _timed(work: Callable[[], object]) -> Timed:
    from app.pipeline.stages.train import peak_megabytes

    with suppress(OSError):  # Linux: the peak begins anew
        Path("/proc/self/clear_refs").write_text("5")
    before, begun = peak_megabytes(), time.perf_counter()
    work()
    return time.perf_counter() - begun, peak_megabytes() - before


def _child(connection: Connection, stage: str, times: int, threads: int) -> None:
    import torch

    from recommend.fit.memory import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()
    connection.send(STAGES[stage](times))


def _apart(stage: str, times: int, threads: int) -> Timed:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, stage, times, threads))
    process.start()
    theirs.close()
    found: Timed = ours.recv()
    process.join()
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES), metavar="STAGE")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {asked.threads} thread(s)")
    heads = [f"×{times}" for times in asked.times]
    ends = f"s, {heads[-1]} ÷ {heads[0]} | MB, {heads[-1]} ÷ {heads[0]}"
    print(f"| | {' | '.join(f'{head}: s | MB' for head in heads)} | {ends} |")
    print(f"|---|{'---|' * (2 * len(heads) + 2)}")
    for stage in asked.only:
        found = [_apart(stage, times, asked.threads) for times in asked.times]
        cells = [f"{seconds:.2f} | {held:,.0f}" for seconds, held in found]
        (first, small), (last, large) = found[0], found[-1]
        cells.append(f"{last / first:.1f} | {large / max(small, 1):.1f}")
        print(f"| {stage} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
