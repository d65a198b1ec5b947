"""Fitting a recommender: every position of every history, early stopping, resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from data.dataset import Dataset
from data.errors import ConfigError, DataError
from data.split import Split
from recommend.fit.checkpoint import Checkpoint
from recommend.fit.memory import keep_freed_memory
from recommend.judge.evaluate import evaluate
from recommend.model import Model
from recommend.protocols import Learns, World
from recommend.settings import EvaluateConfig, ModelConfig, TrainConfig
from recommend.settings.registry import ENHANCERS, recommender_of
from recommend.sources import Sources

Progress = Callable[[int, int, str], None]
WATCHED = "ndcg@10"
"""The validation metric that training is stopped by."""
VALIDATION = EvaluateConfig()
"""How it is measured, whatever the test is like: every item is ranked but those had before, where
nobody has anything twice up to validation. Another way to read the test trains nothing anew."""
LARGEST_GRADIENT = 5.0


def fit_model(
    dataset: Dataset,
    split: Split,
    sources: Sources,
    config: ModelConfig,
    settings: TrainConfig,
    *,
    seed: int,
    scratch: Path,
    on_progress: Progress | None = None,
    device: str = "cpu",
    upon: Model | None = None,
) -> Model:
    """The model of the epoch with the best validation NDCG@10.

    After each epoch the state is written to `scratch`; a killed run goes on from there and, on a
    CPU, ends with the same weights (a GPU adds up in an order of its own).

    Args:
        dataset: Users, items and interactions.
        split: Decides what is seen.
        sources: What the enhancer learns from.
        config: What the recommender is.
        settings: How it is fitted.
        seed: Draws weights, chunks, batches and negatives.
        scratch: Folder for checkpoints.
        on_progress: Told (epochs done, epochs at most, what).
        device: A torch device.
        upon: The recommender that the enhancer stands around, where it does and is trained already.

    Raises:
        ConfigError: the enhancer does not fit what it is given, or the loss is lost.
        DataError: no user has two training interactions.
    """
    keep_freed_memory()
    torch.manual_seed(seed)
    histories = split.histories(dataset)
    if not (histories.lengths > 1).any():
        raise DataError(
            "No user has two training interactions, so there is nothing to learn an order from. "
            "Raise data.min_history to 4 or more, or use more data."
        )
    sources, wanted = replace(sources, histories=histories), split.targets(dataset, "valid")
    world, started = World(dataset, histories, sources, settings, wanted), time.perf_counter()
    ids, beneath = (dataset.user_ids, dataset.item_ids), config.upon
    if beneath is None:
        upon, recommender = None, recommender_of(config.backbone.name).of(config, world)
    else:
        upon = upon or fit_model(
            dataset,
            split,
            sources,
            beneath,
            settings,
            seed=seed,
            scratch=scratch,
            on_progress=on_progress,
            device=device,
        )
        started = time.perf_counter()
        around = ENHANCERS[config.enhancer.name].load()
        recommender = around.fit(upon.recommender, config.enhancer, world)
    recommender.network.to(device)
    model = Model(config, recommender, *ids, pl.DataFrame(), upon=upon)

    judged = model if upon is None else replace(model, recommender=recommender.held_out)

    def judge() -> dict[str, float]:
        return evaluate(judged, dataset, split, "valid", VALIDATION).summary

    if upon is None and isinstance(recommender, Learns):
        rows = train(recommender, world, judge, seed, scratch, on_progress)
    else:
        took = time.perf_counter() - started
        rows = [{"epoch": 0, "loss": math.nan, "seconds": took, **judge()}]
    recommender.network.eval()
    curve = pl.DataFrame(rows)
    if upon is not None:
        last = curve.with_columns(pl.lit(upon.curve.height).alias("epoch"))
        curve = pl.concat([upon.curve, last], how="diagonal_relaxed")
    return replace(model, curve=curve, about=_about(model, curve, seed, settings))


def train(
    recommender: Learns[Any],
    world: World,
    judge: Callable[[], dict[str, float]],
    seed: int,
    scratch: Path,
    on_progress: Progress | None,
    watched: str = WATCHED,
) -> list[dict[str, float]]:
    """A row an epoch; the recommender ends with the weights of the best.

    Args:
        recommender: That is trained.
        world: On what.
        judge: Asked for figures after every epoch.
        seed: Draws what is drawn.
        scratch: Folder for the state after every epoch, from which a killed run goes on.
        on_progress: Told (epochs done, epochs at most, what).
        watched: The figure whose best epoch is kept.
    """
    settings, network = world.settings, recommender.network
    trainer = Trainer(recommender, world, seed)
    state = Checkpoint.resume(scratch, network, trainer.optimizer)
    while not state.is_over(settings):
        if on_progress is not None:
            on_progress(state.epoch, settings.epochs, state.describe(watched))
        row = trainer.epoch(state.epoch)
        state.record({**row, **judge()}, watched, network)
        state.write(scratch, network, trainer.optimizer)
    network.load_state_dict(state.best)
    return state.rows


class Trainer:
    """The optimiser, its schedule, and the steps of an epoch."""

    def __init__(self, recommender: Learns[Any], world: World, seed: int) -> None:
        self.recommender, self.world, self.settings, self.seed = (
            recommender,
            world,
            world.settings,
            seed,
        )
        self.optimizer = torch.optim.AdamW(
            recommender.network.parameters(),
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
            fused=True,
        )

    def epoch(self, number: int) -> dict[str, float]:
        """One pass over all positions; its loss, positions and seconds."""
        started = time.perf_counter()
        torch.manual_seed(hash((self.seed, number)) % 2**31)
        rng = np.random.default_rng([self.seed, number])
        steps, batches = self.recommender.batches(self.world, rng)
        self.recommender.network.train()
        total, seen = 0.0, 0
        for step, batch in enumerate(batches):
            self._set_rate(number + step / steps)
            loss, positions = self.step(batch)
            if not math.isfinite(loss):
                raise ConfigError(
                    f"The loss of epoch {number} is no number any more ({loss}). Lower "
                    f"train.learning_rate, which is {self.settings.learning_rate:g}."
                )
            total, seen = total + loss * positions, seen + positions
        seconds = time.perf_counter() - started
        return {"epoch": number, "loss": total / max(seen, 1), "seconds": seconds}

    def step(self, batch: Any) -> tuple[float, int]:
        """One step of the optimiser: the mean loss, and over how many positions."""
        loss, positions = self.recommender.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = self.recommender.network.parameters()
        torch.nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        self.optimizer.step()
        return float(loss.detach()), positions

    def _set_rate(self, epochs_done: float) -> None:
        """Linear warm-up over the first epoch, then a linear fall to the final share."""
        fallen = (1 - self.settings.final_share) * epochs_done / self.settings.epochs
        share = min(epochs_done + 0.05, 1 - fallen)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * share


def _about(
    model: Model, curve: pl.DataFrame, seed: int, settings: TrainConfig
) -> dict[str, float | int | str]:
    best = int(curve[WATCHED].arg_max() or 0) if model.upon is None else curve.height - 1
    return {
        "seed": seed,
        "parameters": sum(p.numel() for p in model.recommender.network.parameters()),
        "epochs": curve.height if model.upon is None else curve.height - 1,
        "best_epoch": best,  # of what stands around another, the one that fits it
        "seconds_an_epoch": float(curve["seconds"].median() or 0.0),  # type: ignore[arg-type]
        "seconds": float(curve["seconds"].sum()),
        "loss": settings.loss,
    }
