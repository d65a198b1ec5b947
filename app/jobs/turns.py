"""Locks that die with their process: whether a job lives, and whose turn it is.

A number of a process may be given to another after a crash or a reboot; a lock cannot.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"
TRIES, PAUSE_S = 50, 0.02
"""Whoever looks whether a job lives holds its lock for an instant."""


@contextmanager
def tickets(jobs: Path) -> Iterator[None]:
    """The only process that draws a ticket, for as long as the context lasts."""
    jobs.mkdir(parents=True, exist_ok=True)
    with (jobs / ".tickets").open("w") as line:
        fcntl.flock(line, fcntl.LOCK_EX)
        yield


def hold(folder: Path) -> int:
    """A descriptor with the lock of a job; the job lives until its last holder is gone.

    Raises:
        BlockingIOError: it lives.
    """
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    for attempt in range(TRIES):
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return held
        except BlockingIOError:
            if attempt == TRIES - 1:
                os.close(held)
                raise
            time.sleep(PAUSE_S)
    raise AssertionError("unreachable")


def lives(folder: Path) -> bool:
    """Whether the process of a job runs, or is about to."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def wait_for(folder: Path) -> None:
    """Returns when the process of a job has ended, at once if it has."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return
