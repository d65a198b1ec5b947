r"""RelBench's way of asking: at a moment T, all items that users have within Δ after it.

The last Δ days are the test and the Δ before them validation. Whoever recommends is asked at the
beginning of a part and sees all interactions up to then and none after: training up to the moment
of validation, and on the test those of validation, too, with the weights that validation chose.
ContextGNN is trained on windows of Δ up to the moment of validation, as RelBench's training tables
are, and its best epoch is chosen by MAP. Users who had nothing before T are left out and counted;
items that a user has had are in no list.

    PYTHONPATH=. python benchmarks/relbench_way.py FOLDER contextgnn item-knn popularity --days 84

FOLDER holds MovieLens-1M as its publisher packs it.

Source: Robinson et al., RelBench, NeurIPS 2024 (tasks of recommendation); MAP@k as in
`recommend.judge.several.average_precision`.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from data.columns import ITEM, TIME, USER
from data.dataset import Dataset, Histories, histories
from data.loaders.load import load_dataset
from data.relation import Relation
from data.settings import DataConfig
from recommend.context.recommender import ContextGnn
from recommend.context.surroundings import DAY, Past
from recommend.fit.training import train
from recommend.judge.several import average_precision, best_items, hits, judge_lists
from recommend.model import Model
from recommend.protocols import Asked, World
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.settings.registry import BACKBONES, recommender_of
from recommend.sources import Sources

KS = (10, 20)
WATCHED = "map@10"


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked at a moment.

    Attributes:
        moment: Seconds at which everybody stands; what came then is still seen.
        before: Histories up to it.
        true: From all users to the distinct items they had within Δ after it.
        strangers: Users with such items who had nothing before; they are not in `true`.
    """

    moment: int
    before: Histories
    true: Relation
    strangers: int

    @property
    def users(self) -> np.ndarray:
        """(b,) who is asked about."""
        return np.flatnonzero(self.true.degrees)


def part(dataset: Dataset, moment: int, days: float) -> Part:
    """What users had within so many days after a moment, (T, T + Δ], and what they had before."""
    table = dataset.interactions
    past = histories(table.filter(pl.col(TIME) <= moment), dataset.n_users)
    end = moment + round(days * DAY)
    after = table.filter((pl.col(TIME) > moment) & (pl.col(TIME) <= end)).unique([USER, ITEM])
    users, items = after[USER].to_numpy(), after[ITEM].to_numpy()
    known = past.lengths[users] > 0
    true = Relation.between(users[known], items[known], dataset.n_users, dataset.n_items)
    return Part(moment, past, true, len(np.unique(users[~known])))


def parts(dataset: Dataset, days: float) -> tuple[Part, Part]:
    """Validation and test, which ends with the last interaction."""
    last = int(dataset.interactions[TIME].max())  # type: ignore[arg-type]
    width = round(days * DAY)
    return part(dataset, last - 2 * width, days), part(dataset, last - width, days)


def main() -> None:
    """Train and judge what the command line names; a line of JSON for each."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    dataset = load_dataset(DataConfig(name=args.data, source=args.folder), args.folder).dataset
    valid, test = parts(dataset, args.days)
    for name in args.recommenders:
        print(json.dumps(_run(args, dataset, valid, test, name)), flush=True)


def _run(
    args: argparse.Namespace, dataset: Dataset, valid: Part, test: Part, name: str
) -> dict[str, Any]:
    learns = BACKBONES[name].config.learns
    own = {"window_days": args.days, "time": "clock"} if learns else {}
    own |= dict(one.split("=", 1) for one in args.set) if learns else {}
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
    began = time.perf_counter()
    model, rows = _fitted(args, dataset, valid, config, settings)
    told: dict[str, Any] = {"recommender": name, **own, "seed": args.seed, "days": args.days}
    told |= {"epochs": len(rows), "curve": rows} if rows else {}
    told["seconds"] = round(time.perf_counter() - began, 1)
    for called, one in (("valid", valid), ("test", test)):
        told[called] = _judged(_standing_at(model, dataset, one, settings), one)
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return told


def _fitted(
    args: argparse.Namespace,
    dataset: Dataset,
    valid: Part,
    config: ModelConfig,
    settings: TrainConfig,
) -> tuple[Model, list[dict[str, float]]]:
    """The recommender of the best epoch on validation, and its curve."""
    model = _fresh(dataset, valid.before, config, settings)
    if not config.backbone.learns:
        return model, []
    world = World(dataset, valid.before, Sources(histories=valid.before), settings)

    def judge() -> dict[str, float]:
        lists = _lists(model, valid)
        return judge_lists(lists, valid.users, valid.true, KS)

    with tempfile.TemporaryDirectory() as scratch:
        rows = train(model.recommender, world, judge, args.seed, Path(scratch), _told, WATCHED)  # type: ignore[arg-type]
    return model, rows


def _fresh(
    dataset: Dataset, before: Histories, config: ModelConfig, settings: TrainConfig
) -> Model:
    world = World(dataset, before, Sources(histories=before), settings)
    recommender = recommender_of(config.backbone.name).of(config, world)
    return Model(config, recommender, dataset.user_ids, dataset.item_ids, pl.DataFrame())


def _standing_at(model: Model, dataset: Dataset, one: Part, settings: TrainConfig) -> Model:
    """The recommender with all interactions up to a moment before it; its weights stay."""
    recommender = model.recommender
    if isinstance(recommender, ContextGnn):
        past = Past.of(one.before, dataset.n_items, None)
        return replace(model, recommender=replace(recommender, past=past))
    return _fresh(dataset, one.before, model.config, settings)


def _lists(model: Model, one: Part) -> np.ndarray:
    had = Relation(one.before.offsets, one.before.items, one.true.n_targets)
    asked = Asked(one.before, one.users, moment=one.moment + 1)
    return best_items(model, asked, (had,), max(KS))


def _judged(model: Model, one: Part) -> dict[str, float]:
    """Metrics of every k, and the standard error of the one that is watched."""
    lists, users = _lists(model, one), one.users
    k = int(WATCHED.split("@")[1])
    each = average_precision(hits(lists, users, one.true), one.true.degrees[users], k)
    error = float(each.std(ddof=1) / len(each) ** 0.5) if len(each) > 1 else 0.0
    counts = {"users": len(users), "labels": len(one.true.targets), "strangers": one.strangers}
    return {**judge_lists(lists, users, one.true, KS), f"{WATCHED}_error": error, **counts}


def _told(done: int, most: int, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {done}/{most} {what}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="with the publisher's files")
    parser.add_argument(
        "recommenders", nargs="+", choices=["contextgnn", "popularity", "item-knn", "ease"]
    )
    parser.add_argument("--data", default="ml-1m", help="name in the catalogue")
    parser.add_argument("--days", type=float, default=84.0, help="Δ")
    parser.add_argument("--set", action="append", default=[], help="a setting of the backbone")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--patience", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
