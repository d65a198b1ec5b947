"""The way through the house: every stage there is, in order."""

from __future__ import annotations

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages import judge, near, train
from app.pipeline.stages.material import MATERIAL
from app.pipeline.stages.stage import Stage
from data.errors import ConfigError

STAGES: dict[str, Stage] = {**MATERIAL, **train.STAGES, **judge.STAGES, **near.STAGES}


def stages_named(name: str) -> tuple[str, ...]:
    """The stages that a person means: one by its name, or both sides of it.

    >>> stages_named("graph"), stages_named("codes")
    (('graph',), ('codes-item', 'codes-user'))

    Raises:
        ConfigError: there is no such stage.
    """
    sides = tuple(f"{name}-{side}" for side in ("item", "user"))
    found = (name,) if name in STAGES else sides
    if found[0] not in STAGES:
        raise ConfigError(f"There is no stage {name!r}. The stages are {', '.join(STAGES)}.")
    return found


def stages_behind(experiment: Experiment, *stages: str, cell: Cell | None = None) -> set[str]:
    """Names of the stages given and of all that they read, directly or through others.

    Args:
        experiment: Whose settings decide what is read.
        stages: Names in `STAGES`.
        cell: The recommender, for stages that are run for each.
    """
    read = {name for stage in stages for name in STAGES[stage].inputs(experiment, cell)}
    found = {*stages, *(stages_behind(experiment, *read, cell=cell) if read else ())}
    for stage in stages:
        for name, other in STAGES[stage].of_others(experiment, cell).items():
            found |= stages_behind(experiment, name, cell=other)
    return found
