"""Folders of jobs as their workers leave them, for screens that only look at them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.jobs import state


def make_job(
    workspace: Path,
    number: int,
    events: Iterable[dict[str, Any]] = (),
    *,
    title: str = "a job",
    log: str = "",
    **ticket: Any,
) -> Path:
    """The folder of a job whose process is gone, unless somebody holds its lock."""
    folder = workspace / "jobs" / f"20260101-0000{number:02d}-abcd"
    folder.mkdir(parents=True)
    now = time.time() - 100 + number
    told = {"kind": "run", "words": ["run", "demo"], "exclusive": True, "folder": str(workspace)}
    told |= {"title": title, "created": now, "asked": now, "experiment": "demo", **ticket}
    (folder / "job.json").write_text(json.dumps(told))
    lines = [{"at": now + place, "attempt": 1, **event} for place, event in enumerate(events)]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "log.txt").write_text(log)
    return folder


@contextmanager
def alive(folder: Path) -> Iterator[None]:
    """This process stands for the worker of a job."""
    lock = state.hold(folder)
    try:
        yield
    finally:
        os.close(lock)


RUNNING: tuple[dict[str, Any], ...] = (
    {"event": "waiting", "pid": 1},
    {"event": "running"},
    {"event": "planned", "steps": ["reading data", "training sasrec+none seed 0"]},
    {"event": "done", "step": "reading data", "seconds": 2.0, "figures": {"users": 400}},
    *(
        {"event": "progress", "step": "training sasrec+none seed 0", "done": n, "total": 9}
        | {"unit": "epochs"}
        for n in (0, 1, 2, 3)
    ),
)
"""Events of a job at work: an epoch a second, and three of nine are done."""
FINISHED = (*RUNNING, {"event": "ended", "state": "finished", "error": ""})
FAILED = (*RUNNING, {"event": "ended", "state": "failed", "error": "No *column* <b>y</b>."})
