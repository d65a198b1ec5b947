"""Codes of the vectors of a side, and what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.describe import texts_of
from app.pipeline.stages.stage import Stage, Task, no_settings, reads
from data.columns import TITLE
from llm.knowledge import Knowledge
from llm.vectors import Vectors
from quantize.describe import describe_factors


def fit_side(side: str, task: Task) -> Mapping[str, Any]:
    """Codes of one side, and the quantiser that gives them to vectors to come."""
    from quantize.fit import fit_codes

    config = getattr(task.experiment.quantize, side)
    vectors = Vectors.load(task.inputs[f"vectors-{side}"])
    fitted = fit_codes(vectors, config, task.scratch, task.experiment.seed, task.on_progress)
    fitted.save(task.folder)
    return {"levels": fitted.codes.levels, "codes a level": fitted.codes.k}


def name_side(side: str, task: Task) -> Mapping[str, Any]:
    """What each factor of one side means."""
    from quantize.fit import FittedCodes, gaps, residuals

    fitted = FittedCodes.load(task.inputs[f"codes-{side}"])
    vectors = Vectors.load(task.inputs[f"vectors-{side}"])
    near = gaps(residuals(fitted, vectors.matrix))
    texts = Knowledge.load(task.texts(side)).texts
    table = getattr(task.dataset, f"{side}s")
    titles = [title or "" for title in table[TITLE]] if TITLE in table.columns else None
    described = describe_factors(fitted.codes, texts, titles=titles, gaps=near)
    described.save(task.folder)
    return {"named": sum(label != "" for label in described.labels)}


def _settings(
    side: str, experiment: Experiment, _cell: Cell | None, _workspace: Path
) -> Mapping[str, Any]:
    config = getattr(experiment.quantize, side)
    return {**config.model_dump(mode="json"), "seed": experiment.seed}


def stages(side: str) -> dict[str, Stage]:
    """The stages of one side."""
    vectors, codes = f"vectors-{side}", f"codes-{side}"
    return {
        codes: Stage(
            f"quantising {side}s",
            3,
            reads(vectors),
            partial(_settings, side),
            partial(fit_side, side),
        ),
        f"factors-{side}": Stage(
            f"naming factors of {side}s",
            3,
            texts_of(side, "dataset", vectors, codes),
            no_settings,
            partial(name_side, side),
        ),
    }
