"""The program of jobs in tests: the real worker, with a command that a test holds by a string.

A test waits for nothing but events: a fake that has got somewhere writes into a named pipe.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from app.jobs import state
from app.jobs.commands import Kind, Registry
from app.jobs.events import EventLog
from app.jobs.state import Job
from app.jobs.worker import work
from data.errors import DataError

KINDS = {
    "fake": Kind(("fake",), exclusive=False),
    "training": Kind(("fake",), exclusive=True),
}
FAKES = Registry(KINDS, (sys.executable, __file__))
PATIENCE_S = 60
"""Most that a test waits for another process before it fails."""


def fake(words: Sequence[str], log: EventLog) -> None:
    """What jobs of the kind "fake" do."""
    match list(words[1:]):
        case ["finish"]:
            log.plan_steps(["first", "second"])
            log.progress("first", 1, 2, "texts")
            log.finish_step("first", 0.5, {"texts": 2, "model": "none"})
            log.finish_step("second", None, {})
            print("all is well")
        case ["fail"]:
            raise DataError("The file x.csv has no column y. Name it in data.files.")
        case ["break"]:
            raise ZeroDivisionError("by nought")
        case ["hold", bell]:
            log.progress("holding", 1, 2, "texts")
            print("holding on")
            ring(Path(bell))
            signal.pause()
        case ["stubborn", bell]:
            ring(Path(bell))
            while True:
                with suppress(KeyboardInterrupt):
                    signal.pause()
        case ["parent", bell]:
            child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
            ring(Path(bell), str(child.pid))
            child.wait()
        case ["twice", bell, done]:
            if not Path(done).exists():
                Path(done).touch()
                ring(Path(bell))
                signal.pause()
            log.finish_step("it", 1.0, {})
        case ["turn", diary]:
            with Path(diary).open("a", buffering=1) as lines:
                lines.write(f"in {os.getpid()}\n")
                lines.write(f"out {os.getpid()}\n")
        case other:
            raise AssertionError(other)


def ring(bell: Path, said: str = "here") -> None:
    """Tells the test that this place is reached."""
    bell.write_text(said + "\n")


class Bell:
    """A named pipe that a fake rings."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._pipe = os.open(path, os.O_RDWR)

    def __str__(self) -> str:
        return str(self.path)

    def heard(self) -> str:
        """What the fake said; waits until it does."""
        ready, _, _ = select.select([self._pipe], [], [], PATIENCE_S)
        assert ready, f"nobody rang {self.path}"
        return os.read(self._pipe, 100).decode().strip()


def ended(job: Job) -> None:
    """Returns when the process of a job has ended."""
    waiting = threading.Thread(target=state.wait_for, args=(job.folder,), daemon=True)
    waiting.start()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive(), job.log_tail()


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]), fake, KINDS, grace_s=0.5)
