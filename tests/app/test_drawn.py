"""Figures of true items among a few that were drawn say so wherever they show."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from app_fakes import run_here

from app.pipeline.records import Record, read_record
from app.results.comparison import contenders, drawn_among, load_evaluation, short_lists

SHORT = "Shorter lists"
SETS = ("--set", "name=drawn", "--set", "evaluate.candidates=5")


@pytest.fixture(scope="module")
def drawn(
    finished: Path, tiny_experiment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Record:
    """The small experiment, judged among 5 that are drawn; nothing is trained for it."""
    workspace = Path(shutil.copytree(finished, tmp_path_factory.mktemp("drawn") / "workspace"))
    run_here(tiny_experiment, workspace, "--set", "name=drawn", "--set", "evaluate.candidates=5")
    return read_record("drawn", workspace)


def test_titles_say_it(
    drawn: Record, tiny_experiment: Path, autograph: Any, tmp_path: Path
) -> None:
    latex = tmp_path / "table.tex"
    where = ("--workspace", drawn.workspace)
    told = autograph("compare", "drawn", "--short-lists", "--latex", latex, *where)
    assert told.exit_code == 0, told.output
    said = " ".join(told.output.split())
    assert "Test metrics, among 5 drawn" in said and f"{SHORT}, among 5 drawn" in said
    assert "hr@1" in said
    assert "Test metrics, among 5 drawn, means over seeds" in latex.read_text()
    again = autograph("run", tiny_experiment, *SETS, *where)
    assert again.exit_code == 0, again.output
    assert "interactions, among 5 drawn" in " ".join(again.output.split())


def test_a_report_says_it(drawn: Record, autograph: Any, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    told = autograph("report", "drawn", "--to", page, "--workspace", drawn.workspace)
    assert told.exit_code == 0, told.output
    assert "itself and 5" in page.read_text()


def test_others_do_not(drawn: Record, autograph: Any) -> None:
    found = contenders([read_record("tiny", drawn.workspace)])
    assert drawn_among(found) == ""
    both = contenders([read_record("tiny", drawn.workspace), drawn])
    assert drawn_among(both) == ", some among 5 drawn"
    told = autograph("compare", "tiny", "--workspace", drawn.workspace)
    assert "drawn" not in told.output and SHORT not in told.output


def test_shorter_lists_are_means_over_seeds(drawn: Record) -> None:
    found = contenders([drawn])
    table = short_lists(found)
    assert table["run"].to_list() == list(found)
    for label, one in found.items():
        row = table.row(by_predicate=pl.col("run") == label, named=True)
        ranks = [load_evaluation(one.record, cell).per_user["rank"] for cell in one.cells]
        hits = [(of <= 1).mean() for of in ranks]
        assert row["hr@1"] == pytest.approx(sum(hits) / len(hits))
        assert row["hr@1"] <= row["hr@5"] <= row["hr@10"] == 1, "of six candidates all are in ten"
