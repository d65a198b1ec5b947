"""What of an experiment is finished: shared results, and every recommender of the grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.plan import Plan, Step
from app.settings import Cell, Experiment
from data.artifacts import SCRATCH

Standing = Literal["finished", "begun", "missing"]


@dataclass(frozen=True, slots=True)
class GridState:
    """How far an experiment is.

    Attributes:
        cells: How each recommender stands, in the order of the grid: "begun" has checkpoints.
        shared: Results that all of them need, and whether they are finished, in order.
    """

    cells: Mapping[Cell, Standing]
    shared: Mapping[str, bool]

    @property
    def missing(self) -> list[Cell]:
        """Recommenders that a run would train or judge."""
        return [cell for cell, standing in self.cells.items() if standing != "finished"]


def grid_state(experiment: Experiment, workspace: Path) -> GridState:
    """What a run of an experiment would find there already.

    Raises:
        AutoGraphError: files that the experiment names cannot be read.
    """
    plan = Plan(experiment, workspace)
    steps = plan.steps()
    shared = {str(step): _holds(plan, step) for step in steps if step.cell is None}
    return GridState({cell: _standing(plan, cell) for cell in experiment.grid}, shared)


def _standing(plan: Plan, cell: Cell) -> Standing:
    train, evaluate = plan.step("train", cell), plan.step("evaluate", cell)
    if _holds(plan, train):
        return "finished" if _holds(plan, evaluate) else "begun"
    scratch = plan.store.place(train.stage, train.key) / SCRATCH
    return "begun" if scratch.is_dir() and any(scratch.iterdir()) else "missing"


def _holds(plan: Plan, step: Step) -> bool:
    return plan.store.sound(step.stage, step.key)
