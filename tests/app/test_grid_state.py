"""What is finished of an experiment, and how training went."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.experiment.file import load_experiment
from app.experiment.settings import Cell
from app.jobs.grid import grid_state
from app.pipeline.records import read_record
from app.results.metrics import training_curves
from data.artifacts import SCRATCH

PLAIN, GRAPH = Cell("gru4rec", "none", 0), Cell("gru4rec", "autograph", 0)


@pytest.fixture
def workspace(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "ws"))


def test_a_finished_experiment_is_finished(finished: Path, tiny_experiment: Path) -> None:
    state = grid_state(load_experiment(str(tiny_experiment)), finished)
    assert state.cells == {PLAIN: "finished", GRAPH: "finished"}
    assert state.missing == []
    assert all(state.shared.values())


def test_what_a_change_touches_is_missing(finished: Path, tiny_experiment: Path) -> None:
    def after(*changes: str) -> tuple[dict[Cell, str], int]:
        state = grid_state(load_experiment(str(tiny_experiment), changes), finished)
        return dict(state.cells), list(state.shared.values()).count(False)

    assert after("train.epochs=5") == ({PLAIN: "missing", GRAPH: "missing"}, 0)
    assert after("model.enhancer.heads=1") == ({PLAIN: "finished", GRAPH: "missing"}, 0)
    assert after("quantize.user.k=3") == ({PLAIN: "finished", GRAPH: "missing"}, 3)
    both, new = after("grid.seeds=[0, 1]")
    assert new == 0
    assert {cell.seed: standing for cell, standing in both.items()} == {
        0: "finished",
        1: "missing",
    }


def test_checkpoints_tell_what_is_begun(workspace: Path, tiny_experiment: Path) -> None:
    record = read_record("tiny", workspace)
    folder = record.folder("train", GRAPH)
    (folder / "manifest.json").unlink()
    experiment = load_experiment(str(tiny_experiment))
    assert grid_state(experiment, workspace).cells[GRAPH] == "missing"
    (folder / SCRATCH).mkdir()
    (folder / SCRATCH / "checkpoint.safetensors").write_bytes(b"x")
    assert grid_state(experiment, workspace).cells[GRAPH] == "begun"
    (record.folder("evaluate", PLAIN) / "manifest.json").unlink()
    assert grid_state(experiment, workspace).cells[PLAIN] == "begun"


def test_curves_hold_every_epoch(workspace: Path) -> None:
    record = read_record("tiny", workspace)
    curves = training_curves(record)
    assert curves["recommender"].unique(maintain_order=True).to_list() == [str(PLAIN), str(GRAPH)]
    assert curves.filter(backbone="gru4rec", enhancer="none")["epoch"].to_list() == [1, 2, 3, 4]
    assert curves["finished"].all()
    best = curves.filter(enhancer="autograph")["ndcg@10"].max()
    assert best == record.summary("train", GRAPH)["valid_ndcg@10"]


def test_what_is_not_begun_has_no_curve(workspace: Path) -> None:
    shutil.rmtree(workspace / "artifacts" / "train")
    curves = training_curves(read_record("tiny", workspace))
    assert curves.is_empty()
    assert "ndcg@10" in curves.columns
