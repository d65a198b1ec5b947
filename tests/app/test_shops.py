"""Tables of shops: which rows there are, what stands under them, and against what it is held."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import ON_CPU, beside_here

from app.experiment.settings import Cell
from app.reproduce.results import results_of
from app.reproduce.shops import Judged, published, shop_sheets
from app.reproduce.tables import found_in, open_reproduction
from recommend.judge.evaluate import Evaluation

ABOUT = {"part": "test", "candidates": "all", "exclude_seen": True, "ties": "mean rank", "seed": 0}


@pytest.fixture(autouse=True, scope="module")
def in_this_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.pipeline.runner.run_beside", beside_here)
        yield


def judged(key: str, values: list[float], valid: float, *, simple: bool = False) -> Judged:
    users = np.arange(len(values))
    columns = {"user": users.astype(np.int32), "rank": users + 1.0, "candidates": users + 9}
    metrics = dict.fromkeys(("ndcg@10", "hr@10", "mrr", "gauc"), values)
    slices = {"history": [3, 6, 12, 3], "popularity": [0, 6, 5, 30]}
    evaluation = Evaluation(pl.DataFrame({**columns, **metrics, **slices}), ABOUT)
    summary = {"valid_ndcg@10": valid, "seconds": 61.0, "peak_mb": 512.0}
    return Judged(key, "", simple, {0: evaluation}, [summary])


def test_the_bar_is_the_simple_one_that_is_best_on_validation() -> None:
    rows = [
        judged("popularity+none", [0.9, 0.9, 0.9, 0.9], 0.1, simple=True),
        judged("hybrid+none", [0.1, 0.2, 0.3, 0.4], 0.2, simple=True),
        judged("sasrec+none", [0.2, 0.3, 0.4, 0.5], 0.3),
    ]
    bar, popularity, history, cost = shop_sheets("none-such", rows)
    assert "Against hybrid+none" in bar.title and "0.2000" in bar.title
    ((name, valid, mean, change, *_),) = [row[:4] for row in bar.rows]
    assert (name, valid, mean, change) == ("sasrec+none", "0.3000", "0.3500", "+40.0 %")
    assert popularity.heads[1:] == ["0 to 5 (2)", "6 to 20 (1)", "21 and more (1)"]
    assert popularity.rows[2] == ["sasrec+none", "0.3000", "0.3000", "0.5000"]
    assert history.rows[1] == ["hybrid+none", "0.2500", "0.2000", "0.3000"]
    assert cost.rows[0] == ["popularity+none", "61.0", "512"]


def test_published_figures_stand_beside_the_data_that_they_are_of() -> None:
    rows, source = published("amazon-beauty")
    assert rows["SASRec with sampled softmax"] == [0.0921, 0.0531] and "transformer" in source
    *_, sheet = shop_sheets("amazon-beauty", [judged("sasrec+none", [0.1, 0.2, 0.3, 0.4], 0.3)])
    assert sheet.rows[-1] == ["eSASRec", "0.0523", "0.0928"]
    assert published("demo") == ({}, "")


def test_every_way_has_its_controls(tmp_path: Path) -> None:
    of = open_reproduction("office", tmp_path, tmp_path)
    keys = {row.key for row in of.rows}
    for way in ("start", "text-item", "contrast", "autograph", "grounded", "fusion"):
        assert {f"sasrec+{way}{slug}" for slug in ("", "-shuffled", "-random")} <= keys
    assert {"hybrid+none", "hybrid+none-shuffled", "text-knn+none-shuffled"} <= keys
    assert "item-knn+none-shuffled" not in keys and "hybrid+none-random" not in keys
    found = {rows[0].variant.slug: experiment for experiment, rows in of.experiments()}
    fused = Cell("sasrec", "fusion", 0)
    assert found["by-factors"].model_of(fused).enhancer.evidence == ("items", "factors")
    assert found["by-items"].model_of(fused).enhancer.evidence == ("items",)
    assert found["upon-start"].beneath(fused) == Cell("sasrec", "start", 0)
    assert found["upon-start-shuffled"].control == "shuffled"
    assert "words" not in found["random"].model_of(fused).needs
    rivals = {row.key: row.variant.rival for row in of.rows}
    assert rivals["sasrec+fusion"] == "shuffled"
    assert rivals["sasrec+fusion-upon-start"] == "upon-start-shuffled"


def test_a_table_of_ones_own_shop_is_filled(
    tiny_experiment: Path, finished: Path, tmp_path: Path, autograph: Any
) -> None:
    own = Path(shutil.copytree(finished, tmp_path / "workspace"))
    path = tiny_experiment.with_name("shop-tiny.toml")
    path.write_text(
        'extends = "tiny"\n[grid]\nbackbones = ["item-knn", "hybrid", "gru4rec"]\n'
        'enhancers = ["none", "start", "fusion"]\n[train]\nepochs = 2\n'
    )
    rows = ("item-knn+none", "hybrid*", "gru4rec+none", "gru4rec+fusion", "gru4rec+fusion-shuffled")
    told = autograph("reproduce", path, "--only", *rows, "--workspace", own, *ON_CPU)
    of = open_reproduction(str(path), own)
    path.unlink()
    assert told.exit_code == 0, told.output
    text = (own / "results" / "shop-tiny.md").read_text()
    assert "the best simple recommender on validation" in text
    assert "by training interactions of what was wanted" in text
    assert "paper" not in text
    table = pl.read_parquet(own / "results" / "shop-tiny-table.parquet").filter(metric="mrr")
    fused = table.filter(row="gru4rec+fusion").to_dicts()[0]
    assert fused["rival"] == "gru4rec+fusion-shuffled" and fused["shared"] == 1
    hybrid = table.filter(row="hybrid+none").to_dicts()[0]
    assert hybrid["rival"] == "hybrid+none-shuffled" and hybrid["difference"] is None
    taken = {}
    for record, cells in found_in(of).values():
        for cell in cells:
            seconds = pl.read_parquet(record.folder("train", cell) / "curve.parquet")["seconds"]
            own_part = seconds[-1:] if cell.enhancer == "fusion" else seconds
            taken[record.cells[cell]["train"]] = own_part.sum()
    assert results_of(of).seconds == pytest.approx(sum(taken.values())), "each training once"
