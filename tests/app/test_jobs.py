"""Jobs with real processes: what happens to them, and who sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from job_fakes import FAKES, Bell, ended

from app.jobs.control import forget, resume, start, stop
from app.jobs.events import read_story
from app.jobs.state import Job, list_jobs, read_job
from app.jobs.wording import ahead
from data.errors import ArtifactError, AutoGraphError, ConfigError

HERE = Path(__file__).parent
Start = Callable[..., Job]


@pytest.fixture
def bell(tmp_path: Path) -> Bell:
    return Bell(tmp_path / "bell")


@pytest.fixture
def begin(tmp_path: Path) -> Any:
    """Starts jobs, and ends those that a test leaves behind."""
    started: list[Job] = []

    def begun(*words: object, kind: str = "fake", title: str = "a job") -> Job:
        given = ["fake", *map(str, words)]
        started.append(start(tmp_path / "ws", kind, given, title, registry=FAKES))
        return started[-1]

    yield begun
    for job in started:
        if job.folder.exists() and (left := read_job(tmp_path / "ws", job.id)).active:
            stop(left)
            ended(left)


def now(job: Job) -> Job:
    """The job as it stands."""
    return read_job(job.folder.parents[1], job.id)


def kill(job: Job) -> None:
    """SIGKILL to the worker alone."""
    pid = read_story(job.folder, now(job).attempt).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    ended(job)


def test_a_job_finishes_and_tells_how(begin: Start) -> None:
    job = begin("finish")
    ended(job)
    done = now(job)
    assert (done.state, done.error, done.attempt) == ("finished", "", 1)
    assert [(step.name, step.state) for step in done.steps] == [
        ("first", "finished"),
        ("second", "kept"),
    ]
    assert done.steps[0].figures == {"texts": 2}
    assert done.started is not None and done.ended is not None and done.started <= done.ended
    assert done.log_tail().splitlines()[-1] == "all is well"
    assert "autograph fake finish" in done.log_tail()


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("fail", "The file x.csv has no column y. Name it in data.files."),
        ("break", "Unexpected ZeroDivisionError: by nought. The log says where."),
    ],
)
def test_a_job_that_fails_says_why(what: str, sentence: str, begin: Start) -> None:
    job = begin(what)
    ended(job)
    assert (now(job).state, now(job).error) == ("failed", sentence)
    assert ("Traceback" in now(job).log_tail()) == (what == "break")


def test_killed_is_seen_as_crashed_and_goes_on(begin: Start, bell: Bell, tmp_path: Path) -> None:
    job = begin("twice", bell, tmp_path / "done")
    bell.heard()
    assert now(job).state == "running"
    kill(job)
    crashed = now(job)
    assert (crashed.state, crashed.active) == ("crashed", False)
    assert "continue it" in crashed.error
    assert crashed.ended is not None
    again = resume(crashed, FAKES)
    ended(again)
    assert (now(job).state, now(job).attempt, now(job).error) == ("finished", 2, "")
    assert now(job).log_tail().count("autograph fake twice") == 2


def test_a_job_is_stopped_in_the_middle_and_goes_on(
    begin: Start, bell: Bell, tmp_path: Path
) -> None:
    job = begin("twice", bell, tmp_path / "done")
    bell.heard()
    stop(job)
    ended(job)
    assert (now(job).state, now(job).error) == ("stopped", "")
    ended(resume(job, FAKES))
    assert now(job).state == "finished"


def test_what_does_not_stop_is_killed(begin: Start, bell: Bell) -> None:
    job = begin("stubborn", bell)
    bell.heard()
    stop(job)
    ended(job)
    assert now(job).state == "stopped"


def test_children_end_with_the_job(begin: Start, bell: Bell) -> None:
    job = begin("parent", bell)
    child = os.pidfd_open(int(bell.heard()))
    stop(job)
    ended(job)
    import select

    ready, _, _ = select.select([child], [], [], 60)
    os.close(child)
    assert ready, "the child lives on"


def test_one_exclusive_job_at_a_time_in_the_order_of_asking(begin: Start, tmp_path: Path) -> None:
    bells = [Bell(tmp_path / f"bell{i}") for i in range(3)]
    first, second, third = (begin("hold", bell, kind="training") for bell in bells)
    bells[0].heard()
    beside = begin("finish")
    ended(beside)
    assert [now(job).state for job in (first, second, third)] == ["running", "queued", "queued"]
    stop(first)
    bells[1].heard()
    assert [now(job).state for job in (second, third)] == ["running", "queued"]
    kill(second)
    bells[2].heard()
    assert [now(job).state for job in (first, second, third)] == ["stopped", "crashed", "running"]


def test_a_clock_that_is_set_back_changes_no_order(
    begin: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bells = [Bell(tmp_path / f"bell{i}") for i in range(3)]
    first = begin("hold", bells[0], kind="training")
    bells[0].heard()
    monkeypatch.setattr("app.jobs.control.time.time", lambda: 1_000.0)
    second, third = (begin("hold", bell, kind="training") for bell in bells[1:])
    beside = begin("finish")
    ended(beside)
    assert [now(job).state for job in (first, second, third)] == ["running", "queued", "queued"]
    assert [job.id for job in list_jobs(tmp_path / "ws")] == [
        job.id for job in (beside, third, second, first)
    ]
    stop(first)
    bells[1].heard()
    assert [now(job).state for job in (second, third)] == ["running", "queued"]
    ended(first)
    again = resume(now(first), FAKES)
    waits = ahead(now(again), list_jobs(tmp_path / "ws"))
    assert [one.id for one in waits] == [second.id, third.id]


def test_jobs_without_a_number_are_older_than_those_that_have_one(
    begin: Start, bell: Bell, tmp_path: Path
) -> None:
    """Workspaces from before there were numbers hold such jobs."""
    old = begin("hold", bell, kind="training")
    bell.heard()
    path = old.folder / "job.json"
    ticket = json.loads(path.read_text())
    later = {"asked": ticket["asked"] + 10_000, "created": ticket["created"] + 10_000}
    given = {name: value for name, value in ticket.items() if name not in ("number", "turn")}
    path.write_text(json.dumps({**given, **later}))
    fresh = begin("finish", kind="training")
    assert [one.id for one in ahead(now(fresh), list_jobs(tmp_path / "ws"))] == [old.id]
    assert [job.id for job in list_jobs(tmp_path / "ws")] == [fresh.id, old.id]
    assert now(fresh).state == "queued"


def test_a_stop_can_be_forced_after_the_clock_was_set_back(begin: Start, bell: Bell) -> None:
    job = begin("hold", bell)
    bell.heard()
    running = now(job)
    stop(job)
    later = (job.folder / "stop").stat().st_mtime + 4_000
    os.utime(job.folder / "stop", (later, later))
    assert running.active and running.overdue
    ended(job)


def test_a_job_is_stopped_while_it_waits_for_its_turn(begin: Start, bell: Bell) -> None:
    first = begin("hold", bell, kind="training")
    bell.heard()
    waits = begin("finish", kind="training")
    assert now(waits).state == "queued"
    stop(waits)
    ended(waits)
    assert (now(waits).state, now(waits).started) == ("stopped", None)
    assert now(first).state == "running"


def test_a_job_that_is_continued_waits_behind_the_others(begin: Start, tmp_path: Path) -> None:
    bells = [Bell(tmp_path / f"bell{i}") for i in range(2)]
    first = begin("hold", bells[0], kind="training")
    bells[0].heard()
    second = begin("hold", bells[1], kind="training")
    stop(first)
    bells[1].heard()
    ended(first)
    resume(first, FAKES)
    assert now(first).state == "queued"
    stop(second)
    bells[0].heard()
    assert (now(first).state, now(first).attempt) == ("running", 2)


def test_jobs_asked_for_at_once_take_turns(begin: Start, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with ThreadPoolExecutor(4) as threads:
        jobs = list(threads.map(lambda _: begin("turn", diary, kind="training"), range(4)))
    for job in jobs:
        ended(job)
    assert len({job.id for job in jobs}) == 4
    assert {now(job).state for job in jobs} == {"finished"}
    told = [line.split() for line in diary.read_text().splitlines()]
    assert [what for what, _ in told] == ["in", "out"] * 4
    assert all(told[i][1] == told[i + 1][1] for i in range(0, 8, 2))


def test_a_job_outlives_the_page_that_started_it(begin: Start, bell: Bell, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from job_fakes import FAKES; "
        "from app.jobs.control import start; "
        "print(start(Path(sys.argv[1]), 'fake', ['fake', 'hold', sys.argv[2]], 'x', "
        "registry=FAKES).id)"
    )
    page = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "ws"), str(bell)],
        env={**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    bell.heard()
    job = read_job(tmp_path / "ws", page.stdout.strip())
    assert job.state == "running"
    assert [one.id for one in list_jobs(tmp_path / "ws")] == [job.id]
    stop(job)
    ended(job)
    assert now(job).state == "stopped"


def test_a_process_that_got_the_number_is_no_job(begin: Start, bell: Bell) -> None:
    """This process stands for a stranger that got the number of a worker after a reboot."""
    job = begin("hold", bell)
    bell.heard()
    kill(job)
    path = job.folder / "events.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    events[0]["pid"] = os.getpid()
    path.write_text("\n".join(map(json.dumps, events)) + "\n")
    assert now(job).state == "crashed"
    stop(job)
    os.utime(job.folder / "stop", (0, 0))
    stop(job)
    assert now(job).state == "stopped"


def test_a_worker_that_does_not_run_at_all_is_killed_in_the_end(begin: Start, bell: Bell) -> None:
    job = begin("hold", bell)
    bell.heard()
    pid = read_story(job.folder, 1).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    stop(job)
    assert now(job).state == "stopping"
    os.utime(job.folder / "stop", (0, 0))
    stop(job)
    ended(job)
    assert now(job).state == "stopped"


def test_running_jobs_are_neither_continued_nor_forgotten(begin: Start, bell: Bell) -> None:
    job = begin("hold", bell)
    bell.heard()
    for refused in (lambda: resume(job, FAKES), lambda: forget(job)):
        with pytest.raises(ConfigError, match="has not ended"):
            refused()
    stop(job)
    ended(job)
    forget(job)
    assert list_jobs(job.folder.parents[1]) == []


def test_a_damaged_description_is_shown_and_can_be_forgotten(begin: Start) -> None:
    whole, broken = begin("finish", title="whole"), begin("finish", title="broken")
    ended(whole), ended(broken)
    workspace = whole.folder.parents[1]
    for content in ('{"kind": "fa', "[]", '{"kind": "fake", "words": "rm -rf"}'):
        (broken.folder / "job.json").write_text(content)
        with pytest.raises(ArtifactError, match="damaged"):
            read_job(workspace, broken.id)
        states = {job.id: (job.state, job.kind) for job in list_jobs(workspace)}
        assert states == {
            whole.id: ("finished", "fake"),
            broken.id: ("crashed", "unknown"),
        }
        with pytest.raises(ArtifactError, match="damaged"):
            resume(broken, FAKES)
    forget(next(job for job in list_jobs(workspace) if job.id == broken.id))
    assert [job.id for job in list_jobs(workspace)] == [whole.id]


def test_broken_lines_hide_nothing_else(begin: Start, bell: Bell, tmp_path: Path) -> None:
    job = begin("twice", bell, tmp_path / "done")
    bell.heard()
    kill(job)
    with (job.folder / "events.jsonl").open("ab") as log:
        log.write(b'{"at": 1.0, "attem')
    assert now(job).state == "crashed"
    ended(resume(job, FAKES))
    assert [step.name for step in now(job).steps] == ["it"]
    assert now(job).state == "finished"


@pytest.mark.parametrize(
    ("kind", "words", "part"),
    [
        ("fake", ["rm", "-rf", "/"], "nothing else"),
        ("fake", [], "nothing else"),
        ("shell", ["fake"], "no kind of job"),
        ("fake", ["fake", "--workspace", "/etc"], "--workspace"),
        ("fake", ["fake", "--workspace=/etc"], "--workspace"),
        ("fake", ["fake", "a\0b"], "control characters"),
        ("fake", ["fake", "a\nb"], "control characters"),
        ("fake", ["fake", "\ud800"], "control characters"),
        ("fake", ["fake", "x" * 30_000], "shorten"),
    ],
)
def test_hostile_words_are_refused(kind: str, words: list[str], part: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=part):
        start(tmp_path, kind, words, "x", registry=FAKES)
    assert list_jobs(tmp_path) == []


@pytest.mark.parametrize("id", ["", "..", "../runs", "20260101-000000-zzzz", "/etc"])
def test_only_a_job_is_read(id: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no job"):
        read_job(tmp_path, id)


def test_words_that_were_put_into_a_folder_are_refused(begin: Start) -> None:
    """Whoever sends a workspace must not get a command run by its *Continue* button."""
    job = begin("finish")
    ended(job)
    path = job.folder / "job.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps({**described, "words": ["data", "download", "ml-1m"]}))
    with pytest.raises(ConfigError, match="nothing else"):
        resume(job, FAKES)
    assert now(job).attempt == 1


def test_a_workspace_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "ws").write_text("a file")
    with pytest.raises(AutoGraphError, match=r"ws"):
        start(tmp_path / "ws", "fake", ["fake", "finish"], "x", registry=FAKES)
