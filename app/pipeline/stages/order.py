"""The way through the house: every stage there is, in order."""

from __future__ import annotations

from app.pipeline.stages import judge, train
from app.pipeline.stages.material import MATERIAL
from app.pipeline.stages.stage import Stage
from data.errors import ConfigError

STAGES: dict[str, Stage] = {**MATERIAL, **train.STAGES, **judge.STAGES}


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
