r"""Gowalla in the split that LightGCN published: recall and NDCG of several held-out places.

Every recommender that is named is trained on the training check-ins alone; ContextGNN's best epoch
is chosen by recall@20 on validation. Lists hold none of the check-ins of training and, on the test,
none of validation either. A killed run goes on after its last epoch when it is started again.

    PYTHONPATH=. python benchmarks/gowalla.py FOLDER contextgnn item-knn popularity
    PYTHONPATH=. python benchmarks/gowalla.py FOLDER contextgnn --epochs 5 --device cuda \
        --set meeting=gate --set neighbours=32
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from data.dataset import Histories, histories
from data.held_out import HeldOut
from data.loaders import gowalla
from data.relation import Relation
from recommend.fit.training import train
from recommend.judge.several import best_items, judge_lists
from recommend.model import Model
from recommend.protocols import Asked, World
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.settings.registry import BACKBONES, recommender_of
from recommend.sources import Sources

KS = (10, 20)


def main() -> None:
    """Train and judge what the command line names; a line of JSON for each."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    split = gowalla.held_out(args.folder)
    past = histories(split.dataset.interactions, split.dataset.n_users)
    for name in args.recommenders:
        print(json.dumps(_run(args, split, past, name)), flush=True)


def _run(args: argparse.Namespace, split: HeldOut, past: Histories, name: str) -> dict[str, Any]:
    own = dict(one.split("=", 1) for one in args.set) if BACKBONES[name].config.learns else {}
    config = ModelConfig.model_validate(
        {
            "backbone": {"name": name, **own},
            "enhancer": {"name": PLAIN},
            "width": args.width,
            "embedding_dropout": args.dropout,
        }
    )
    settings = TrainConfig(
        epochs=args.epochs,
        patience=args.patience,
        batch_size=args.batch,
        learning_rate=args.rate,
    )
    world = World(split.dataset, past, Sources(histories=past), settings)
    torch.manual_seed(args.seed)
    began = time.perf_counter()
    recommender = recommender_of(name).of(config, world)
    recommender.network.to(args.device)
    ids = split.dataset.user_ids, split.dataset.item_ids
    model = Model(config, recommender, *ids, pl.DataFrame())
    had = Relation(past.offsets, past.items, split.dataset.n_items)
    told: dict[str, Any] = {"recommender": name, **own, "seed": args.seed, "width": args.width}
    if BACKBONES[name].config.learns:
        lasting = settings.model_copy(update={"epochs": 1, "patience": 1})
        what = config.model_dump_json() + lasting.model_dump_json() + str(args.judged)
        digest = hashlib.sha256(what.encode()).hexdigest()[:12]
        scratch = args.scratch / f"{name}-{digest}-{args.seed}"
        scratch.mkdir(parents=True, exist_ok=True)
        judge = _judge_of(model, split, past, had, args.judged)
        rows = train(recommender, world, judge, args.seed, scratch, _told, "recall@20")
        told |= {"epochs": len(rows), "curve": rows}
    told["seconds"] = round(time.perf_counter() - began, 1)
    everyone = np.arange(split.dataset.n_users)
    lists = best_items(model, Asked(past, everyone), (had, split.valid), max(KS))
    told["test"] = judge_lists(lists, everyone, split.test, KS)
    told["seconds_to_judge"] = round(time.perf_counter() - began - told["seconds"], 1)
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return told


def _judge_of(
    model: Model, split: HeldOut, past: Histories, had: Relation, n: int
) -> Callable[[], dict[str, float]]:
    """What validation says of the first n users in a fixed random order."""
    users = np.sort(np.random.default_rng(0).permutation(split.dataset.n_users)[:n])

    def judge() -> dict[str, float]:
        lists = best_items(model, Asked(past, users), (had,), max(KS))
        return judge_lists(lists, users, split.valid, KS)

    return judge


def _told(done: int, most: int, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {done}/{most} {what}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="with the Parquet tables of the publication")
    parser.add_argument("recommenders", nargs="+", choices=list(BACKBONES))
    parser.add_argument("--set", action="append", default=[], help="a setting of the backbone")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--patience", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--judged", type=int, default=3000, help="users of validation an epoch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scratch", type=Path, default=Path("workspace/gowalla"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
