"""Domains and losses, a part of the comparison: charts of tables, and the empty state."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from opening import Open, sound, words

from app.pipeline.records import read_record
from app.results.domains import GROUPS, OTHERS, SCHEMA, count_tests, reach_table, runs_of
from app.ui.compare.domain_charts import points, sweep
from app.ui.compare.domains import ABOUT, WHO
from app.ui.shared.frame import plain
from app.ui.shared.words import HINTS

TAB = "Domains and losses"


def row(name: str, mean: float, **more: object) -> dict[str, object]:
    first = {"row": name, "name": name, "bucket": "all", "measure": "recall@100", "users": 9}
    around = {"mean": mean, "mean_low": mean - 0.1, "mean_high": mean + 0.1, "seeds": 1}
    return {**dict.fromkeys(SCHEMA), **first, **around, **more}


def made(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={**SCHEMA, "name": pl.String, "value": pl.Float64}, strict=False
    )


def test_points_are_coloured_by_what_may_be_said() -> None:
    tested = {"difference": 0.1, "low": 0.01, "high": 0.2, "ratio": 1.5}
    table = made(
        row("base", 0.2),
        row("up", 0.3, **tested, p_holm=0.01),
        row("down", 0.1, **{**tested, "difference": -0.1}, p_holm=0.01),
        row("chance", 0.25, **tested, p_holm=0.06),
    )
    spec = points(table, "Recall@100", 0.5, 0.2)
    json.dumps(spec, allow_nan=False)
    assert spec["yAxis"]["data"] == ["chance", "down", "up", "base"], "the first stands on top"
    boxes, dots = spec["series"]
    colours = [one["itemStyle"]["color"] for one in boxes["data"]]
    assert colours == ["muted", "bad", "good", "text"]
    assert boxes["data"][2]["value"] == [0.2, 0.2, 0.3, 0.4, 0.4]
    assert dots["data"] == [[0.25, 0], [0.1, 1], [0.3, 2], [0.2, 3]]
    assert boxes["markLine"]["data"] == [{"xAxis": 0.2}]
    assert "no difference beyond chance" in boxes["data"][0]["name"]


def test_a_sweep_has_a_band_over_seeds_or_else_over_users() -> None:
    several = {"seeds": 3, "seed_low": 0.1, "seed_high": 0.3}
    table = made(
        row("a", 0.2, value=0.0, **several),
        row("b", 0.3, value=0.5),
        row("c", 0.1, value=1.0, **several),
    )
    spec = sweep(table, "Recall@100", "λ")
    json.dumps(spec, allow_nan=False)
    low, high, mean = spec["series"]
    assert low["data"] == [[0.0, 0.1], [1.0, 0.1]] and high["data"] == [[0.0, 0.3], [1.0, 0.3]]
    assert [one["value"] for one in mean["data"]] == [[0.0, 0.2], [0.5, 0.3], [1.0, 0.1]]
    assert "seeds: 3" in mean["data"][0]["name"]
    alone = sweep(made(row("a", 0.2, value=0.0), row("b", 0.3, value=1.0)), "Recall@100", "λ")
    low, high, _ = alone["series"]
    assert low["data"] == [[0.0, 0.1], [1.0, 0.2]] and high["data"] == [[0.0, 0.3], [1.0, 0.4]]


def test_every_group_is_explained() -> None:
    assert set(ABOUT) == {*(group.title for group in GROUPS.values()), OTHERS}
    assert all(term in HINTS for terms in ABOUT.values() for term in terms)


def test_nothing_run_names_the_command_that_fills_it(screen: Open, demo_workspace: Path) -> None:
    page = screen("compare", demo_workspace, compare=TAB)
    assert sound(page) and "No ablations yet" in words(page)
    assert "autograph reproduce rankgraph" in words(page)
    assert set(WHO) >= {"all", "0", "1–5", "6+"}


@pytest.fixture(scope="module")
def family(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished demo, and LightGCN in it with each number of layers, trained in this process."""
    from app.pipeline.plan import Plan
    from app.pipeline.records import write_record
    from app.pipeline.runner import Quiet, StepRunner
    from app.reproduce.domains import measure_ranks
    from app.reproduce.tables import open_reproduction

    folder = tmp_path_factory.mktemp("family")
    workspace = Path(shutil.copytree(demo_workspace, folder / "workspace"))
    path = folder / "rankgraph-films.toml"
    path.write_text(
        'extends = "demo"\n[grid]\nbackbones = ["lightgcn-cf", "item-knn"]\n'
        'enhancers = ["none"]\nseeds = [0]\n[train]\nepochs = 1\n'
    )
    of = open_reproduction(str(path), workspace)
    for experiment, _ in of.experiments():
        plan = Plan(experiment, workspace)
        write_record(plan, plan.steps())
        for step in plan.steps():
            StepRunner(plan.experiment, workspace).run(step, Quiet())
        measure_ranks(read_record(experiment.name, workspace), list(plan.experiment.grid))
    return workspace


def test_what_is_there_is_drawn_and_told(screen: Open, family: Path) -> None:
    page = screen("compare", family, compare=TAB)
    assert sound(page)
    record = read_record("rankgraph-films", family)
    found = reach_table(runs_of(record), "lightgcn-cf")
    assert set(found["row"]) == {"lightgcn-cf", "item-knn", "layers-1", "layers-2"}
    shown = next(one.value for one in page.dataframe if "mean_low" in one.value)
    assert shown["mean"].to_list() == pytest.approx(found["mean"].to_list())
    said = words(page)
    assert {one.value for one in page.subheader} == {"Layers", OTHERS}
    assert plain("rankgraph-films: LightGCN-CF on ") in said and "among the first 100 of" in said
    assert "One seed each" in said and plain("Against 3 layers, as set") in said
    assert f"corrected for all {count_tests(found)} tests" in said
    (chosen,) = [one for one in page.get("button_group") if one.label == "Measure"]
    assert chosen.value == "recall@100"


def test_a_bucket_of_people_is_in_the_address(screen: Open, family: Path) -> None:
    record = read_record("rankgraph-films", family)
    found = reach_table(runs_of(record), "lightgcn-cf")
    few = found.filter(bucket="1–5", measure="ndcg@10", row="lightgcn-cf")["users"].item()
    page = screen("compare", family, compare=TAB, had="1 to 5", reached="NDCG@10")
    assert sound(page) and f"{few} people" in words(page)
    assert "among all items" in words(page)
