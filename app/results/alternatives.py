"""Other ways to quantise the vectors of a run, beside its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from app.experiment.settings import Experiment
from app.pipeline.derived import holds, run_derived, step_from
from app.pipeline.plan import Step
from app.pipeline.records import Record
from app.pipeline.runner import Showing, in_silence
from data import atomic
from prompts.template import Side
from quantize.diagnostics import level_table


@dataclass(frozen=True, slots=True)
class Alternative:
    """One method on the vectors of one side, with as many levels and codes as the run's own.

    Attributes:
        method: Name in `quantize.quantizers.METHODS`.
        own: Whether the run used it.
        experiment: The run's settings with this method.
        step: That makes its codes.
        figures: What `quantize.diagnostics.statistics` gives; None while it is not fitted.
    """

    method: str
    own: bool
    experiment: Experiment
    step: Step
    figures: dict[str, Any] | None


def alternatives(record: Record, side: Side) -> list[Alternative]:
    """Every method there is, the run's own first.

    Raises:
        ArtifactError: the run has no vectors of that side.

    Source: AutoGraph, section 4.4.2: same vectors, same number of levels and codes.
    """
    from quantize.quantizers import METHODS

    own = getattr(record.experiment.quantize, side)
    shared = {name: getattr(own, name) for name in ("k", "levels", "per_code")}
    found = []
    for method, (_, kind) in METHODS.items():
        config = own if method == own.method else kind.model_validate({**shared})
        quantize = record.experiment.quantize.model_copy(update={side: config})
        experiment = record.experiment.model_copy(update={"quantize": quantize})
        if method == own.method:
            step = Step(f"codes-{side}", record.keys.get(f"codes-{side}", ""), {})
        else:
            step = step_from(record, f"codes-{side}", experiment=experiment)
        found.append(
            Alternative(method, method == own.method, experiment, step, _figures(record, step))
        )
    return sorted(found, key=lambda one: not one.own)


def _figures(record: Record, step: Step) -> dict[str, Any] | None:
    if not holds(record, step):
        return None
    place = record.store.place(step.stage, step.key)
    figures: dict[str, Any] = atomic.read_json(place / "statistics.json")
    return figures


def fit_alternatives(record: Record, side: Side, showing: Showing = in_silence) -> None:
    """Fits the methods that are missing.

    Raises:
        AutoGraphError: the run has no vectors of that side, or a method cannot be fitted.
    """
    found = alternatives(record, side)
    missing = ((one.experiment, one.step) for one in found if not one.own)
    run_derived(record, missing, showing=showing)


def alternative_table(found: list[Alternative]) -> pl.DataFrame:
    """One row a fitted method and level, with the columns of `level_table` after these.

    `method`; `own`, whether the run used it; `collisions`, the share of entities whose full code
    is another's, too.
    """
    fitted = [
        level_table(one.figures).select(
            pl.lit(one.method).alias("method"),
            pl.lit(one.own).alias("own"),
            pl.lit(one.figures["collisions"]).alias("collisions"),
            pl.all(),
        )
        for one in found
        if one.figures is not None
    ]
    return pl.concat(fitted) if fitted else pl.DataFrame()
