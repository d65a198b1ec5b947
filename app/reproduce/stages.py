"""What stands behind a result: every stage that it is made from."""

from __future__ import annotations

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.order import STAGES


def stages_behind(experiment: Experiment, *stages: str, cell: Cell | None = None) -> set[str]:
    """Names of the stages given and of all that they read, directly or through others.

    Args:
        experiment: Whose settings decide what is read.
        stages: Names in `STAGES`.
        cell: The recommender, for stages that are run for each.
    """
    read = {name for stage in stages for name in STAGES[stage].inputs(experiment, cell)}
    return {*stages, *(stages_behind(experiment, *read, cell=cell) if read else ())}
