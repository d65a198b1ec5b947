"""The whole way through the command line: once, again, and killed on the way."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from app_fakes import ON_CPU, beside_here, kill, start

from app.cli.run import result_sheet
from app.experiment.file import load_experiment
from app.experiment.settings import Cell
from app.pipeline.plan import Plan
from app.pipeline.records import read_record, write_record
from app.results.comparison import changes_in_words, compare_contenders, contenders
from app.results.metrics import LEAK_NOTE, result_table
from app.results.wording import NOTE

PLAIN, ENHANCED = Cell("gru4rec", "none", 0), Cell("gru4rec", "autograph", 0)


def stamps(workspace: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every file of a result."""
    return {
        str(path.relative_to(workspace)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in (workspace / "artifacts").rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_it_ends_with_metrics(finished: Path) -> None:
    results = pl.read_parquet(finished / "results" / "tiny.parquet")
    assert results["enhancer"].to_list() == ["none", "autograph"]
    assert (
        results.select(pl.col("ndcg@10", "hr@10", "mrr", "gauc").is_between(0, 1).all()).row(0)
        == (True,) * 4
    )
    assert results["peak_mb"].min() > 50  # type: ignore[operator]
    assert not results["leaking"].any()
    assert (finished / "results" / "tiny.csv").read_text().count("\n") == 3


def test_nothing_is_computed_twice(
    finished: Path, tiny_experiment: Path, autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stamps(finished)
    monkeypatch.setattr("app.pipeline.runner.run_beside", None)
    again = autograph("run", tiny_experiment, "--workspace", finished, *ON_CPU)
    assert again.exit_code == 0, again.output
    assert "15 finished steps were taken as they are" in again.output
    assert "NDCG@10" in again.output
    assert stamps(finished) == before


def test_a_part_of_a_run_says_what_was_read_every_time(
    tiny_experiment: Path, tmp_path: Path, autograph: Any
) -> None:
    folder = shutil.copytree(tiny_experiment.parent, tmp_path / "own")
    with (folder / "ratings.csv").open("a") as ratings:
        ratings.write("u0,f0,9000\nu0,f0,9001\nu1,f1,yesterday\n")
    words = ("run", folder / tiny_experiment.name, "--workspace", tmp_path, "--on-bad-row", "skip")
    for _ in range(2):
        told = autograph(*words, "--upto", "split")
        said = " ".join(told.output.split())
        assert told.exit_code == 0 and "tiny: 40 users, 32 items, 239 interactions" in said, said
        assert "Left out: 2 repeated interactions" in said
        assert "1 row could not be read:" in said and "bad_rows.parquet" in said
        assert "train 159 · valid 40 · test 40" in said


def killed_in(process: Any, place: Path, pattern: str) -> bool:
    """Whether `process` was killed when a file that fits `pattern` appeared below `place`."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if any(place.glob(pattern)):
            kill(process)
            return True
        time.sleep(0.002)
    return False


def test_a_killed_run_goes_on_and_ends_alike(
    finished: Path, tiny_experiment: Path, tmp_path: Path
) -> None:
    """Killed in knowledge, encoding, quantisation and training, a run after the other."""
    command = ("run", tiny_experiment, "--workspace", tmp_path, *ON_CPU)
    marks = (
        "artifacts/knowledge-item/*/.lock",
        "artifacts/vectors-item/*/.lock",
        "artifacts/codes-item/*/.lock",
        "artifacts/train/*/scratch/*",
    )
    safe: dict[str, tuple[int, int]] = {}
    for mark in marks:
        assert killed_in(start(*command), tmp_path, mark), f"not killed at {mark}"
        done = {m.parent for m in tmp_path.glob("artifacts/*/*/manifest.json")}
        now = stamps(tmp_path)
        assert safe.items() <= now.items(), "a finished result was made again"
        safe |= {
            name: stamp
            for name, stamp in now.items()
            if any((tmp_path / name).is_relative_to(folder) for folder in done)
        }
    last = start(*command)
    out, errors = last.communicate(timeout=120)
    assert last.returncode == 0, out + errors
    assert safe.items() <= stamps(tmp_path).items(), "a finished result was made again"
    one, other = (read_record("tiny", place) for place in (finished, tmp_path))
    for cell in (PLAIN, ENHANCED):
        for stage, name in (("train", "weights.safetensors"), ("evaluate", "per_user.parquet")):
            ours, theirs = (record.folder(stage, cell) / name for record in (one, other))
            assert ours.read_bytes() == theirs.read_bytes(), f"{stage} of {cell} differs"


def test_workers_do_not_outlive_a_killed_run(tiny_experiment: Path, tmp_path: Path) -> None:
    """A worker left behind would hold its result's lock, and the next run would be refused."""
    command = ("run", tiny_experiment, "--workspace", tmp_path, "--set", "train.epochs=4000")
    patient = (*command, "--set", "train.patience=4000", '--set=grid.enhancers=["none"]', *ON_CPU)
    process = start(*patient)
    group = process.pid
    assert killed_in(process, tmp_path, "artifacts/train/*/scratch/*")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("a worker goes on after its parent was killed")


def test_recommend_explain_compare_and_insert_use_what_was_run(
    finished: Path, tiny_experiment: Path, autograph: Any
) -> None:
    where = ("--workspace", finished)
    listed = autograph("recommend", tiny_experiment, "--user", "u3", "-k", 4, "--explain", *where)
    assert listed.exit_code == 0, listed.output
    assert [line for line in listed.output.splitlines() if line.startswith("  4. Title ")]
    seen = "".join(listed.output.split("\n")[0])
    assert "for user u3" in seen
    reasons = autograph("explain", "tiny", "--user", "u3", "--item", "f3", *where)
    assert reasons.exit_code == 0, reasons.output
    compared = autograph("compare", tiny_experiment, *where)
    assert compared.exit_code == 0, compared.output
    assert compared.output.count("gru4rec+autograph") == 4
    placed = autograph("insert", "tiny", "item", "--text", "A star ship in space.", *where)
    assert placed.exit_code == 0, placed.output
    assert "item number 32 of 33" in placed.output
    liked = autograph("insert", "tiny", "user", "--liked", "f0", "--liked", "f4", *where)
    assert liked.exit_code == 0, liked.output
    assert "user number 40 of 41" in liked.output


def test_texts_that_leak_mark_the_results(
    finished: Path, tiny_experiment: Path, tmp_path: Path, autograph: Any
) -> None:
    texts = tmp_path / "users.csv"
    texts.write_text("user_id,text\n" + "".join(f"u{u},likes number {u}\n" for u in range(40)))
    changes = ["llm.user.backend=replay", f"llm.user.path={texts}", "llm.user.leaks=true"]
    flags = [part for change in changes for part in ("--set", change)]
    where = ("--workspace", tmp_path, "--upto", "knowledge-user")
    assert autograph("run", tiny_experiment, *where, *flags).exit_code == 0
    plan = Plan(load_experiment(str(tiny_experiment), changes), tmp_path)
    write_record(plan, plan.steps())
    record = read_record("tiny", tmp_path)
    leaks = {cell: record.leaking(cell) for cell in (PLAIN, ENHANCED)}
    assert leaks == {PLAIN: False, ENHANCED: True}, "texts reach a model through the graph alone"
    fair = result_table(read_record("tiny", finished))
    star = pl.when(enhancer="autograph").then(pl.lit("*")).otherwise(pl.lit(""))
    marked = fair.with_columns(marks=star)
    assert LEAK_NOTE in result_sheet(marked, "", {})[1]
    assert LEAK_NOTE not in result_sheet(fair, "", {})[1]
    enhancers = [list(result_sheet(table, "", {})[0].columns[1].cells) for table in (fair, marked)]
    assert enhancers == [["none", "autograph"], ["none", "autograph *"]]


def test_a_gain_is_told_where_its_interval_leaves_zero_out(finished: Path) -> None:
    record = read_record("tiny", finished)
    told = changes_in_words(record)
    compared = compare_contenders(contenders([record])).filter(metric="ndcg@10")
    (row,) = compared.filter(run="gru4rec+autograph").to_dicts()
    sure = not row["low"] <= 0 <= row["high"]
    expected = f"{row['change']:+.1f} %" if sure else "no difference"
    assert told == {("gru4rec", "none"): "", ("gru4rec", "autograph"): expected}

    results = result_table(record)
    for change in ("+12.0 %", "no difference"):
        table, notes = result_sheet(results, "", {("gru4rec", "autograph"): change})
        (column,) = [one for one in table.columns if one.header == "Δ NDCG"]
        assert list(column.cells) == ["", change]
        assert (NOTE in notes) == (change == "no difference")


def test_another_way_to_judge_trains_nothing_and_says_so(
    finished: Path, tiny_experiment: Path, tmp_path: Path, autograph: Any, monkeypatch: Any
) -> None:
    workspace = Path(shutil.copytree(finished, tmp_path / "workspace"))
    before = stamps(workspace)
    monkeypatch.setattr("app.pipeline.runner.run_beside", beside_here)
    monkeypatch.setattr("recommend.fit.training.fit_model", None)
    first = read_record("tiny", workspace)
    assert first.judging(ENHANCED)["exclude_seen"] is True
    with_seen = ("--set", "evaluate.exclude_seen=false", "--workspace", workspace)
    told = autograph("run", tiny_experiment, *with_seen).output
    assert "all items, those that the user has had before, too." in " ".join(told.split())
    again = read_record("tiny", workspace)
    assert again.judging(ENHANCED)["exclude_seen"] is False
    for cell in (PLAIN, ENHANCED):
        assert again.cells[cell]["train"] == first.cells[cell]["train"]
        assert again.cells[cell]["evaluate"] != first.cells[cell]["evaluate"]
    made = {path.split("/")[1] for path in stamps(workspace).keys() - before.keys()}
    assert made == {"evaluate"}
    assert {path: stamps(workspace)[path] for path in before} == before
