"""Fitting a recommender: every position of every history, early stopping, resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import torch

from data.dataset import Dataset, Histories
from data.errors import ConfigError, DataError
from data.split import Split
from recommend.fit.checkpoint import Checkpoint
from recommend.fit.losses import full_softmax, sampled_softmax
from recommend.fit.memory import keep_freed_memory
from recommend.judge.evaluate import evaluate
from recommend.model import Model
from recommend.sequence.chunks import Batch, batches, training_chunks
from recommend.sequence.inputs import gather_inputs
from recommend.sequence.network import Network
from recommend.settings import EvaluateConfig, ModelConfig, TrainConfig
from recommend.sources import Sources

Progress = Callable[[int, int, str], None]
WATCHED = "ndcg@10"
"""The validation metric that training is stopped by."""
VALIDATION = EvaluateConfig(candidates="all", exclude_seen=False)
"""How it is measured, whatever the test is like: every item is ranked, those had before, too. It
only compares epochs and settings with each other, and another way to read the test trains nothing
anew."""
UNIFORM = 0.5
"""Share of the negatives that are drawn evenly, the others by how often an item is had.

By frequency alone a rare item is drawn seldom and counts for many when it is. Validation NDCG@10 of
SASRec on MovieLens-1M with 512 negatives: 0.079 after 10 epochs by frequency, 0.091 after 8 by its
root, 0.093 after 8 with a half drawn evenly; 0.104 after 8 with all 3,533 items."""
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
    inputs = gather_inputs(dataset, replace(sources, histories=histories), config)
    network = Network(config, inputs).to(device)
    model = Model(config, inputs, network, dataset.user_ids, dataset.item_ids, pl.DataFrame())
    trainer = Trainer(model, histories, settings, seed)
    state = Checkpoint.resume(scratch, network, trainer.optimizer)
    while not state.ended(settings):
        if on_progress is not None:
            on_progress(state.epoch, settings.epochs, state.told(WATCHED))
        row = trainer.epoch(state.epoch)
        judged = evaluate(model, dataset, split, "valid", VALIDATION)
        state.record({**row, **judged.summary}, WATCHED, network)
        state.write(scratch, network, trainer.optimizer)
    network.load_state_dict(state.best)
    network.eval()
    curve = pl.DataFrame(state.rows)
    about = _about(model, curve, seed, settings)
    return Model(config, inputs, network, model.user_ids, model.item_ids, curve, about)


class Trainer:
    """The optimiser, its schedule, and the steps of an epoch."""

    def __init__(
        self, model: Model, histories: Histories, settings: TrainConfig, seed: int
    ) -> None:
        self.model, self.histories, self.settings, self.seed = model, histories, settings, seed
        self.optimizer = torch.optim.AdamW(
            model.network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        counts = np.bincount(histories.items, minlength=model.inputs.n_items) + 1.0
        drawn = UNIFORM / len(counts) + (1 - UNIFORM) * counts / counts.sum()
        self.drawn = torch.from_numpy(drawn).float().to(model.device)
        self.full = settings.is_full(model.inputs.n_items)

    def epoch(self, number: int) -> dict[str, float]:
        """One pass over all positions; its loss, positions and seconds."""
        started = time.perf_counter()
        torch.manual_seed(hash((self.seed, number)) % 2**31)
        rng = np.random.default_rng([self.seed, number])
        layout = self.model.training_layout
        chunks = training_chunks(self.histories.lengths, layout.width, rng)
        chunks = chunks[rng.permutation(len(chunks))]
        self.model.network.train()
        total, seen = 0.0, 0
        size = self.settings.batch_size
        steps = -(-len(chunks) // size)
        known = self.histories.lengths
        for step, batch in enumerate(batches(self.histories, chunks, layout, known, size)):
            self._set_rate(number + step / steps)
            loss, positions = self.step(batch.to(self.model.device))
            if not math.isfinite(loss):
                raise ConfigError(
                    f"The loss of epoch {number} is no number any more ({loss}). Lower "
                    f"train.learning_rate, which is {self.settings.learning_rate:g}."
                )
            total, seen = total + loss * positions, seen + positions
        seconds = time.perf_counter() - started
        return {"epoch": number, "loss": total / max(seen, 1), "seconds": seconds}

    def step(self, batch: Batch) -> tuple[float, int]:
        """One step of the optimiser: the mean loss, and over how many positions."""
        network = self.model.network
        shared = network.propagate(hidden=batch.users)
        there = batch.targets >= 0
        target = batch.targets[there]
        interests = network.users(shared, batch)[there]  # (p, k, d)
        users = network.backbone.attend(interests, shared.items[target])
        if self.full:
            loss = full_softmax(users, shared.items, target)
        else:
            drawn = torch.multinomial(self.drawn, self.settings.negatives, replacement=True)
            loss = sampled_softmax(users, shared.items, target, drawn, self.drawn.log())
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        return float(loss.detach()), len(target)

    def _set_rate(self, epochs_done: float) -> None:
        """Linear warm-up over the first epoch, then a linear fall to the final share."""
        fallen = (1 - self.settings.final_share) * epochs_done / self.settings.epochs
        share = min(epochs_done + 0.05, 1 - fallen)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * share


def _about(
    model: Model, curve: pl.DataFrame, seed: int, settings: TrainConfig
) -> dict[str, float | int | str]:
    return {
        "seed": seed,
        "parameters": sum(p.numel() for p in model.network.parameters()),
        "epochs": curve.height,
        "best_epoch": int(curve[WATCHED].arg_max() or 0),
        "seconds_an_epoch": float(curve["seconds"].median() or 0.0),  # type: ignore[arg-type]
        "seconds": float(curve["seconds"].sum()),
        "loss": settings.loss,
    }
