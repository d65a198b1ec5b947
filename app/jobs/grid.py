"""What of an experiment is finished: shared results, and every recommender of the grid."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.experiment.settings import Cell, Experiment
from app.jobs.state import Job
from app.pipeline.plan import Plan, Step
from app.pipeline.records import read_record
from app.pipeline.stages.order import STAGES
from data.artifacts import SCRATCH
from data.errors import AutoGraphError

Standing = Literal["finished", "running", "begun", "missing"]


@dataclass(frozen=True, slots=True)
class GridState:
    """How far an experiment is.

    Attributes:
        cells: How each recommender stands, in the order of the grid: "running" is trained or judged
            by a job at this moment, "begun" has checkpoints.
        shared: Results that all of them need, and whether they are finished, in order.
    """

    cells: Mapping[Cell, Standing]
    shared: Mapping[str, bool]

    @property
    def missing(self) -> list[Cell]:
        """Recommenders that a run would train or judge."""
        return [cell for cell, standing in self.cells.items() if standing != "finished"]


def grid_state(experiment: Experiment, workspace: Path, at_work: Container[str] = ()) -> GridState:
    """What a run of an experiment would find there already.

    Args:
        experiment: That would be run.
        workspace: Where.
        at_work: Fingerprints of results that are made at this moment; see `keys_at_work`.

    Raises:
        AutoGraphError: files that the experiment names cannot be read.
    """
    plan = Plan(experiment, workspace)
    steps = plan.steps()
    shared = {str(step): _holds(plan, step) for step in steps if step.cell is None}
    cells = {cell: _standing(plan, cell, at_work) for cell in experiment.grid}
    return GridState(cells, shared)


def keys_at_work(jobs: Iterable[Job], workspace: Path) -> frozenset[str]:
    """Fingerprints of the recommenders that jobs train or judge at this moment."""
    found: set[str] = set()
    for job in jobs:
        running = {step.name for step in job.steps if step.state == "running"}
        if not job.active or not running:
            continue
        with suppress(AutoGraphError):
            record = read_record(job.experiment, workspace)
            found |= {
                key
                for cell, keys in record.cells.items()
                for stage, key in keys.items()
                if f"{STAGES[stage].what} {cell}" in running
            }
    return frozenset(found)


def _standing(plan: Plan, cell: Cell, at_work: Container[str]) -> Standing:
    train, evaluate = plan.step("train", cell), plan.step("evaluate", cell)
    if train.key in at_work or evaluate.key in at_work:
        return "running"
    if _holds(plan, train):
        return "finished" if _holds(plan, evaluate) else "begun"
    scratch = plan.store.place(train.stage, train.key) / SCRATCH
    return "begun" if scratch.is_dir() and any(scratch.iterdir()) else "missing"


def _holds(plan: Plan, step: Step) -> bool:
    return plan.store.sound(step.stage, step.key)
