"""Domains and losses, a part of the comparison: charts of tables, and the empty state."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
from opening import Open, sound, words

from app.results.domains import GROUPS, OTHERS, SCHEMA
from app.ui.compare.domain_charts import points, sweep
from app.ui.compare.domains import ABOUT, WHO
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


def test_a_sweep_has_a_band_where_there_are_seeds() -> None:
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


def test_every_group_is_explained() -> None:
    assert set(ABOUT) == {*(group.title for group in GROUPS.values()), OTHERS}
    assert all(term in HINTS for terms in ABOUT.values() for term in terms)


def test_nothing_run_names_the_command_that_fills_it(screen: Open, demo_workspace: Path) -> None:
    page = screen("compare", demo_workspace, compare=TAB)
    assert sound(page) and "No ablations yet" in words(page)
    assert "autograph reproduce rankgraph" in words(page)
    assert set(WHO) >= {"all", "0", "1–5", "6+"}
