"""A setting is a field in one place: the form, the command line and the file take it from there."""

from __future__ import annotations

import pytest
from pydantic import Field

from app.experiment import file, form
from app.experiment.file import experiment_toml, load_experiment
from app.experiment.form import fields_of, rooms
from app.experiment.settings import Experiment
from recommend.settings.training import EvaluateConfig


class ToyEvaluate(EvaluateConfig):
    """With a setting more."""

    toys: int = Field(3, ge=1)
    """How many toys there are."""


class Toy(Experiment):
    """An experiment with it."""

    evaluate: ToyEvaluate = ToyEvaluate()


def test_a_field_is_in_the_form_on_the_command_line_and_in_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (file, form):
        monkeypatch.setattr(module, "Experiment", Toy)
    experiment = load_experiment("demo", ["evaluate.toys=7"])
    assert "toys = 7" in experiment_toml(experiment)
    field = next(one for one in fields_of(rooms(experiment, {}, {})) if one.key == "evaluate.toys")
    assert (field.value, field.help) == (7, "How many toys there are.")
