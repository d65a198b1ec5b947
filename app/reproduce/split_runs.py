"""Training and judging the rows of a published split, one after another."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from app.pipeline.runner import Listener, Showing, in_silence
from app.reproduce.splits import JUDGED, KS, LIMIT, RESULT, WATCHED, K, SplitRun, SplitTable
from data import atomic, rights
from data.artifacts import sole_writer
from data.dataset import Histories, histories
from data.held_out import HeldOut
from data.loaders import gowalla
from data.relation import Relation
from recommend.settings import BACKBONES, ModelConfig

CUBES_A_MINUTE = 6.6e12
"""Items, times themselves twice, that EASE is solved for in a minute of a core: 1.9 s for 6,000."""
NORMAL = 1.96
"""Standard errors that hold 95 % of a normal distribution."""


def run_split(of: SplitTable, device: str = "cpu", showing: Showing = in_silence) -> dict[str, str]:
    """Trains and judges what is missing; by row, why it was left out.

    Raises:
        AutoGraphError: with what is wrong and how to mend it; what is finished stays.
    """
    waiting = [run for run in of.runs() if not run.is_over()]
    if not waiting:
        return {}
    rights.require(f"train {of.base.name}")
    split = gowalla.held_out(of.folder)
    left_out: dict[str, str] = {}
    with showing() as listener:
        listener.plan_steps([str(run) for run in waiting])
        for run in waiting:
            why = too_large(run, split.dataset.n_items)
            if why:
                left_out[run.row.key] = why
                continue
            started = time.perf_counter()
            with sole_writer(run.place, _waiting(listener, run)):
                found = run.result() if run.is_over() else _run(run, split, device, listener)
            assert found is not None
            told = {WATCHED: found["test"][WATCHED], f"ndcg@{K}": found["test"][f"ndcg@{K}"]}
            listener.finish_step(str(run), time.perf_counter() - started, told)
    return left_out


def _waiting(listener: Listener, run: SplitRun) -> Callable[[], None]:
    return lambda: listener.progress(str(run), 0, 0, "another run trains it: waiting for it")


def too_large(run: SplitRun, n_items: int) -> str:
    """Why a row is not run unless it is asked for by name; "" where it is."""
    from recommend.simple.behaviour import MOST, memory_gb

    most = getattr(run.settings[0].backbone, LIMIT, n_items)
    if n_items <= most or run.row.key in run.table.named:
        return ""
    title = BACKBONES[run.row.backbone].config.title
    if n_items > MOST:
        return f"{title} is not solved for {n_items:,} items, but for {MOST:,} at most."
    return (
        f"{title} turns over a dense matrix of {n_items:,} × {n_items:,} items, which takes about "
        f"{memory_gb(n_items):.1f} GB of memory and {n_items**3 / CUBES_A_MINUTE:.0f} minutes of a "
        "core. "
        f"Run it with --only {run.row.key} where there are."
    )


def _run(run: SplitRun, split: HeldOut, device: str, listener: Listener) -> dict[str, Any]:
    """Trains from where it stands, judges its best epoch on the test, and writes that down."""
    import torch

    from recommend.fit.memory import keep_freed_memory
    from recommend.fit.training import train
    from recommend.judge.several import best_items
    from recommend.model import Model
    from recommend.protocols import Asked, World
    from recommend.settings.registry import recommender_of
    from recommend.sources import Sources

    def told(done: int, most: int, what: str) -> None:
        listener.progress(str(run), done, most, what)

    keep_freed_memory()
    config, settings = run.settings
    config = _as_large(config, split.dataset.n_items)
    dataset = split.dataset
    past = histories(dataset.interactions, dataset.n_users)
    world = World(dataset, past, Sources(histories=past), settings)
    told(0, 0, "made ready")
    torch.manual_seed(run.seed)
    began = time.perf_counter()
    recommender = recommender_of(run.row.backbone).of(config, world)
    recommender.network.to(device)
    model = Model(config, recommender, dataset.user_ids, dataset.item_ids, pl.DataFrame())
    had = Relation(past.offsets, past.items, dataset.n_items)
    rows: list[dict[str, float]] = []
    if BACKBONES[run.row.backbone].config.learns:
        judge = _judge_of(model, split, past, had)
        rows = train(recommender, world, judge, run.seed, run.place, told, WATCHED)
    seconds = sum(row["seconds"] for row in rows) if rows else time.perf_counter() - began
    told(len(rows), settings.epochs, "judged on the test") if rows else told(0, 0, "judged")
    began = time.perf_counter()
    everyone = np.arange(dataset.n_users)
    lists = best_items(model, Asked(past, everyone), (had, split.valid), max(KS))
    test, half = _judged(lists, everyone, split.test)
    result = {
        "row": run.row.key,
        "seed": run.seed,
        "epochs": len(rows),
        "best_epoch": int(np.argmax([row[WATCHED] for row in rows])) if rows else None,
        "test": test,
        "half_width": half,
        "users": int((split.test.degrees > 0).sum()),
        "seconds": seconds,
        "seconds_to_judge": time.perf_counter() - began,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "parameters": sum(p.numel() for p in recommender.network.parameters()),
        "device": device,
        "model": config.model_dump(mode="json"),
        "train": settings.model_dump(mode="json"),
    }
    atomic.write_json(run.place / RESULT, result)
    return result


def _as_large(config: ModelConfig, n_items: int) -> ModelConfig:
    """Settings under which a recommender that was asked for by name takes so many items."""
    if getattr(config.backbone, LIMIT, n_items) >= n_items:
        return config
    return config.model_copy(
        update={"backbone": config.backbone.model_copy(update={LIMIT: n_items})}
    )


def _judge_of(
    model: Any, split: HeldOut, past: Histories, had: Relation
) -> Callable[[], dict[str, float]]:
    """What validation says of the first users in a fixed random order."""
    from recommend.judge.several import best_items, judge_lists
    from recommend.protocols import Asked

    users = np.sort(np.random.default_rng(0).permutation(split.dataset.n_users)[:JUDGED])

    def judge() -> dict[str, float]:
        lists = best_items(model, Asked(past, users), (had,), max(KS))
        return judge_lists(lists, users, split.valid, KS)

    return judge


def _judged(
    lists: np.ndarray, users: np.ndarray, true: Relation
) -> tuple[dict[str, float], dict[str, float]]:
    """Means of all measures, and half the width of 95 % intervals of those reported, over users."""
    from recommend.judge.several import hits, judge_lists, ndcg, recall

    n_true = true.degrees[users]
    some = n_true > 0
    hit, n_true = hits(lists[some], users[some], true), n_true[some]
    each = {WATCHED: recall(hit, n_true, K), f"ndcg@{K}": ndcg(hit, n_true, K)}
    half = {
        name: NORMAL * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
        for name, values in each.items()
    }
    return judge_lists(lists, users, true, KS), half
