"""Charts of the comparison, as the plain dicts that they are."""

from __future__ import annotations

import json

import polars as pl

from app.experiment.settings import ENHANCERS
from app.ui.compare.charts import (
    bucket_bars,
    cost_scatter,
    forest,
    histogram,
    measure_bars,
    rank_scatter,
)

DIFFERENCES = pl.DataFrame(
    {
        "name": ["up", "down", "either", "one user"],
        "difference": [0.2, -0.2, 0.1, 0.3],
        "low": [0.1, -0.3, -0.1, float("-inf")],
        "high": [0.3, -0.1, 0.3, float("inf")],
    }
)


def test_intervals_are_coloured_by_what_they_show() -> None:
    spec = forest(DIFFERENCES, "difference")
    json.dumps(spec, allow_nan=False)
    boxes, points = spec["series"]
    assert spec["yAxis"]["data"] == ["either", "down", "up"], "no interval, no row"
    colours = [box["itemStyle"]["color"] for box in boxes["data"]]
    assert colours == ["muted", "bad", "good"]
    assert boxes["data"][2]["value"] == [0.1, 0.1, 0.2, 0.3, 0.3]
    assert points["data"] == [[0.1, 0], [-0.2, 1], [0.2, 2]]


def test_buckets_without_an_interval_are_left_out_too() -> None:
    table = DIFFERENCES.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))
    assert forest(table, "x")["yAxis"]["data"] == []


def test_a_user_stands_below_the_line_where_ours_is_better() -> None:
    users = pl.DataFrame({"ours": [1.0, 5, 3], "theirs": [4.0, 2, 3]})
    users = users.with_columns(difference=pl.col("ours") - pl.col("theirs"))
    spec = rank_scatter(users, "ours", "theirs")
    higher, others, line = spec["series"]
    assert higher["data"] == [[4, 1]] and others["data"] == [[2, 5], [3, 3]]
    assert line["data"] == [[1, 1], [5, 5]]
    assert (spec["xAxis"]["name"], spec["yAxis"]["name"]) == ("rank by theirs", "rank by ours")


def test_the_histogram_counts_whoever_differs() -> None:
    spec = histogram(pl.Series([0.0, 0, -1, 0.9, 1, 0.1]), "d", bins=2)
    bars = spec["series"][0]["data"]
    assert [bar["value"] for bar in bars] == [1, 0, 1, 2]
    assert [bar["itemStyle"]["color"] for bar in bars] == ["bad"] * 2 + ["good"] * 2
    assert sum(b["value"] for b in histogram(pl.Series([0.0]), "d")["series"][0]["data"]) == 0


def test_buckets_show_both() -> None:
    table = pl.DataFrame({"bucket": ["0", "1–4"], "ours": [0.2, None], "theirs": [0.1, 0.3]})
    spec = bucket_bars(table, "new", "old", "MRR")
    assert spec["xAxis"]["data"] == ["0", "1–4"]
    assert [(s["name"], s["data"]) for s in spec["series"]] == [
        ("old", [0.1, 0.3]),
        ("new", [0.2, None]),
    ]


def test_what_was_not_measured_has_no_bar() -> None:
    table = pl.DataFrame(
        {"run": ["a", "b"], "enhancer": ["none", "autograph"], "diversity": [None, 0.5]}
    )
    spec = measure_bars(table, "diversity")
    assert spec["yAxis"]["data"] == ["b"]
    assert spec["series"][0]["data"][0] == {"value": 0.5, "itemStyle": {"color": "violet"}}


def test_twins_are_joined_and_what_costs_nothing_has_no_logarithm() -> None:
    table = pl.DataFrame(
        {
            "run": ["s+none", "s+autograph", "m+autograph"],
            "backbone": ["s", "s", "m"],
            "enhancer": ["none", "autograph", "autograph"],
            "mrr": [0.1, 0.2, 0.3],
            "seconds": [10.0, 30.0, 0.0],
            "twin": [None, "s+none", None],
        }
    )
    spec = cost_scatter(table, "mrr", "MRR", "seconds: seconds of training")
    plain, rich, line = spec["series"]
    assert plain["data"][0]["value"] == [10, 0.1] and plain["itemStyle"]["color"] == "muted"
    assert [dot["value"] for dot in rich["data"]] == [[30, 0.2]]
    assert line["data"] == [[10, 0.1], [30, 0.2]]
    assert spec["xAxis"]["name"] == "seconds of training"


def test_dots_of_every_enhancer_have_a_shape_and_a_name_of_their_own() -> None:
    table = pl.DataFrame({"enhancer": ENHANCERS}).with_columns(
        run=pl.lit("s+") + pl.col("enhancer"),
        backbone=pl.lit("s"),
        mrr=0.1,
        seconds=10.0,
        twin=pl.lit(None, pl.String),
    )
    dots = cost_scatter(table, "mrr", "MRR", "seconds: seconds of training")["series"]
    assert len({one["symbol"] for one in dots}) == len(dots) == len(ENHANCERS)
    assert [one["data"][0]["label"]["formatter"] for one in dots] == table["run"].to_list()
