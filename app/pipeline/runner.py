"""Runs the steps of a plan that are not finished, one after another or several cells at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from app.experiment.settings import Experiment
from app.pipeline.plan import Plan, Step
from app.pipeline.stages import STAGES
from app.pipeline.work import Task
from data.artifacts import SCRATCH, ArtifactStore

CLOCK = "clock"
"""In a summary: how long a stage took; one that was killed counts from where it went on."""
DAMAGED = "damaged before"
"""In what a listener is told of a finished step: why the result that was there is made again."""
WAITING = "another run makes this at the moment: waiting for it"
"""What a listener is told while two runs want the same result."""


class Listener(Protocol):
    """Hears how a run goes."""

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """A step is under way; total is 0 where it is not known."""
        ...

    def finished(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """A step is finished; seconds is None where its result was there already."""
        ...


@dataclass(frozen=True, slots=True)
class StepRunner:
    """Runs single steps of one experiment."""

    experiment: Experiment
    workspace: Path
    device: str = "cpu"

    def run(self, step: Step, listener: Listener) -> None:
        """Makes the result of a step unless it is there and sound; its inputs must be.

        Raises:
            AutoGraphError: with what is wrong and how to mend it.
        """
        store, damage = ArtifactStore(self.workspace / "artifacts"), list[str]()
        there, start = store.sound(step.stage, step.key), time.perf_counter()
        if not there:
            listener.progress(str(step), 0, 0, "")
        store.make(
            step.stage,
            step.key,
            lambda folder: self._filled(step, folder, store, listener),
            {
                "version": STAGES[step.stage].version,
                "settings": dict(step.settings),
                "inputs": dict(step.inputs),
                "cell": str(step.cell) if step.cell else None,
            },
            on_wait=lambda: listener.progress(str(step), 0, 0, WAITING),
            on_damage=damage.append,
        )
        seconds = None if there else time.perf_counter() - start
        summary = store.manifest(step.stage, step.key)["summary"]
        told = {DAMAGED: damage[0]} if damage else {}
        listener.finished(str(step), seconds, {**summary, **told})

    def _filled(
        self, step: Step, folder: Path, store: ArtifactStore, listener: Listener
    ) -> Mapping[str, Any]:
        """What a stage leaves, with the seconds that it took since it was last begun."""
        start = time.perf_counter()
        for name, key in step.inputs.items():
            store.manifest(name, key)
        summary = STAGES[step.stage].run(self._task(step, folder, store, listener))
        return {**summary, CLOCK: {"seconds": time.perf_counter() - start}}

    def _task(self, step: Step, folder: Path, store: ArtifactStore, listener: Listener) -> Task:
        return Task(
            experiment=self.experiment,
            cell=step.cell,
            inputs={name: store.place(name, key) for name, key in step.inputs.items()},
            folder=folder,
            scratch=folder / SCRATCH,
            workspace=self.workspace,
            on_progress=lambda done, total, what: listener.progress(str(step), done, total, what),
            device=self.device,
        )


def run_steps(
    plan: Plan, steps: Sequence[Step], listener: Listener, jobs: int = 1, device: str = "cpu"
) -> None:
    """Makes the results of `steps`: what is shared first, then cell by cell.

    Every cell has a process of its own, so that the memory it reports is its own, too.

    Args:
        plan: Of the experiment.
        steps: Of the plan, in its order.
        listener: Hears how it goes.
        jobs: Cells beside each other.
        device: That models are trained on, as torch calls it.

    Raises:
        AutoGraphError: of the first step that fails; what is finished stays.
    """
    runner = StepRunner(plan.experiment, plan.workspace, device)
    shared = [step for step in steps if step.cell is None]
    for step in shared:
        runner.run(step, listener)
    cells = [list(of) for _, of in groupby(steps[len(shared) :], key=lambda step: step.cell)]
    waiting = [of for of in cells if not all(plan.store.sound(s.stage, s.key) for s in of)]
    for step in (step for of in cells if of not in waiting for step in of):
        runner.run(step, listener)
    if waiting:
        from app.pipeline.workers import run_beside

        run_beside(runner, waiting, listener, min(jobs, len(waiting)))
