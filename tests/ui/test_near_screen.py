"""Near and far, a part of the comparison: on a workspace with ContextGNN, and on others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from opening import Open, sound, words

from app.pipeline.records import read_record
from app.results.comparison import contenders
from app.results.nearness import (
    WAYS,
    closeness_table,
    measure_nearness,
    nearness_in_words,
    scores_table,
)
from app.ui.compare.near_charts import gate_boxes, group_bars, sample_bars, score_lines
from app.ui.shared.frame import plain

NEAR = "Near and far"


@pytest.fixture(scope="module")
def looking_workspace(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished demo, and ContextGNN trained for an epoch and measured beside it."""
    from app.cli.run import run_experiment
    from app.experiment.file import load_experiment

    workspace = Path(shutil.copytree(demo_workspace, tmp_path_factory.mktemp("near") / "workspace"))
    changes = [
        "name=looking",
        "grid.backbones=['contextgnn', 'popularity']",
        "grid.enhancers=['none']",
        "override.contextgnn.train.epochs=1",
        "override.contextgnn.model.backbone.neighbours=4",
        "quantize.user.epochs=30",
        "quantize.item.epochs=30",
    ]
    run_experiment(load_experiment("demo", changes), workspace, jobs=1, device="cpu")
    measure_nearness(read_record("looking", workspace))
    return workspace


def test_what_is_measured_is_drawn_and_told(screen: Open, looking_workspace: Path) -> None:
    page = screen("compare", looking_workspace, compare=NEAR, experiments="looking")
    assert sound(page)
    record, said = read_record("looking", looking_workspace), words(page)
    for sentence in nearness_in_words([record], contenders([record])):
        assert plain(sentence) in said
    assert "so s₁ is 0" in said and "those of the test" in said
    assert {one.value for one in page.subheader} >= {"By number of steps", "Samples"}
    shown = next(one.value for one in page.dataframe if "covered" in one.value)
    expected = closeness_table(contenders([record]))
    assert shown["covered"].to_list() == pytest.approx(expected["covered"].to_list())
    assert not [one for one in page.button if one.label.startswith("Measure")]


def test_nothing_measured_is_designed_and_a_job_makes_it(
    screen: Open, looking_workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(shutil.copytree(looking_workspace, tmp_path / "workspace"))
    for stage in ("locality", "closeness"):
        shutil.rmtree(own / "artifacts" / stage)
    started: list[Any] = []
    monkeypatch.setattr("app.ui.shared.jobs.start", lambda *given: started.append(given))
    page = screen("compare", own, compare=NEAR, experiments="looking")
    assert sound(page) and "Not measured yet" in words(page)
    (button,) = [one for one in page.button if one.label == "Measure what is near"]
    button.click().run()
    assert started[0][1:3] == ("locality", ("locality", "looking"))


def test_where_nothing_looks_around_the_score_still_shows(
    screen: Open, own_workspace: Path
) -> None:
    measure_nearness(read_record("demo", own_workspace))
    page = screen("compare", own_workspace, compare=NEAR)
    assert sound(page) and "None of these looks around" in words(page)
    assert "are within 3 steps" in words(page)


def test_several_experiments_are_told_apart(screen: Open, looking_workspace: Path) -> None:
    measure_nearness(read_record("demo", looking_workspace))
    page = screen("compare", looking_workspace, compare=NEAR, experiments=["looking", "demo"])
    assert sound(page)
    for begins in ("looking: Of the items", "demo: Of the items", "looking: contextgnn+none"):
        assert plain(begins) in words(page)


class TestCharts:
    def test_a_line_a_way_with_its_chance(self, looking_workspace: Path) -> None:
        record = read_record("looking", looking_workspace)
        scores = scores_table([record])
        spec = score_lines(scores)
        json.dumps(spec, allow_nan=False)
        solid = [one for one in spec["series"] if one["lineStyle"]["type"] == "solid"]
        dashed = [one for one in spec["series"] if one["lineStyle"]["type"] == "dashed"]
        ways = scores["way"].unique(maintain_order=True).to_list()
        assert [one["name"] for one in solid] == [one["name"] for one in dashed] == ways
        reached = [point["value"] for point in solid[0]["data"]]
        expected = scores.filter(way=ways[0])["score"].to_list()
        assert reached == pytest.approx([100 * one for one in expected], abs=0.01)
        assert len({one["lineStyle"]["color"] for one in solid}) == len(ways)

    def test_bars_and_boxes_hold_what_they_are_given(self) -> None:
        way, other = list(WAYS.values())[:2]
        rows = [("short", way, 0.5), ("short", other, 0.75), ("long", way, 1.0), ("long", other, 1)]
        groups = pl.DataFrame(rows, schema=["group", "way", "score"], orient="row")
        spec = group_bars(groups)
        assert spec["yAxis"]["data"] == ["short", "long"]
        assert [one["data"] for one in spec["series"]] == [[50, 100], [75, 100]]
        samples = pl.DataFrame(
            {"run": ["a", "b"], "within": [0.8, None], "covered": [0.5, 0.25], "of_list": [1.0, 0]}
        )
        bars = sample_bars(samples)
        assert [one["data"] for one in bars["series"]] == [[80, None], [50, 25], [100, 0]]
        marks = {"low": 0.1, "quarter": 0.2, "median": 0.3, "three_quarters": 0.4, "high": 0.5}
        gates = pl.DataFrame([{"run": "a", "group": "all", "users": 9, **marks}])
        (box,) = gate_boxes(gates, "share")["series"][0]["data"]
        assert box["value"] == list(marks.values()) and "9 users" in box["name"]
        both = pl.concat([gates, gates.with_columns(run=pl.lit("b"))])
        assert gate_boxes(both, "share")["yAxis"]["data"] == ["a: all", "b: all"]
        for one in (spec, bars, gate_boxes(both, "share")):
            json.dumps(one, allow_nan=False)
