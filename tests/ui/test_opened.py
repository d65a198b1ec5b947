"""Results that are opened once: those that are made again in their folder are opened again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from manifests import finish_again
from opening import Open

from app.experiment.saved import NewItem
from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.results import Results, stamp
from app.ui.demo.newcomers import place_new_item
from app.ui.shared.results import results_of
from data import atomic

CELL = Cell("sasrec", "autograph", 0)
NEW = NewItem(name="Untitled", data="demo", text="Ice and fog.")


@pytest.fixture
def record(own_workspace: Path) -> Record:
    return read_record("demo", own_workspace)


@pytest.mark.parametrize(
    ("stage", "cell", "look"),
    [
        ("knowledge-item", None, lambda record: results_of(record).showcase),
        ("graph", None, lambda record: results_of(record).inserter),
        ("vectors-item", None, lambda record: place_new_item(record, NEW)),
        ("train", CELL, lambda record: results_of(record).ready(CELL)),
        ("split", None, lambda record: results_of(record).everybody(CELL)),
        ("train", CELL, lambda record: results_of(record).everybody(CELL)),
    ],
)
def test_what_is_made_again_is_opened_again(
    record: Record, stage: str, cell: Cell | None, look: Callable[[Record], Any]
) -> None:
    before = look(record)
    assert look(record) is before
    finish_again(record.folder(stage, cell))
    assert look(record) is not before


def test_a_map_follows_codes_that_are_made_again(record: Record) -> None:
    before = Results(record).map_path("item", 0)
    assert Results(record).map_path("item", 0) == before
    finish_again(record.folder("codes-item"))
    assert Results(record).map_path("item", 0) != before


def test_a_stamp_tells_folders_and_times_apart(record: Record) -> None:
    one, other = record.folder("dataset"), record.folder("split")
    before = stamp(one, other)
    assert before == stamp(one, other) != stamp(one)
    finish_again(other)
    assert stamp(one, other) != before


@pytest.mark.parametrize("aspect", ["Metrics", "Users"])
def test_figures_follow_a_recommender_that_is_judged_again(
    screen: Open, record: Record, aspect: str
) -> None:
    page = screen("compare", record.workspace, compare=aspect)
    before = page.dataframe[0].value
    for cell in record.finished_cells():
        if cell.enhancer == CELL.enhancer:
            path = record.folder("evaluate", cell) / "per_user.parquet"
            metrics = pl.col("ndcg@10", "hr@10", "mrr")
            pl.read_parquet(path).with_columns((1 - metrics).name.keep()).write_parquet(path)
            finish_again(path.parent)
    page.run()
    assert not page.exception and not page.error
    assert not page.dataframe[0].value.equals(before)


def test_numbers_of_the_data_follow_data_that_are_read_again(screen: Open, record: Record) -> None:
    page = screen("data", record.workspace)
    assert not [part for part in page.subheader if part.value.startswith("Rows that could not")]
    path = record.folder("dataset") / "bad_rows.parquet"
    bad = pl.DataFrame({"file": ["a.csv"], "line": [2], "reason": ["no item"]})
    atomic.write_parquet(path, bad)
    finish_again(path.parent)
    page.run()
    assert not page.exception and not page.error
    assert [part for part in page.subheader if part.value.startswith("Rows that could not")]
