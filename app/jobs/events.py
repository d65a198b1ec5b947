"""What happens in a job, a JSON line an event: written as it happens, read by whoever looks."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args

EVENTS = "events.jsonl"
OFTEN_S, SELDOM_S, EVERY = 0.5, 10.0, 0.01
"""Seconds between two lines about a step: a hundredth of its age, within these bounds."""

WINDOW = 20
"""Latest reports by which the rate of a step is measured."""
Ending = Literal["finished", "failed", "stopped"]


class EventLog:
    """Writes the events of one attempt; a listener that can be given to a run."""

    def __init__(self, folder: Path, attempt: int, clock: Callable[[], float] = time.time) -> None:
        self._path, self._attempt, self._clock = folder / EVENTS, attempt, clock
        self._began: dict[str, float] = {}
        self._told: dict[str, tuple[float, bool]] = {}
        self._lock = threading.Lock()
        self._end_broken_line()

    def tell(self, event: str, **about: Any) -> None:
        """Writes a line; a disk that is full stops the work itself, not its log."""
        line = {"at": self._clock(), "attempt": self._attempt, "event": event, **about}
        text = json.dumps(line, ensure_ascii=True, default=str) + "\n"
        with self._lock, suppress(OSError), self._path.open("ab", buffering=0) as log:
            log.write(text.encode())

    def plan_steps(self, steps: Sequence[str]) -> None:
        """These steps are to come, or finished already."""
        self.tell("planned", steps=list(steps))

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """A step is under way; most calls write nothing."""
        now = self._clock()
        began = self._began.setdefault(step, now)
        pause = min(SELDOM_S, max(OFTEN_S, EVERY * (now - began)))
        last, full = self._told.get(step, (-pause, False)), 0 < total <= done
        if 0 <= now - last[0] < pause and full == last[1]:  # less than 0: a clock set back
            return
        self._told[step] = (now, full)
        self.tell("progress", step=step, done=done, total=total, unit=what)

    def finish_step(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """A step is finished."""
        self.tell("done", step=step, seconds=seconds, figures=_figures(summary))

    def _end_broken_line(self) -> None:
        """What a killed attempt left half written must not spoil the next line."""
        with suppress(OSError), self._path.open("rb+") as log:
            log.seek(-1, os.SEEK_END)
            if log.read(1) != b"\n":
                log.write(b"\n")


def _figures(summary: Mapping[str, Any]) -> dict[str, float | int]:
    """The plain numbers of a summary."""
    return {
        name: value
        for name, value in summary.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events in a file, in order; lines that are broken are left out."""
    with suppress(OSError), path.open("rb") as lines:
        for line in lines:
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and isinstance(event.get("at"), int | float):
                    yield event


@dataclass(frozen=True, slots=True)
class StepProgress:
    """How far one step of a job is.

    Attributes:
        name: What it does.
        done: Units that are done.
        total: Units there are; 0 where nobody knows.
        unit: What is counted, or a word on the latest of them.
        rate: Units a second lately; None where it cannot be told.
        eta_s: Seconds that are left at this rate; None where it cannot be told.
        seconds: That the step took, or has taken so far; None before it begins, and where its
            result was there already.
        figures: What it left, by name; empty until it is finished.
        state: "waiting", "running", "finished", or "kept" for a result that was there already.
    """

    name: str
    done: int = 0
    total: int = 0
    unit: str = ""
    rate: float | None = None
    eta_s: float | None = None
    seconds: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    state: Literal["waiting", "running", "finished", "kept"] = "waiting"


@dataclass(frozen=True, slots=True)
class Story:
    """One attempt, as far as its events go.

    Attributes:
        pid: Of its process.
        began: When it stopped waiting for its turn, in seconds since 1970.
        heard: When the latest event was written.
        ended: When it said that it ends.
        ending: How.
        error: The sentence, if it failed.
        steps: In order.
    """

    pid: int | None = None
    began: float | None = None
    heard: float | None = None
    ended: float | None = None
    ending: Ending | None = None
    error: str = ""
    steps: tuple[StepProgress, ...] = ()


def read_story(folder: Path, attempt: int) -> Story:
    """What the events of an attempt say, read again only when there are more."""
    path = folder / EVENTS
    try:
        found = path.stat()
    except OSError:
        return Story()
    return _read(path, attempt, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, attempt: int, _mtime: int, _size: int) -> Story:
    return story_of(event for event in read_events(path) if event.get("attempt") == attempt)


def story_of(lines: Iterable[Mapping[str, Any]]) -> Story:
    """What the events of one attempt say."""
    known: dict[str, Any] = {}
    steps: dict[str, _Step] = {}
    for event in filter(_well_formed, lines):
        known["heard"] = event["at"]
        match event.get("event"):
            case "waiting":
                known["pid"] = event.get("pid")
            case "running":
                known["began"] = event["at"]
            case "planned":
                for name in event.get("steps", ()):
                    steps.setdefault(str(name), _Step(str(name)))
            case "progress" | "done":
                name = str(event.get("step"))
                steps.setdefault(name, _Step(name)).hear(event)
            case "ended":
                known |= {"ended": event["at"], "ending": event.get("state")}
                known["error"] = str(event.get("error") or "")
    return Story(**known, steps=tuple(step.progress() for step in steps.values()))


_SHAPES: Mapping[Any, Mapping[str, tuple[type, ...]]] = {
    "waiting": {"pid": (int, NoneType)},
    "planned": {"steps": (list,)},
    "progress": {"done": (int,), "total": (int,)},
    "done": {"seconds": (int, float, NoneType), "figures": (dict, NoneType)},
}
"""Kinds of what each event tells; other kinds are in no event that a job wrote."""


def _well_formed(event: Mapping[str, Any]) -> bool:
    kind = event.get("event")
    shape = _SHAPES.get(kind, {}) if isinstance(kind, str) else {}
    ending = kind != "ended" or event.get("state") in get_args(Ending)
    return ending and all(isinstance(event.get(name), types) for name, types in shape.items())


class _Step:
    """Adds up what is told of a step."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reports: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self.began: float | None = None
        self.last: Mapping[str, Any] = {}
        self.done: Mapping[str, Any] | None = None

    def hear(self, event: Mapping[str, Any]) -> None:
        """Takes in one event."""
        if event["event"] == "done":
            self.done = event
            return
        self.began = event["at"] if self.began is None else self.began
        if event.get("total"):
            self.reports.append((event["at"], event["done"]))
            self.last = event

    def progress(self) -> StepProgress:
        """All of it together."""
        done, total = int(self.last.get("done", 0)), int(self.last.get("total", 0))
        unit = str(self.last.get("unit", ""))
        if self.done is not None:
            seconds, figures = self.done.get("seconds"), self.done.get("figures") or {}
            state = "kept" if seconds is None else "finished"
            rate = total / seconds if seconds else None
            return StepProgress(
                self.name,
                total,
                total,
                unit,
                rate,
                None,
                seconds,
                figures,
                state,  # type: ignore[arg-type]
            )
        if self.began is None:
            return StepProgress(self.name)
        rate = self._rate()
        left = (total - done) / rate if rate else None
        seconds = max(0.0, (self.reports[-1][0] if self.reports else self.began) - self.began)
        return StepProgress(self.name, done, total, unit, rate, left, seconds, {}, "running")

    def _rate(self) -> float | None:
        """Units a second over the latest reports."""
        if len(self.reports) < 2:
            return None
        (start, had), (end, has) = self.reports[0], self.reports[-1]
        return (has - had) / (end - start) if end > start and has > had else None
