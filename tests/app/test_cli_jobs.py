"""Jobs that run commands of AutoGraph, and the commands about jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from job_fakes import ended

from app.jobs.commands import experiment_words
from app.jobs.control import resume, start, start_experiment
from app.jobs.state import list_jobs, read_job
from data.errors import ConfigError


def test_an_experiment_runs_as_a_job(tiny_experiment: Path, tmp_path: Path) -> None:
    job = start_experiment(tmp_path, tiny_experiment, ["seed=1"], upto="split")
    ended(job)
    done = read_job(tmp_path, job.id)
    assert (done.state, done.error) == ("finished", "")
    assert [(step.name, step.state) for step in done.steps] == [
        ("reading data", "finished"),
        ("splitting", "finished"),
    ]
    assert done.steps[0].figures["users"] == 40
    ended(resume(done))
    again = read_job(tmp_path, job.id)
    assert (again.state, again.attempt) == ("finished", 2)
    assert {step.state for step in again.steps} == {"kept"}


def test_settings_are_checked_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train.epochs"):
        start_experiment(tmp_path, "demo", ["train.epochs=0"])
    assert list_jobs(tmp_path) == []


def test_the_words_are_those_of_the_command() -> None:
    words = experiment_words("demo", ["a.b=c"], upto="graph", source=Path("/x"), jobs=2)
    assert " ".join(words) == "run demo --set a.b=c --upto graph --from /x --jobs 2"


def test_jobs_on_the_command_line(tmp_path: Path, autograph: Any) -> None:
    here = ("--workspace", tmp_path)
    assert "No job was started" in autograph("jobs", "list", *here).output
    job = start(tmp_path, "run", ["run", "nothing"], "[bold]Mine[/bold]")
    ended(job)
    table = autograph("jobs", "list", *here).output
    assert job.id in table and "failed" in table and "[bold]Mine[/bold]" in table
    shown = autograph("jobs", "show", job.id, *here).output
    assert "There is no experiment 'nothing'" in shown
    assert "autograph run nothing" in shown
    assert "ended already" in autograph("jobs", "stop", job.id, *here).output
    assert "goes on" in autograph("jobs", "continue", job.id, *here).output
    ended(job)
    assert read_job(tmp_path, job.id).attempt == 2
    assert "forgotten" in autograph("jobs", "forget", job.id, *here).output
    assert list_jobs(tmp_path) == []


def test_a_wrong_option_fails_with_its_sentence(tmp_path: Path) -> None:
    job = start(tmp_path, "run", ["run", "demo", "--warp", "9"], "x")
    ended(job)
    failed = read_job(tmp_path, job.id)
    assert failed.state == "failed"
    assert "--warp" in failed.error
    assert "Traceback" not in failed.log_tail()


@pytest.mark.parametrize("command", ["show", "stop", "continue", "forget"])
def test_a_job_that_is_not_there_gets_its_sentence(
    command: str, tmp_path: Path, autograph: Any
) -> None:
    told = autograph("jobs", command, "20260101-000000-abcd", "--workspace", tmp_path)
    assert told.exit_code == 1
    assert "There is no job" in told.stderr
