"""`llm.ray` reaches the stage that describes, and only where a language model is asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.experiment.file import load_experiment
from app.pipeline.stages.describe import describe_side
from app.pipeline.stages.read_data import make_dataset
from app.pipeline.stages.stage import Task
from data.errors import BackendError

RAY, SERVER = "llm.ray.enabled=true", 'llm.item={backend="server", model="any"}'


def task(folder: Path, *changes: str) -> Task:
    """What the stage of the demo's items is given."""
    experiment = load_experiment("demo", changes)
    silent = lambda _done, _total, _what: None  # noqa: E731
    made = Task(experiment, None, {}, folder / "dataset", folder, folder, silent)
    make_dataset(made)
    inputs = {"dataset": folder / "dataset"}
    return Task(experiment, None, inputs, folder / "knowledge", folder, folder, silent)


def test_models_are_asked_through_ray_and_facts_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(BackendError, match=r"pip install .*\[ray\]"):
        describe_side("item", task(tmp_path / "server", RAY, SERVER))
    assert describe_side("item", task(tmp_path / "facts", RAY))["failed"] == 0
