"""What the graph costs: seconds an epoch and peak memory of every recommender, with and without.

Synthetic data of MovieLens-1M's shape: histories of the same lengths, items of the same skew. Each
recommender is trained for some steps in a process of its own, and an epoch is the median step times
the steps that it has.

    python benchmarks/training.py                    # 1 and 10 times the users
    python benchmarks/training.py --times 1 --steps 40 sasrec gru4rec
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import polars as pl

from data.dataset import Dataset
from data.ids import IdMap
from data.split import Split, leave_one_out
from graph import LatentGraph
from graph.build.latent import build_graph
from quantize.codes import Codes

USERS, ITEMS, LONGEST, CODES, LEVELS = 6_034, 3_533, 1_400, 256, 3
WARM = 3


def synthetic(
    times: int, seed: int = 0, n_items: int | None = None
) -> tuple[Dataset, Split, LatentGraph]:
    """Data, split and a graph of random codes, with `times` the users of MovieLens-1M."""
    rng = np.random.default_rng(seed)
    n, n_items = USERS * times, n_items or ITEMS
    lengths = np.clip(rng.lognormal(4.0, 1.05, n), 5, LONGEST).astype(int)
    rows = int(lengths.sum())
    frequency = 1 / (np.arange(n_items) + 30.0)
    items = rng.choice(n_items, rows, p=frequency / frequency.sum())
    user = np.repeat(np.arange(n), lengths)
    users = [{"user_id": f"u{i}", "group": f"{i % 20}"} for i in range(n)]
    films = [{"item_id": f"i{i}", "kind": f"{i % 18}"} for i in range(n_items)]
    interactions = pl.DataFrame(
        {"user": user, "item": items, "time": np.arange(rows), "weight": np.ones(rows)},
        schema_overrides={"user": pl.Int32, "item": pl.Int32, "weight": pl.Float32},
    )
    dataset = Dataset("synthetic", pl.DataFrame(users), pl.DataFrame(films), interactions)
    split = leave_one_out(dataset)

    def codes(ids: IdMap) -> Codes:
        drawn = rng.integers(0, CODES, (len(ids), LEVELS)).astype(np.int32)
        return Codes(ids.external, drawn, rng.normal(size=(LEVELS, CODES, 32)).astype(np.float32))

    return (
        dataset,
        split,
        build_graph(dataset, split, codes(dataset.user_ids), codes(dataset.item_ids)),
    )


def measure(backbone: str, enhancer: str, times: int, steps: int, threads: int) -> dict[str, float]:
    """Seconds an epoch, peak MB after training and scoring, MB before the first step."""
    import torch

    from app.pipeline.stages.train import peak_megabytes
    from recommend.fit.memory import keep_freed_memory
    from recommend.fit.training import Trainer
    from recommend.protocols import Asked, World
    from recommend.settings import ModelConfig, TrainConfig
    from recommend.settings.registry import recommender_of
    from recommend.sources import Sources

    torch.set_num_threads(threads)
    keep_freed_memory()
    dataset, split, graph = synthetic(times)
    config = ModelConfig.model_validate(
        {"backbone": {"name": backbone}, "enhancer": {"name": enhancer}}
    )
    settings = TrainConfig(batch_size=256)
    torch.manual_seed(0)
    histories = split.histories(dataset)
    world = World(dataset, histories, Sources(graph=graph, histories=histories), settings)
    recommender = recommender_of(backbone).of(config, world)
    trainer = Trainer(recommender, world, 0)
    before = peak_megabytes()
    took: list[float] = []
    an_epoch, batches = recommender.batches(world, np.random.default_rng(0))
    recommender.network.train()
    clock = time.perf_counter()
    for batch in batches:
        trainer.step(batch)
        took.append(time.perf_counter() - clock)
        clock = time.perf_counter()
        if len(took) == steps + WARM:
            break
    recommender.network.eval()
    with torch.inference_mode():
        for _ in recommender.scores(Asked(histories, np.arange(min(2_000, dataset.n_users)))):
            pass
    return {
        "epoch": statistics.median(took[WARM:]) * an_epoch,
        "peak": peak_megabytes(),
        "before": before,
    }


def _child(connection: Connection, *arguments: Any) -> None:
    connection.send(measure(*arguments))


def apart(*arguments: Any) -> dict[str, float]:
    """`measure` in a fresh process, so that its peak is its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, *arguments))
    process.start()
    theirs.close()
    result: dict[str, float] = ours.recv()
    process.join()
    return result


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("backbones", nargs="*", default=["youtubednn", "mind", "gru4rec", "sasrec"])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {asked.threads} thread(s), {asked.steps} steps each")
    print("users   backbone     epoch none  autograph  ratio   peak none  autograph  (data alone)")
    for times in asked.times:
        for backbone in asked.backbones:
            none, graph = (
                apart(backbone, enhancer, times, asked.steps, asked.threads)
                for enhancer in ("none", "autograph")
            )
            print(
                f"{USERS * times:<7,} {backbone:<11} {none['epoch']:8.1f} s {graph['epoch']:8.1f} s"
                f"  {graph['epoch'] / none['epoch']:5.2f}"
                f"  {none['peak']:7.0f} MB {graph['peak']:7.0f} MB  {graph['before']:7.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
