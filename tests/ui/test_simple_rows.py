"""Screens on recommenders that are not trained, by themselves and beside others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opening import words

from app.cli.run import run_experiment
from app.experiment.file import load_experiment
from app.pipeline.records import keep_record, read_record
from app.results.bar import words_of
from app.results.report import gather, render
from app.results.results import Results
from app.ui.shared.frame import plain

Screen = Callable[..., Any]
SIMPLE = ("popularity", "item-knn", "ease", "text-knn", "hybrid")


@pytest.fixture(scope="module")
def simple_workspace(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished demo, an experiment of simple recommenders, and one of both."""
    workspace = tmp_path_factory.mktemp("simple") / "workspace"
    shutil.copytree(demo_workspace, workspace)
    changes = [f"grid.backbones={list(SIMPLE)}", "grid.seeds=[0, 1]", "name=simple"]
    run_experiment(load_experiment("demo", changes), workspace, device="cpu")
    demo, simple = (read_record(name, workspace) for name in ("demo", "simple"))
    grid = demo.experiment.grid.model_copy(
        update={"backbones": (*demo.experiment.grid.backbones, *SIMPLE)}
    )
    both = demo.experiment.model_copy(update={"name": "both", "grid": grid})
    keys, cells = {**simple.keys, **demo.keys}, {**demo.cells, **simple.cells}
    keep_record(both, workspace, keys, cells)
    return workspace


def test_simple_ones_are_compared_with_the_best_of_them(
    screen: Screen, simple_workspace: Path
) -> None:
    page = screen("compare", simple_workspace, experiments=["simple"])
    assert not page.exception and not page.error
    assert page.selectbox(key="against").value == "The best simple one"
    shown = page.dataframe[0].value
    assert sorted(shown["recommender"]) == sorted(f"{name}+none" for name in SIMPLE)
    assert shown["Δ NDCG@10"].isna().sum() == 1, "all but the one they are compared with"
    said = words(page)
    valid = read_record("simple", simple_workspace).validated()
    best = max(valid, key=lambda cell: valid[cell])
    bar = f"Changes are against {best.label}, the best simple recommender on validation."
    assert plain(bar) in said
    assert "Nothing of this is trained" in said and "Seeds:" not in said
    assert all(plain(words_of(name)) in said for name in SIMPLE)
    assert "Training" not in said


@pytest.mark.parametrize("aspect", ["Users", "Where it helps", "Ablations", "Cost"])
def test_every_aspect_of_simple_ones_is_drawn(
    screen: Screen, simple_workspace: Path, aspect: str
) -> None:
    page = screen("compare", simple_workspace, experiments=["simple"], compare=aspect)
    assert not page.exception and not page.error


def test_the_bar_stands_over_the_table_of_both(screen: Screen, simple_workspace: Path) -> None:
    page = screen("compare", simple_workspace, experiments=["both"])
    assert not page.exception and not page.error
    assert page.selectbox(key="against").value == "Plain twins"
    (told,) = (info.value for info in page.info)
    assert "which is not trained" in told and "on the test is" in told
    page.selectbox(key="against").set_value("The best simple one").run()
    shown = page.dataframe[0].value
    assert shown["Δ NDCG@10"].isna().sum() == 1 and len(shown) == 9


def test_the_demo_begins_with_two_that_differ(screen: Screen, simple_workspace: Path) -> None:
    page = screen("demo", simple_workspace, experiment="simple")
    assert not page.exception and not page.error
    boxes = [box for box in page.selectbox if box.label == "Recommender"]
    assert len({box.value for box in boxes}) == 2 and boxes[0].options == boxes[1].options
    assert len(boxes[0].options) == 5 and not any("seed" in one for one in boxes[0].options)
    beside = boxes[1].value
    boxes[0].set_value(beside).run()
    boxes = [box for box in page.selectbox if box.label == "Recommender"]
    assert not page.exception and boxes[0].value == beside


def test_a_report_names_what_is_compared(simple_workspace: Path) -> None:
    for name in ("simple", "both"):
        report = gather(Results(read_record(name, simple_workspace)))
        text = " ".join(render(report).split())
        assert report.against is not None and report.against.rival is not report.chosen
        assert all(words_of(one).replace("'", "&#39;") in text for one in SIMPLE)
        twins = "The change is against the same recommender with nothing added" in text
        assert twins is (name == "both")
        assert ("the best of those that are not trained; where" in text) is (name == "simple")
        assert ("which is not trained; each is the best of its kind" in text) is twins
        assert ("One seed: another one" in text) is (name == "both")
