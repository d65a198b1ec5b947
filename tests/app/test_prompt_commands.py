"""Words of commands, which the command line itself reads back."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.experiment.file import load_experiment
from app.jobs.commands import (
    KINDS,
    backend_change,
    check_words,
    estimate_words,
    reference,
    trial_words,
)
from llm.settings import BackendConfig, Sampling, ServerConfig, VllmConfig
from llm.workshop.estimate import Estimate, Quantity, costs_by_model, exactly
from llm.workshop.prices import Price, Prices
from prompts.drafts import draft_template
from prompts.template import load_template


def test_a_version_is_called_by_its_label_and_a_draft_by_its_file(tmp_path: Path) -> None:
    base = load_template("movies-item")
    assert reference(base, tmp_path) == "movies-item@1"
    draft = draft_template(base, "# user\nOther {{ title }}")
    path = Path(reference(draft, tmp_path))
    assert path.is_absolute()
    assert load_template(path).hash == draft.hash


def test_words_are_those_of_jobs() -> None:
    words = trial_words("demo", "item", ["a@1", "b@2"], ["x 1", "--y"], ["llm.item.a=1"])
    assert check_words("try", words, KINDS) == words
    assert words[2:] == (
        *("demo", "item", "--template", "a@1", "--template", "b@2"),
        *("--entity", "x 1", "--entity", "--y", "--set", "llm.item.a=1"),
    )
    words = estimate_words("demo", "user", "a@1", (20, 10))
    assert check_words("estimate", words, KINDS) == words
    assert words[4:] == ("--template", "a@1", "--sample", "20", "--measure", "10")


@pytest.mark.parametrize(
    "config",
    [
        ServerConfig(backend="server", model='a "quoted" \\ model', url="http://x:1/v1"),
        ServerConfig(backend="server", model="m", sampling=Sampling(max_tokens=99)),
        VllmConfig(backend="vllm", model="org/model"),
    ],
)
def test_a_change_says_the_whole_backend(config: BackendConfig) -> None:
    experiment = load_experiment("demo", [backend_change("item", config)])
    assert experiment.llm.item == config


def test_costs_of_the_same_tokens_by_model() -> None:
    calls, tokens = exactly(2, "counted"), Quantity(2e6, 1e6, 4e6, "sample")
    answers = Quantity(1e6, 1e6, 1e6, "sample")
    found = Estimate("item", "t@1", "m", 2, calls, tokens, answers)
    models = {"dear": Price(prompt=3, completion=10), "cheap": Price(prompt=1, completion=0)}
    table = costs_by_model(found, Prices(models=models))
    assert table.rows() == [("cheap", 1.0, 2.0, 4.0), ("dear", 13.0, 16.0, 22.0)]
    assert costs_by_model(Estimate("item", "t@1", "m", 2, calls), Prices(models=models)).is_empty()
