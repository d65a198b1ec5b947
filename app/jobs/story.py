"""What the events of a job say about how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args

from app.jobs.events import EVENTS, events

WINDOW = 20
"""Latest reports by which the rate of a step is measured."""
Ending = Literal["finished", "failed", "stopped"]


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
    return told(event for event in events(path) if event.get("attempt") == attempt)


def told(lines: Iterable[Mapping[str, Any]]) -> Story:
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
