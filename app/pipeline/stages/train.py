"""A recommender of the grid, from what its model says it needs."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.material import MATERIAL
from app.pipeline.stages.stage import Stage, Task
from data.errors import ConfigError
from recommend.protocols import Embeds, HasNodes
from recommend.sources import Sources

if TYPE_CHECKING:
    from recommend.model import Model

SOURCES = {part: name for name, stage in MATERIAL.items() for part in stage.gives}
"""The stage that makes each part of `recommend.sources.Sources`."""


def train(task: Task) -> Mapping[str, Any]:
    """One recommender of the grid."""
    from recommend.fit.training import fit_model
    from recommend.model import Model

    cell = task.cell
    assert cell is not None
    config = task.experiment.model_of(cell)
    other = Model.load(task.inputs["train"], task.device) if "train" in task.inputs else None
    upon = other if config.upon is not None else None
    sources = _sources(task, config.needs)
    if other is not None and upon is None:
        users, items = vectors_of(other)
        sources = replace(sources, user_embeddings=users, item_embeddings=items)
    model = fit_model(
        task.dataset,
        task.split,
        sources,
        config,
        task.experiment.train_of(cell),
        seed=cell.seed,
        scratch=task.scratch,
        on_progress=task.on_progress,
        device=task.device,
        upon=upon,
    )
    model.save(task.folder)
    learns = config.backbone.learns
    return {
        "epochs": model.about["epochs"] if learns else None,
        "seconds_per_epoch": model.about["seconds_an_epoch"] if learns else None,
        "seconds": model.about["seconds"],
        "peak_mb": peak_megabytes(),
        "valid_ndcg@10": float(model.curve["ndcg@10"][int(model.about["best_epoch"])]),
    }


def vectors_of(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """(n_users, d) and (n_items, e) float32 that a trained recommender, or its enhancer, has.

    Raises:
        ConfigError: it has none.
    """
    made = model.recommender
    if isinstance(made, Embeds):
        return made.embeddings()
    if isinstance(made, HasNodes):
        return made.nodes()
    raise ConfigError(f"{model.config.backbone.name} has no vector of every user and item.")


def peak_megabytes() -> float:
    """Largest resident set of this process so far, in MB.

    Linux hands the peak of `getrusage` on from a parent to the program it starts, so a small
    process with a large parent would look large; the kernel's status file does not.
    """
    with suppress(OSError, IndexError):
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _sources(task: Task, needs: Sequence[str]) -> Sources:
    """What earlier stages give to training."""
    wanted = {part: SOURCES[part] for part in needs if part in SOURCES}
    return Sources.of(
        {part: MATERIAL[of].gives[part](task.inputs[of]) for part, of in wanted.items()}
    )


def _inputs(experiment: Experiment, cell: Cell | None) -> tuple[str, ...]:
    """What the enhancer learns from; so the plain twin is shared by all who differ elsewhere."""
    needs = () if cell is None else experiment.model_of(cell).needs
    return ("dataset", "split", *(SOURCES[name] for name in needs if name in SOURCES))


def _other(experiment: Experiment, cell: Cell | None) -> Mapping[str, Cell]:
    """The recommender that this one is made of, which is trained once for both."""
    other = None if cell is None else experiment.reads(cell)
    return {} if other is None else {"train": other}


def _settings(experiment: Experiment, cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    """What does not learn depends on its own settings alone, and is the same for every seed."""
    assert cell is not None
    model = experiment.model_of(cell)
    if not model.backbone.learns:
        return {"model": {"backbone": model.backbone.model_dump(mode="json")}}
    around = {} if model.upon is None else {"validation": "of two folds"}
    return {
        "model": model.model_dump(mode="json"),
        "train": experiment.train_of(cell).model_dump(mode="json"),
        "seed": cell.seed,
        **around,
    }


STAGES = {"train": Stage("training", 5, _inputs, _settings, train, a_cell=True, of_others=_other)}
