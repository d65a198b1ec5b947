"""Quality by how many neighbours are read, a part of the comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from opening import Open, sound, words

from app.pipeline.records import read_record
from app.results.comparison import Contender, contenders
from app.results.sweep import (
    RUNS,
    SCHEMA,
    by_neighbours,
    efforts,
    step_cost_in_words,
    trained_by_neighbours,
)
from app.ui.compare.neighbour_charts import effort_lines, neighbour_lines
from app.ui.compare.neighbours import seeds_in_words

TAB = "Neighbours"


def runs() -> pl.DataFrame:
    """Two rows over numbers of neighbours, one of them with two seeds; and all of them."""

    def run(
        group: str, row: str, k: int | None, seed: int, value: float, s: float
    ) -> dict[str, Any]:
        told = {"group": group, "row": row, "k": k, "seed": seed, "metric": "auc", "value": value}
        return {**told, "seconds": s, "peak_mb": 10 * s}

    rows = [
        run("neighbours", "zoomer", 5, 0, 0.7, 2),
        run("neighbours", "zoomer", 5, 1, 0.9, 4),
        run("neighbours", "zoomer", 10, 0, 0.85, 6),
        run("neighbours", "graphsage", 5, 0, 0.6, 3),
        run("neighbours", "zoomer", 0, 0, 0.8, 20),
    ]
    return pl.DataFrame([*rows, {**rows[0], "metric": "valid auc"}], schema=SCHEMA)


def test_a_line_a_row_with_a_bar_where_there_are_seeds() -> None:
    spec = neighbour_lines(by_neighbours(runs()), "AUC")
    json.dumps(spec, allow_nan=False)
    graphsage, zoomer, bars = spec["series"]
    assert [one["value"] for one in zoomer["data"]] == [[5, 0.8], [10, 0.85]]
    assert zoomer["data"][0]["name"] == "zoomer, K = 5: 0.8000 ± 0.1414 over 2 seeds"
    assert bars["data"] == [[5, 0.65858], [5, 0.94142], [5, None]]
    assert graphsage["data"][0]["name"].endswith("one seed")
    assert spec["legend"]["data"] == ["graphsage", "zoomer"]


def test_what_it_takes_is_there_for_all_neighbours_too() -> None:
    took = efforts(runs())
    rows = took.select("row", "k", "seconds").rows()
    assert rows == [
        ("graphsage", 5, 3.0),
        ("zoomer", 5, 3.0),
        ("zoomer", 10, 6.0),
        ("zoomer", 0, 20.0),
    ]
    spec = effort_lines(took, "peak_mb", "MB", "AUC")
    json.dumps(spec, allow_nan=False)
    zoomer = spec["series"][1]
    assert [one["value"] for one in zoomer["data"]] == [[30, 0.8], [60, 0.85], [200, 0.8]]
    assert [one["label"]["formatter"] for one in zoomer["data"]] == ["5", "10", "all"]


def test_what_a_step_takes_is_a_ratio() -> None:
    assert step_cost_in_words(runs()) == ""
    told = {"group": "cost", "row": "zoomer", "seed": 0, "metric": "step seconds"}
    more = [told | {"k": k, "value": v} for k, v in ((10, 0.5), (5, 0.25), (0, 3.5))]
    every = pl.concat([runs(), pl.DataFrame(more, schema=SCHEMA)])
    assert step_cost_in_words(every) == (
        "A step of training takes 0.250 s with 5 neighbours of a type, and 2.0 times that with 10, "
        "14.0 times that with all."
    )


def test_seeds_are_said() -> None:
    table = by_neighbours(runs())
    assert seeds_in_words(table).startswith("1 to 2 seeds a point")
    assert seeds_in_words(table.filter(seeds=1)).startswith("one seed a point, so nothing")


def test_measured_runs_are_drawn(screen: Open, own_workspace: Path) -> None:
    (own_workspace / "results").mkdir(exist_ok=True)
    runs().write_parquet(own_workspace / "results" / RUNS)
    page = screen("compare", own_workspace, compare=TAB)
    assert sound(page)
    said = words(page)
    assert "1 to 2 seeds a point" in said and "Numbers at points" in said
    assert "reproduce zoomer --from DATA" in said


def test_nothing_measured_is_designed_and_says_the_command(
    screen: Open, demo_workspace: Path
) -> None:
    page = screen("compare", demo_workspace, compare=TAB)
    assert sound(page)
    said = words(page)
    assert "Not measured yet" in said and "reproduce zoomer --from DATA" in said
    assert "One number of neighbours at most" in said and "demo-k5" in said


class _Judged:
    """An evaluation of which only a mean is asked."""

    def __init__(self, value: float) -> None:
        self.value = value

    def mean(self, metric: str) -> float:
        assert metric == "ndcg@10"
        return self.value


def test_experiments_that_differ_in_neighbours_stand_on_one_line(demo_workspace: Path) -> None:
    from dataclasses import replace

    from app.experiment.settings import Cell, Experiment

    record = read_record("demo", demo_workspace)

    def trained(name: str, k: int, n: int, split: str) -> Contender:
        changed = {"contextgnn": {"model": {"backbone": {"name": "contextgnn", "neighbours": k}}}}
        own = Experiment.model_validate({"name": name, "override": changed})
        of = replace(record, experiment=own, keys={**record.keys, "split": split})
        cells = tuple(Cell("contextgnn", "none", seed) for seed in range(n))
        return Contender(f"{name}: contextgnn", of, cells)

    found = {
        one.label: one
        for one in (trained("b", 9, 1, "s"), trained("a", 4, 2, "s"), trained("c", 5, 1, "t"))
    }
    plain = contenders([record])
    values = {("a", 0): 0.1, ("a", 1): 0.3, ("b", 0): 0.5}
    table = trained_by_neighbours(
        found | plain,
        "ndcg@10",
        lambda of, cell: _Judged(values[of.experiment.name, cell.seed]),  # type: ignore[arg-type, return-value]
    )
    assert table.select("k", "mean", "seeds", "experiment").rows() == [
        (4, pytest.approx(0.2), 2, "a"),
        (9, 0.5, 1, "b"),
    ]
    assert table["sd"][0] == pytest.approx(0.1414, abs=1e-4) and table["sd"][1] is None
