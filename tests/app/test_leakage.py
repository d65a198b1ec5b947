"""Whatever the test interactions are, everything before the test comes out the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
from app_fakes import run_here

from app.experiment.settings import Cell
from app.pipeline.records import read_record

BEFORE_THE_TEST = {
    "knowledge-item": "knowledge.parquet",
    "knowledge-user": "knowledge.parquet",
    "vectors-user": "vectors.safetensors",
    "codes-item": "codes.parquet",
    "codes-user": "codes.parquet",
    "factors-user": "factors.parquet",
    "graph": "graph.safetensors",
}


def with_other_test_items(table: pl.DataFrame) -> pl.DataFrame:
    """Everybody's last film is that of the next user, who likes another theme."""
    last = table.with_row_index().sort("when").group_by("who", maintain_order=True).last()
    last = last.sort("index")
    turned = last["film"].gather([*range(1, last.height), 0])
    assert (turned != last["film"]).all()
    films = table["film"].to_list()
    for row, film in zip(last["index"], turned, strict=True):
        films[row] = film
    return table.with_columns(film=pl.Series(films))


def test_test_interactions_reach_nothing_but_the_test(
    finished: Path, tiny_experiment: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "turned"
    shutil.copytree(tiny_experiment.parent, copy)
    ratings = pl.read_csv(copy / "ratings.csv")
    with_other_test_items(ratings).write_csv(copy / "ratings.csv")
    run_here(copy / "tiny.toml", tmp_path / "ws")
    one, other = (read_record("tiny", place) for place in (finished, tmp_path / "ws"))
    assert one.keys["dataset"] != other.keys["dataset"]
    for stage, name in BEFORE_THE_TEST.items():
        ours, theirs = (record.folder(stage) / name for record in (one, other))
        assert ours.read_bytes() == theirs.read_bytes(), f"{stage} saw the test"
    for enhancer in ("none", "autograph"):
        cell = Cell("gru4rec", enhancer, 0)
        weights, ranks = (
            [record.folder(stage, cell) / name for record in (one, other)]
            for stage, name in (("train", "weights.safetensors"), ("evaluate", "per_user.parquet"))
        )
        assert weights[0].read_bytes() == weights[1].read_bytes(), f"{cell} saw the test"
        assert ranks[0].read_bytes() != ranks[1].read_bytes(), "the change did not show at all"
