"""Tables as a spreadsheet opens them: nothing in a cell or a heading runs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from app.cli.compare import compare
from app.results.metrics import write_results
from data.inert import csv_bytes

FORMULAS = ("=1+1", "+1", "-2+3", "@SUM(1+1)", "\t=1+1", "\r=1+1", " =1+1", "\uff1d1+1", "\n=1")


def _rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("formula", FORMULAS)
def test_cells_and_headings_are_texts(formula: str) -> None:
    kinds = {formula: [formula], "kind": pl.Series([formula], dtype=pl.Categorical)}
    heads, cells = _rows(csv_bytes(pl.DataFrame({**kinds, "many": [[formula, "b"]]})))
    assert heads == [f"'{formula}", "kind", "many"]
    assert cells == [f"'{formula}", f"'{formula}", f"'{formula}|b"]


def test_numbers_stay_numbers() -> None:
    table = pl.DataFrame({"n": [-1.5], "k": [-2], "many": [[-1, 2]], "none": [None], "yes": [True]})
    assert _rows(csv_bytes(table.drop("many")))[1] == ["-1.5", "-2", "", "true"]


def test_what_harms_nobody_is_left_as_it_is() -> None:
    table = pl.DataFrame({"a-b": ['Heat, "1995"', "a=b", "日本語", "1e5", None]})
    assert _rows(csv_bytes(table)) == [["a-b"], ['Heat, "1995"'], ["a=b"], ["日本語"], ["1e5"], []]


def test_headings_that_would_become_alike_both_stay() -> None:
    assert _rows(csv_bytes(pl.DataFrame({"=a": [1], "'=a": [2]}))) == [["'=a", "'=a"], ["1", "2"]]


def test_saved_results_are_written_alike(
    demo_workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.pipeline.records import read_record

    marked = pl.DataFrame({"=h": ["=1+1"]})
    monkeypatch.setattr("app.results.metrics.result_table", lambda _: marked)
    monkeypatch.setattr("app.cli.compare.compare_contenders", lambda *_: marked)
    monkeypatch.setattr("app.cli.compare.show_compared", lambda *_: "")
    monkeypatch.setattr("app.cli.compare.no_difference_note", lambda _: [])
    monkeypatch.setattr("data.atomic.write_parquet", lambda path, _: path)
    written: dict[str, bytes] = {}
    monkeypatch.setattr("data.atomic.write_bytes", lambda path, it: written.update({path.name: it}))
    write_results(read_record("demo", demo_workspace))
    compare(["demo"], workspace=demo_workspace, csv=tmp_path / "compared.csv")
    assert written == dict.fromkeys(("demo.csv", "compared.csv"), b"'=h\n'=1+1\n")
