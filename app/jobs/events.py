"""What happens in a job, a JSON line an event: written as it happens, read by whoever looks."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"
OFTEN_S, SELDOM_S, EVERY = 0.5, 10.0, 0.01
"""Seconds between two lines about a step: a hundredth of its age, within these bounds."""


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

    def planned(self, steps: Sequence[str]) -> None:
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

    def finished(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
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


def events(path: Path) -> Iterator[dict[str, Any]]:
    """The events in a file, in order; lines that are broken are left out."""
    with suppress(OSError), path.open("rb") as lines:
        for line in lines:
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and isinstance(event.get("at"), int | float):
                    yield event
