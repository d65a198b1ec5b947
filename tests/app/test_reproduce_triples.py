"""`autograph reproduce zoomer` on a few tags: every row is run, judged, told and gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.reproduce import triples
from app.reproduce.triple_account import account_of_triples
from app.reproduce.triples import GROUPS, TripleTable, read_tags, run_triples
from app.results.sweep import SCHEMA, by_neighbours, read_runs
from data import atomic
from data.errors import ConfigError, DataError
from recommend.settings.zoomer import ZoomerConfig

FEW = ("table/zoomer", "zoomer-gcn", "pixie", "towers", "cost", "neighbours/zoomer")
TINY = (("epochs", 1), ("width", 4), ("batch", 64))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tags of twenty people for thirty films, in the publisher's form."""
    made, rng = tmp_path / "tags", np.random.default_rng(0)
    made.mkdir()
    rows = []
    for user in range(1, 21):
        for item in rng.choice(np.arange(1, 31), 8, replace=False):
            for tag in rng.choice(["dark", "red sea", "slow", "loud"], 2, replace=False):
                rows.append(f"{user}::{item}::{tag}::{1_100_000_000 + len(rows)}")
    (made / "tags.dat").write_text("\n".join(rows))
    films = (f"{n}::Film of {n % 5} (1990)::Drama|War" for n in range(1, 31))
    (made / "movies.dat").write_text("\n".join(films))
    return made


def test_every_group_is_run_once_and_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(of: TripleTable, run: triples.TripleRun, place: Path) -> dict[str, Any]:
        found = triples.measure_steps(of, run)
        atomic.write_json(place / triples.RESULT, found)
        return found

    monkeypatch.setattr(triples, "_apart", here)  # a process each takes seconds to begin
    monkeypatch.setattr(triples, "COSTS", (2, 0))
    monkeypatch.setattr(triples, "SWEEP", (5, 10))
    monkeypatch.setattr(triples, "WIDE", (0,))
    of = TripleTable(folder, tmp_path / "ws", (0,), FEW, TINY)
    runs = of.runs()
    assert len({run.place(of.root) for run in runs}) == len(runs)
    run_triples(of)
    made = {run: (run.place(of.root) / triples.RESULT).stat().st_mtime_ns for run in runs}
    run_triples(of)
    assert made == {run: (run.place(of.root) / triples.RESULT).stat().st_mtime_ns for run in runs}
    told = account_of_triples(of)
    titles = [sheet.title for sheet in told.sheets]
    assert titles[0] == "zoomer, table: test" and "zoomer, ablation: test" in titles
    table = told.sheets[0]
    assert [row[0] for row in table.rows] == ["zoomer", "towers", "pixie"]
    assert all(
        len(row) == len(table.heads)
        for sheet in told.sheets
        for row in sheet.rows
        for table in [sheet]
    )
    sweep = next(sheet for sheet in told.sheets if sheet.title.startswith("zoomer, neighbours"))
    assert sweep.heads[1:] == ["5", "10", "all"] and all(sweep.rows[0])
    costs = next(sheet for sheet in told.sheets if sheet.title.startswith("Cost"))
    assert len(costs.rows) == 2 and costs.rows[-1][0] == "all"
    assert float(costs.rows[-1][1]) >= float(costs.rows[0][1])
    runs_of = told.figures["-runs"]
    assert dict(runs_of.schema) == SCHEMA
    assert set(by_neighbours(runs_of).filter(pl.col("row") == "zoomer")["k"]) == {5, 10}
    assert costs.heads[1] == "heard a triple"  # more are looked at, which a note says
    notes = " ".join(told.notes)
    assert "not there yet" not in notes
    assert f"among the {ZoomerConfig().reach} latest" in notes and "HAN weighs types" in notes


def test_a_killed_table_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = TripleTable(folder, tmp_path / "ws", (0,), ("popularity", "pixie", "towers"), TINY)
    done = []

    def dies(*given: object) -> object:
        if done:
            raise KeyboardInterrupt
        done.append(given)
        return run(*given)  # type: ignore[arg-type]

    run = triples._run
    monkeypatch.setattr(triples, "_run", dies)
    with pytest.raises(KeyboardInterrupt):
        run_triples(of)
    assert [of.result(one) is not None for one in of.runs()] == [True, False, False]
    monkeypatch.undo()
    run_triples(of)
    assert all(of.result(one) is not None for one in of.runs())


def test_the_command_writes_what_the_page_reads(folder: Path, tmp_path: Path) -> None:
    words = ["reproduce", "zoomer", "--from", str(folder), "--seeds", "0", "--only", "popularity"]
    done = CliRunner().invoke(app, [*words, "--workspace", str(tmp_path / "ws")])
    assert done.exit_code == 0, done.output
    found = read_runs(tmp_path / "ws")
    assert found["row"].unique().to_list() == ["popularity"] and "auc" in found["metric"].to_list()
    assert (tmp_path / "ws" / "results" / "zoomer.md").read_text().startswith("# zoomer")


def test_what_is_wrong_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no row or group 'nobody'"):
        TripleTable(folder, tmp_path, only=("nobody",)).runs()
    with pytest.raises(DataError, match=r"tags\.dat"):
        _ = TripleTable(tmp_path / "none", tmp_path).root
    assert read_tags(folder).n_users == 20
    every = TripleTable(folder, tmp_path).runs()
    assert {group for run in every for group in run.groups} == set(GROUPS)
