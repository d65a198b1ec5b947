"""What a job tells, and what is made of it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from app.jobs.events import EventLog, read_events, story_of


class Clock:
    """Time that goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_many_reports_leave_few_lines(tmp_path: Path) -> None:
    clock = Clock()
    log = EventLog(tmp_path, 1, clock)
    for done in range(1, 36_001):
        log.progress("encoding", done, 36_000, "texts")
        clock.now += 0.1
    lines = list(read_events(tmp_path / "events.jsonl"))
    gaps = [b["at"] - a["at"] for a, b in pairwise(lines)]
    assert len(lines) < 700
    assert max(gaps) <= 10.2
    assert lines[0]["done"] == 1
    assert lines[-1]["done"] == 36_000


def test_reports_of_something_full_are_not_repeated(tmp_path: Path) -> None:
    log = EventLog(tmp_path, 1, Clock())
    for _ in range(1_000):
        log.progress("downloading", 5, 5, "bytes")
    assert len(list(read_events(tmp_path / "events.jsonl"))) == 1


def test_rate_and_time_left_are_those_of_the_latest_reports() -> None:
    """0 to 100 in an instant from a cache, then 2 a second: 40 more take 20 s."""
    reports = [(0.0, 0), *((0.1 + i / 2, 100 + i) for i in range(21))]
    lines = [
        {"at": at, "event": "progress", "step": "s", "done": done, "total": 160, "unit": "texts"}
        for at, done in reports
    ]
    (step,) = story_of(lines).steps
    assert (step.done, step.total, step.unit, step.state) == (120, 160, "texts", "running")
    assert step.rate == pytest.approx(2)
    assert step.eta_s == pytest.approx(20)


def test_without_a_total_there_is_no_rate() -> None:
    lines = [
        {"at": at, "event": "progress", "step": "s", "done": 0, "total": 0, "unit": ""}
        for at in (1.0, 2.0)
    ]
    (step,) = story_of(lines).steps
    assert (step.rate, step.eta_s, step.state) == (None, None, "running")


def test_planned_steps_wait_in_their_order() -> None:
    lines = [
        {"at": 1.0, "event": "planned", "steps": ["a", "b", "c"]},
        {"at": 2.0, "event": "done", "step": "a", "seconds": None, "figures": {}},
        {"at": 3.0, "event": "progress", "step": "b", "done": 0, "total": 0, "unit": ""},
    ]
    assert [(s.name, s.state) for s in story_of(lines).steps] == [
        ("a", "kept"),
        ("b", "running"),
        ("c", "waiting"),
    ]


def test_attempts_are_told_apart(tmp_path: Path) -> None:
    from app.jobs.events import read_story

    EventLog(tmp_path, 1, Clock()).tell("ended", state="stopped", error="")
    EventLog(tmp_path, 2, Clock()).tell("running")
    assert read_story(tmp_path, 1).ending == "stopped"
    assert (read_story(tmp_path, 2).ending, read_story(tmp_path, 2).began) == (None, 1_000.0)


def test_a_clock_that_is_set_back_silences_nobody(tmp_path: Path) -> None:
    clock = Clock()
    log = EventLog(tmp_path, 1, clock)
    log.progress("encoding", 1, 100, "texts")
    clock.now -= 900
    for done in range(2, 60):
        log.progress("encoding", done, 100, "texts")
        clock.now += 0.1
    lines = list(read_events(tmp_path / "events.jsonl"))
    assert len(lines) > 5 and lines[-1]["done"] > 50
    (step,) = story_of(lines).steps
    assert step.seconds is not None and step.seconds >= 0


@pytest.mark.parametrize(
    "event",
    [
        {"event": "progress", "step": "s", "total": 5},
        {"event": "progress", "step": "s", "done": "3", "total": 5},
        {"event": "done", "step": "s", "seconds": "long"},
        {"event": "done", "step": "s", "seconds": 1, "figures": [1]},
        {"event": "planned", "steps": 3},
        {"event": "ended", "state": "burnt"},
        {"event": []},
        {"event": {"a": 1}},
        {"event": "waiting", "pid": "seven"},
    ],
)
def test_events_that_no_job_writes_are_left_out(event: dict[str, object]) -> None:
    lines = [{"at": 1.0, "event": "planned", "steps": ["s"]}, {"at": 2.0, **event}]
    story = story_of(lines)
    assert [step.state for step in story.steps] == ["waiting"]
    assert story.ending is None and story.pid is None
