"""The chart of training curves, as a plain dictionary."""

from __future__ import annotations

import json

import polars as pl

from app.experiment.settings import ENHANCERS
from app.results.colours import SERIES
from app.ui.train.curves import curves_chart


def curves(seeds: tuple[int, ...] = (0,), finished: bool = True) -> pl.DataFrame:
    rows = [
        {
            "recommender": f"{backbone}+{enhancer} seed {seed}",
            "backbone": backbone,
            "enhancer": enhancer,
            "seed": seed,
            "finished": finished,
            "epoch": epoch,
            "loss": 6.0 / epoch,
            "ndcg@10": 0.0123456 * epoch,
        }
        for backbone in ("mind", "sasrec")
        for enhancer in ("none", "autograph")
        for seed in seeds
        for epoch in (1, 2, 3)
    ]
    return pl.DataFrame(rows)


def test_both_panels_hold_every_recommender() -> None:
    spec = curves_chart(curves())
    assert len(spec["series"]) == 8
    loss, ndcg = spec["series"][:2]
    assert (loss["name"], loss["xAxisIndex"], ndcg["xAxisIndex"]) == ("mind+none", 0, 1)
    assert loss["data"] == [[1, 6.0], [2, 3.0], [3, 2.0]]
    assert ndcg["data"] == [[1, 0.01235], [2, 0.02469], [3, 0.03704]]
    assert [len(spec[part]) for part in ("grid", "xAxis", "yAxis", "title")] == [2, 2, 2, 2]
    json.dumps(spec)


def test_a_colour_a_backbone_and_a_dash_for_the_twin() -> None:
    lines = {line["name"]: line["lineStyle"] for line in curves_chart(curves())["series"]}
    assert lines["mind+none"]["color"] == lines["mind+autograph"]["color"]
    assert lines["mind+none"]["color"] != lines["sasrec+none"]["color"]
    assert {name: style["type"] for name, style in lines.items()} == {
        "mind+none": "dashed",
        "mind+autograph": "solid",
        "sasrec+none": "dashed",
        "sasrec+autograph": "solid",
    }
    assert all(style["color"] in SERIES for style in lines.values())


def test_every_enhancer_has_a_look_of_its_own() -> None:
    one = curves().filter(backbone="sasrec", enhancer="none")
    every = pl.concat(
        one.with_columns(enhancer=pl.lit(name), recommender=pl.lit(f"{backbone}+{name} seed 0"))
        .with_columns(backbone=pl.lit(backbone))
        .select(one.columns)
        for backbone in ("sasrec", "mind")
        for name in ENHANCERS
    )
    for part in (every, every.filter(backbone="mind")):
        lines = {one["name"]: one["lineStyle"] for one in curves_chart(part)["series"]}
        looks = {json.dumps([style["color"], style["type"]]) for style in lines.values()}
        assert len(looks) == len(lines) == part["recommender"].n_unique()
    assert len({style["color"] for style in lines.values()}) == len(SERIES)


def test_epochs_begin_with_the_first() -> None:
    assert [(a["min"], a["max"]) for a in curves_chart(curves())["xAxis"]] == [(1, 3)] * 2
    first = curves_chart(curves().filter(epoch=1))["xAxis"][0]
    assert (first["min"], first["max"]) == (1, 2)


def test_seeds_are_named_where_there_are_several() -> None:
    names = {line["name"] for line in curves_chart(curves((0, 1)))["series"]}
    assert len(names) == 8
    assert "mind+none seed 1" in names


def test_points_show_what_is_still_trained() -> None:
    assert {one["symbol"] for one in curves_chart(curves())["series"]} == {"none"}
    running = curves_chart(curves(finished=False))
    assert {one["symbol"] for one in running["series"]} == {"circle"}


def test_what_learns_nothing_is_a_level_line_without_a_loss() -> None:
    first = curves().filter(backbone="mind", enhancer="none").head(1)
    still = first.with_columns(backbone=pl.lit("item-knn"), loss=pl.lit(None, pl.Float64))
    lines = curves_chart(pl.concat([curves(), still.with_columns(recommender=pl.lit("still"))]))
    loss, ndcg = (one for one in lines["series"] if one["name"] == "item-knn+none")
    value = round(first["ndcg@10"][0], 5)
    assert loss["data"] == [] and ndcg["data"] == [[1, value], [3, value]]
    json.dumps(lines, allow_nan=False)
