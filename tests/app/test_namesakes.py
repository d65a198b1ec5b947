"""Two experiments of one name in one workspace: none is ever shown for the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from app_fakes import ON_CPU
from forked import ForkServer

from app.experiment.file import load_experiment, origin_of
from app.pipeline.plan import Plan
from app.pipeline.records import read_record, record_of, write_if_latest, write_record
from data.errors import ConfigError

Write = Callable[..., Path]


@pytest.fixture
def shop(tmp_path: Path) -> Write:
    """Writes an experiment named shop, whose users' ids begin with a letter, into a folder."""

    def write(folder: str, users: str = "u", extra: str = "") -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        rows = [f"{users}{u},i{(u + t) % 9},{100 * t}" for u in range(8) for t in range(6)]
        (place / "log.csv").write_text("\n".join(["user_id,item_id,time", *rows]) + "\n")
        data = '[data]\nname = "files"\n[data.files]\ninteractions = "log.csv"\ntime = "time"\n'
        (place / "shop.toml").write_text(data + extra)
        return place / "shop.toml"

    return write


def plan_of(file: Path, workspace: Path, *changes: str) -> Plan:
    return Plan(load_experiment(str(file), changes), workspace, origin_of(str(file), workspace))


def test_a_file_of_other_data_is_refused_and_the_first_keeps_its_results(
    shop: Write, autograph: Any, tmp_path: Path
) -> None:
    one, other, workspace = shop("a"), shop("b", users="z"), tmp_path / "ws"
    where = ("--upto", "split", "--workspace", workspace)
    assert autograph("run", one, *where).exit_code == 0
    before = (workspace / "runs" / "shop.json").read_bytes()
    refused = autograph("run", other, *where)
    assert refused.exit_code == 1 and isinstance(refused.exception, SystemExit)
    assert "The name 'shop' is taken" in refused.output
    assert str(one) in refused.output and "--set name=" in refused.output
    assert (workspace / "runs" / "shop.json").read_bytes() == before
    assert autograph("run", other, *where, "--set", "name=other").exit_code == 0
    assert read_record("other", workspace).file == str(other)


def test_results_are_never_shown_for_another_file(shop: Write, tmp_path: Path) -> None:
    one, other = shop("a"), shop("b", extra="[train]\nepochs = 2\n")
    for file in (one, other):
        plan = plan_of(file, tmp_path)
        write_record(plan, plan.steps())
    assert read_record(str(other), tmp_path).experiment.train.epochs == 2
    assert read_record("shop", tmp_path).experiment.train.epochs == 2
    with pytest.raises(ConfigError, match=rf"is of {other}, not of {one}"):
        read_record(str(one), tmp_path)


def test_a_copy_that_gives_the_same_results_is_the_same(shop: Write, tmp_path: Path) -> None:
    one, copy = shop("a"), shop("b")
    plan = plan_of(one, tmp_path)
    write_record(plan, plan.steps())
    assert read_record(str(copy), tmp_path).file == str(one)


def test_a_file_that_is_edited_keeps_its_name(shop: Write, tmp_path: Path) -> None:
    for users in ("u", "z"):
        plan = plan_of(shop("a", users=users), tmp_path)
        write_record(plan, plan.steps())
    assert read_record("shop", tmp_path).keys == {
        step.stage: step.key for step in plan.steps() if step.cell is None
    }


def test_the_name_of_a_file_that_is_gone_is_free(shop: Write, tmp_path: Path) -> None:
    one, other = shop("a"), shop("b", users="z")
    plan = plan_of(one, tmp_path / "ws")
    write_record(plan, plan.steps())
    one.unlink()
    plan = plan_of(other, tmp_path / "ws")
    write_record(plan, plan.steps())
    assert read_record(str(other), tmp_path / "ws").file == str(other)


def test_a_control_is_a_namesake_of_what_it_controls(shop: Write, tmp_path: Path) -> None:
    """It would take that one's texts by hand."""
    plan = plan_of(shop("a"), tmp_path)
    write_record(plan, plan.steps())
    control = plan_of(shop("b", users="z"), tmp_path, "control=shuffled")
    with pytest.raises(ConfigError, match="The name 'shop' is taken"):
        write_record(control, control.steps())


def test_a_run_of_its_stored_settings_leaves_the_name_with_its_file(
    shop: Write, tmp_path: Path
) -> None:
    from app.pipeline.records import settings_file

    one = shop("a")
    plan = plan_of(one, tmp_path)
    write_record(plan, plan.steps())
    again = Path(settings_file(read_record("shop", tmp_path)))
    plan = plan_of(again, tmp_path, "train.epochs=2")
    write_record(plan, plan.steps())
    assert read_record(str(one), tmp_path).file == str(one)
    assert read_record(str(again), tmp_path).experiment.train.epochs == 2


def test_of_many_that_begin_at_once_one_gets_the_name(shop: Write, tmp_path: Path) -> None:
    files = [shop(f"f{i}", users=f"v{i}-") for i in range(6)]
    plans = [plan_of(file, tmp_path / "ws") for file in files]
    steps = [plan.steps() for plan in plans]
    start = Barrier(len(plans))

    def begin(number: int) -> str:
        start.wait(60)
        try:
            return write_record(plans[number], steps[number]).file
        except ConfigError as error:
            return str(error)

    with ThreadPoolExecutor(len(plans)) as pool:
        told = list(pool.map(begin, range(len(plans))))
    kept = read_record("shop", tmp_path / "ws")
    assert [one for one in told if one == kept.file] == [kept.file]
    assert sum("is taken" in one for one in told) == len(plans) - 1


def test_two_processes_at_once_end_with_results_or_a_sentence(
    shop: Write, forks: ForkServer, tmp_path: Path
) -> None:
    files = [shop("a"), shop("b", users="z")]
    where = ("--upto", "split", "--workspace", str(tmp_path / "ws"))
    children = [forks.start("run", str(file), *where) for file in files]
    ended = [child.wait() for child in children]
    assert sorted(one.code for one in ended) == [0, 1], [one.said for one in ended]
    assert all("Traceback" not in one.said for one in ended)
    (refused,) = [one.said for one in ended if one.code == 1]
    assert "The name 'shop' is taken" in refused


def test_a_run_shows_its_own_figures_when_another_began_meanwhile(
    finished: Path,
    tiny_experiment: Path,
    autograph: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = tmp_path / "ws"
    shutil.copytree(finished, workspace)
    results = (workspace / "results" / "tiny.parquet").read_bytes()
    later = plan_of(tiny_experiment, workspace, "grid.seeds=[7]")

    def meanwhile(*_given: object) -> None:
        write_record(later, later.steps())

    monkeypatch.setattr("app.cli.run.run_steps", meanwhile)
    done = autograph("run", tiny_experiment, "--workspace", workspace, *ON_CPU)
    assert done.exit_code == 0, done.output
    assert "gru4rec" in done.output and "Another run of tiny has begun" in done.output
    assert (workspace / "results" / "tiny.parquet").read_bytes() == results
    assert read_record("tiny", workspace).experiment.grid.seeds == (7,)


def test_results_are_written_by_the_latest_run_alone(shop: Write, tmp_path: Path) -> None:
    first = plan_of(shop("a"), tmp_path)
    second = plan_of(shop("a"), tmp_path, "train.epochs=2")
    for plan in (first, second):
        write_record(plan, plan.steps())
    written = write_if_latest(record_of(second, second.steps()), lambda _: tmp_path)
    assert written == tmp_path
    assert write_if_latest(record_of(first, first.steps()), lambda _: tmp_path) is None
