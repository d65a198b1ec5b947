"""What tokens cost: steps of training with each fusion beside those of the plain recommender.

Synthetic data of MovieLens-1M's shape. Recommenders take their steps in turns, in one process with
one thread, whose own seconds are counted, so that a busy machine slows all of them alike. An epoch
has as many steps for each, so the ratio of median steps is that of epochs.

    PYTHONPATH=. python benchmarks/tokens.py
    PYTHONPATH=. python benchmarks/tokens.py mind youtubednn --steps 40 --trainable
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import torch

from benchmarks.training import synthetic
from recommend.fit.memory import keep_freed_memory
from recommend.fit.training import Trainer
from recommend.protocols import World
from recommend.settings import ModelConfig, TrainConfig
from recommend.settings.registry import recommender_of
from recommend.sources import Sources

BATCH, CHANNELS, WARM = 256, 64, 3
WAYS = ("plain", "concat", "prepend", "cross")


def steps_of(config: ModelConfig, world: World) -> Iterator[float]:
    """Seconds of each step of training, one after another, for an epoch."""
    torch.manual_seed(0)
    recommender = recommender_of(config.backbone.name).of(config, world)
    trainer = Trainer(recommender, world, 0)
    _, batches = recommender.batches(world, np.random.default_rng(0))
    recommender.network.train()
    while True:
        started = time.process_time()
        batch = next(batches, None)
        if batch is None:
            return
        trainer.step(batch)
        yield time.process_time() - started


def config_of(backbone: str, way: str, trainable: bool) -> ModelConfig:
    """A recommender without tokens, or with those of users and items."""
    enhancer: dict[str, Any] = {"name": "none"}
    if way != "plain":
        enhancer = {"name": "tokens", "fusion": way, "trainable": trainable}
        enhancer["sides"] = ["user", "item"]
    return ModelConfig.model_validate({"backbone": {"name": backbone}, "enhancer": enhancer})


def main() -> None:
    """Print a table of each backbone with each way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("backbones", nargs="*", default=["sasrec", "gru4rec"])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--trainable", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset, split, _ = synthetic(1)
    histories, rng = split.histories(dataset), np.random.default_rng(0)
    users, items = (
        rng.normal(size=(n, CHANNELS)).astype(np.float32)
        for n in (dataset.n_users, dataset.n_items)
    )
    sources = Sources(histories=histories, user_embeddings=users, item_embeddings=items)
    world = World(dataset, histories, sources, TrainConfig(batch_size=BATCH))
    print(f"{datetime.now(UTC):%Y-%m-%d}, 1 thread, {asked.steps} steps each")
    print("backbone    tokens    step      of plain")
    for backbone in asked.backbones:
        configs = {way: config_of(backbone, way, asked.trainable) for way in WAYS}
        turns = zip(*(steps_of(config, world) for config in configs.values()), strict=True)
        took = list(islice(turns, WARM, WARM + asked.steps))
        middle = [statistics.median(each) for each in zip(*took, strict=True)]
        for way, seconds in zip(configs, middle, strict=True):
            print(f"{backbone:<11} {way:<9} {seconds:7.4f} s {seconds / middle[0]:8.3f}")


if __name__ == "__main__":
    main()
