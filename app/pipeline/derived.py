"""Results made from those of a run, though the run itself did not need them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.experiment.settings import Cell, Experiment
from app.pipeline.plan import Step
from app.pipeline.records import Record
from app.pipeline.runner import Showing, StepRunner, in_silence
from app.pipeline.stages.order import STAGES
from data.artifacts import fingerprint
from data.errors import ArtifactError


def step_from(
    record: Record,
    stage: str,
    cell: Cell | None = None,
    experiment: Experiment | None = None,
    made: Mapping[str, str] | None = None,
) -> Step:
    """The step of a stage whose inputs are finished results of a run.

    Nothing of the publisher's files is read, so it works where they are gone.

    Args:
        record: Of the run.
        stage: Name in `STAGES`.
        cell: Of the grid, for stages that are run for each.
        experiment: Settings, by default those of the run.
        made: Fingerprints of inputs that are not of the run, by stage.

    Raises:
        ArtifactError: the run has no such input.
    """
    described, settings = STAGES[stage], experiment or record.experiment
    known = {**record.keys, **(record.cells.get(cell, {}) if cell else {}), **(made or {})}
    names = described.inputs(settings, cell)
    for name, other in described.of_others(settings, cell).items():
        known[name], names = record.cells.get(other, {}).get(name, ""), (*names, name)
    missing = [name for name in names if not known.get(name)]
    if missing:
        raise ArtifactError(
            f"The experiment {record.experiment.name!r} has no {', '.join(missing)} to go on from. "
            f"Run it first: autograph run {record.experiment.name}"
        )
    inputs = {name: known[name] for name in names}
    given = described.settings(settings, cell, record.workspace)
    key = fingerprint(stage, described.version, given, inputs)
    return Step(stage, key, inputs, cell if described.a_cell else None, given)


def holds(record: Record, step: Step) -> bool:
    """Whether the result of a step is finished, and as it was written."""
    return record.store.sound(step.stage, step.key)


def run_derived(
    record: Record,
    steps: Iterable[tuple[Experiment, Step]],
    device: str = "cpu",
    showing: Showing = in_silence,
) -> None:
    """Makes results that are missing, one after another, and shows how it goes.

    Raises:
        AutoGraphError: of the first step that fails; what is finished stays.
    """
    waiting = [(experiment, step) for experiment, step in steps if not holds(record, step)]
    with showing() as listener:
        for experiment, step in waiting:
            StepRunner(experiment, record.workspace, device).run(step, listener)
