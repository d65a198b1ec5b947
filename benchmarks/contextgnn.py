"""What a step of ContextGNN costs: by its parts, beside its products of matrices, and drawing.

On made-up interactions, some items far more popular than others. For pairs alone, towers alone and
both: seconds of a thousand steps (as in ContextGNN, table 5), the time of the same products of
matrices alone (forward and the two of the way back), and the share of a step that waits for a
sample.

    PYTHONPATH=. python benchmarks/contextgnn.py
    PYTHONPATH=. python benchmarks/contextgnn.py --users 6040 --items 3706 --interactions 575000
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import polars as pl
import torch

from data.dataset import INTERACTION_SCHEMA, Dataset, histories
from recommend.context.network import Near
from recommend.context.recommender import ContextGnn, Step
from recommend.fit.training import Trainer
from recommend.graphs.layers import Hetero
from recommend.protocols import World
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.settings.contextgnn import ContextGnnConfig
from recommend.sources import Sources


def main() -> None:
    """A line of JSON for each of the parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name, n in (("users", 6040), ("items", 3706), ("interactions", 300_000)):
        parser.add_argument(f"--{name}", type=int, default=n)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--neighbours", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    dataset = _shop(args.users, args.items, args.interactions)
    for parts in ("pair", "tower", "both"):
        print(json.dumps({"parts": parts, **_cost(args, dataset, parts)}), flush=True)


def _shop(n_users: int, n_items: int, n: int) -> Dataset:
    rng = np.random.default_rng(0)
    users = np.concatenate([np.arange(n_users).repeat(3), rng.integers(n_users, size=n)])
    rows = {
        "user": users,
        "item": (n_items * rng.random(len(users)) ** 3).astype(np.int32),
        "time": rng.integers(100_000_000, size=len(users)),
        "weight": np.ones(len(users)),
    }
    table = pl.DataFrame(rows).select(
        pl.col(name).cast(dtype) for name, dtype in INTERACTION_SCHEMA.items()
    )
    numbers = [[str(k) for k in range(size)] for size in (n_users, n_items)]
    return Dataset(
        "made up",
        pl.DataFrame({"user_id": numbers[0]}),
        pl.DataFrame({"item_id": numbers[1]}),
        table.sort("user", "time"),
    )


def _cost(args: argparse.Namespace, dataset: Dataset, parts: str) -> dict[str, float]:
    past = histories(dataset.interactions, dataset.n_users)
    own = ContextGnnConfig(parts=parts, neighbours=args.neighbours)
    config = ModelConfig.model_validate(
        {"backbone": own, "enhancer": {"name": PLAIN}, "width": args.width, "embedding_dropout": 0}
    )
    world = World(dataset, past, Sources(histories=past), TrainConfig(loss="full"))
    torch.manual_seed(0)
    made: Any = ContextGnn.of(config, world)
    trainer = Trainer(made, world, 0)
    _, steps = made.batches(world, np.random.default_rng(0))
    trainer.step(next(steps))
    waited = took = floor = 0.0
    for _ in range(args.steps):
        began = time.perf_counter()
        step: Step = next(steps)
        drawn = time.perf_counter()
        trainer.step(step)
        done = time.perf_counter()
        waited, took = waited + drawn - began, took + done - drawn
        floor += _floor(made, step.near)
    n = args.steps
    return {
        "s_per_1000": round((waited + took) / n * 1000, 1),
        "products_s_per_1000": round(floor / n * 1000, 1),
        "times_products": round((waited + took) / floor, 2),
        "share_waiting": round(waited / (waited + took), 3),
    }


def _floor(made: ContextGnn, near: Near) -> float:
    """Seconds of the products of matrices of a step: of layers, and of towers with all items."""
    network, d = made.network, made.config.width
    shapes = []
    for layer in network.layers.layers:
        assert isinstance(layer, Hetero)
        for key in layer.keys:
            shapes += 2 * [(len(near.numbers[key[2]]), d, d)]
    if network.tower is not None:
        shapes += [(len(near.seeds), d, d), (len(near.seeds), d, made.past.n_items)]
    seconds = 0.0
    for n, given, out in shapes:
        x, w, g = torch.randn(n, given), torch.randn(given, out), torch.randn(n, out)
        began = time.perf_counter()
        torch.mm(x, w)
        torch.mm(g, w.T)
        torch.mm(x.T, g)
        seconds += time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    main()
