"""The screen that compares recommenders, on workspaces that are finished, empty or broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from manifests import accept_changes
from opening import words

from app.experiment.cautions import of_settings
from app.experiment.settings import Cell
from app.pipeline.derived import step_from
from app.pipeline.records import Record, keep_record, read_record
from app.pipeline.runner import Quiet, StepRunner
from app.results.comparison import compare_contenders, contenders, make_lists, short_lists
from app.ui.shared.frame import plain

Screen = Callable[..., Any]
ASPECTS = (
    "Metrics",
    "Users",
    "Where it helps",
    "Beyond accuracy",
    "Near and far",
    "Ablations",
    "Cost",
)


def only(record: Record, name: str, *cells: Cell) -> None:
    """An experiment of some of the same recommenders."""
    experiment = record.experiment.model_copy(update={"name": name})
    kept = {cell: record.cells[cell] for cell in cells}
    keep_record(experiment, record.workspace, record.keys, kept)


def test_the_table_holds_what_is_computed(screen: Screen, demo_workspace: Path) -> None:
    page = screen("compare", demo_workspace)
    assert not page.exception and not page.error
    computed = compare_contenders(contenders([read_record("demo", demo_workspace)]))
    shown = page.dataframe[0].value
    expected = computed.filter(metric="ndcg@10")
    assert shown["recommender"].to_list() == expected["run"].to_list()
    assert shown["NDCG@10"].to_list() == pytest.approx(expected["mean"].to_list())
    tested = expected.filter(pl.col("low").is_not_null()).iter_rows(named=True)
    told = [f"{r['change']:+.1f}" if r["low"] > 0 or r["high"] < 0 else "≈" for r in tested]
    assert shown["Δ NDCG@10"].dropna().to_list() == told
    assert "≈ is no difference" in words(page)
    assert "ranked among all items that the user has not had before" in words(page)
    assert "corrected for 8 tests" in words(page) and "There is one seed" in words(page)
    assert "\\toprule" in page.code[0].value


@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_aspect_is_drawn(screen: Screen, demo_workspace: Path, aspect: str) -> None:
    page = screen("compare", demo_workspace, compare=aspect)
    assert not page.exception and not page.error
    looks = [json.loads(table.proto.columns) for table in page.dataframe]
    headings = [look["label"] for one in looks for look in one.values() if look.get("label")]
    recommenders = set(contenders([read_record("demo", demo_workspace)]))
    raw = {one for one in headings if "_" in one or one[0].islower()}
    assert raw <= recommenders | {"p", "p (Holm)"}
    assert all("ours" not in one and "theirs" not in one for one in looks)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_one_backbone_one_seed_and_no_twin(
    screen: Screen, own_workspace: Path, aspect: str
) -> None:
    record = read_record("demo", own_workspace)
    only(record, "lonely", Cell("sasrec", "autograph", 0))
    (own_workspace / "runs" / "demo.json").unlink()
    page = screen("compare", own_workspace, compare=aspect)
    assert not page.exception and not page.error
    if aspect in ("Metrics", "Users", "Where it helps"):
        assert "Nothing to compare with" in words(page)


def test_experiments_are_chosen_in_the_address(screen: Screen, own_workspace: Path) -> None:
    record = read_record("demo", own_workspace)
    only(record, "other", Cell("sasrec", "autograph", 0))
    page = screen("compare", own_workspace, experiments=["demo", "other"])
    labels = page.dataframe[0].value["recommender"].to_list()
    assert "other: sasrec+autograph" in labels and "demo: mind+none" in labels
    page.selectbox(key="against").set_value("demo: sasrec+autograph").run()
    assert not page.exception
    table = page.dataframe[0].value.set_index("recommender")
    assert table.loc["other: sasrec+autograph", "Δ NDCG@10"] == "≈", "the same model"


def test_the_choice_follows_the_sidebar(screen: Screen, own_workspace: Path) -> None:
    record = read_record("demo", own_workspace)
    only(record, "other", *record.cells)
    page = screen("compare", own_workspace, experiment="demo")
    assert page.multiselect(key="experiments").value == ["demo"]
    page.selectbox(key="chosen experiment").set_value("other").run()
    assert not page.exception and page.multiselect(key="experiments").value == ["other"]
    page.multiselect(key="experiments").set_value(["demo", "other"]).run()
    assert page.multiselect(key="experiments").value == ["demo", "other"]
    page = screen("compare", own_workspace, experiment="demo", experiments="no such one")
    assert not page.exception and page.multiselect(key="experiments").value == ["demo"]


def test_badges_are_those_of_what_is_shown(screen: Screen, own_workspace: Path) -> None:
    record = read_record("demo", own_workspace)
    edges = record.experiment.graph.model_copy(update={"edges": "all"})
    leaky = record.experiment.model_copy(update={"name": "leaky", "graph": edges})
    keep_record(leaky, own_workspace, record.keys, record.cells)
    (caution,) = of_settings(leaky)

    def marked(page: Any) -> int:
        return sum(caution.badge in part.value for part in page.markdown)

    page = screen("compare", own_workspace, experiment="leaky", experiments="demo")
    assert not page.exception and not marked(page)
    page = screen("compare", own_workspace, experiment="demo", experiments=["demo", "leaky"])
    assert not page.exception and marked(page) == 1


def test_nothing_chosen_is_said(screen: Screen, demo_workspace: Path) -> None:
    page = screen("compare", demo_workspace)
    page.multiselect(key="experiments").set_value([]).run()
    assert not page.exception and "Nothing chosen" in words(page)


def test_figures_among_drawn_items_say_so(screen: Screen, own_workspace: Path) -> None:
    record = read_record("demo", own_workspace)
    judging = record.experiment.evaluate.model_copy(update={"candidates": 99})
    among = record.experiment.model_copy(update={"name": "among", "evaluate": judging})
    cells = {}
    for cell in record.finished_cells():
        step = step_from(record, "evaluate", cell, among)
        StepRunner(among, own_workspace).run(step, Quiet())
        cells[cell] = {**record.cells[cell], "evaluate": step.key}
    keep_record(among, own_workspace, record.keys, cells)
    page = screen("compare", own_workspace, experiments="among")
    assert not page.exception and not page.error
    assert "among 99 drawn" in words(page) and "itself and 99 items drawn" in words(page)
    assert "Test metrics, among 99 drawn" in page.code[0].value
    short = next(one.value for one in page.dataframe if "hr@1" in one.value)
    found = short_lists(contenders([read_record("among", own_workspace)]))
    assert short["hr@1"].to_list() == pytest.approx(found["hr@1"].to_list())
    assert any("among 99 drawn" in one.label for one in page.expander)
    page = screen("compare", own_workspace, experiments="demo")
    assert "among 99" not in words(page)
    assert any(one.label == "Shorter lists" for one in page.expander)


def test_users_are_counted(screen: Screen, demo_workspace: Path) -> None:
    page = screen("compare", demo_workspace, compare="Users")
    counts = [int(metric.value.split()[0].replace(",", "")) for metric in page.metric]
    assert sum(counts) == 400 == page.dataframe[0].value.shape[0]
    differences = page.dataframe[0].value["difference"]
    assert counts == [(differences > 0).sum(), (differences == 0).sum(), (differences < 0).sum()]


def test_lists_are_made_by_a_job_and_then_measured(
    screen: Screen, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr("app.ui.shared.jobs.start", lambda *given: started.append(given))
    page = screen("compare", own_workspace, compare="Beyond accuracy")
    (button,) = [one for one in page.button if one.label == "Make the lists of 4 recommenders"]
    button.click().run()
    assert started[0][1:3] == ("beyond", ("beyond", "demo"))
    make_lists(read_record("demo", own_workspace))
    page = screen("compare", own_workspace, compare="Beyond accuracy")
    assert not page.exception and page.dataframe[0].value.shape[0] == 4
    assert not [one for one in page.button if one.label.startswith("Make")]


def test_missing_ablations_are_named_and_started(
    screen: Screen, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr("app.ui.shared.jobs.start", lambda *given: started.append(given))
    page = screen("compare", own_workspace, compare="Ablations")
    assert "Not trained" in words(page)
    (button,) = [one for one in page.button if one.label.startswith("Train the missing")]
    button.click().run()
    _, kind, asked, _ = started[0]
    assert kind == "ablate" and asked[:2] == ("ablate", "demo")


def test_an_ablation_says_that_texts_leak(screen: Screen, own_workspace: Path) -> None:
    accept_changes(read_record("demo", own_workspace).folder("knowledge-user"), leaking=True)
    page = screen("compare", own_workspace, compare="Ablations")
    assert not page.exception
    assert any("used texts whose author had seen" in one.value for one in page.warning)
    assert "as set *" in page.dataframe[0].value["run"].to_list()


def test_an_empty_workspace_offers_the_demo(screen: Screen, empty_workspace: Path) -> None:
    page = screen("compare", empty_workspace)
    assert not page.exception and "Nothing here yet" in words(page)


def test_what_is_not_judged_says_so(screen: Screen, own_workspace: Path) -> None:
    for manifest in (own_workspace / "artifacts" / "evaluate").glob("*/manifest.json"):
        manifest.unlink()
    page = screen("compare", own_workspace)
    assert not page.exception and "Not finished yet" in words(page)


def test_a_damaged_record_is_named_and_the_others_shown(
    screen: Screen, own_workspace: Path
) -> None:
    (own_workspace / "runs" / "broken.json").write_text("{")
    page = screen("compare", own_workspace, experiment="demo")
    assert not page.exception
    assert plain("broken.json") in page.warning[0].value and page.dataframe


def test_a_damaged_evaluation_is_a_sentence(screen: Screen, own_workspace: Path) -> None:
    path = next((own_workspace / "artifacts" / "evaluate").glob("*/per_user.parquet"))
    path.write_bytes(b"damaged!")
    page = screen("compare", own_workspace)
    assert not page.exception and "is damaged" in page.error[0].value
