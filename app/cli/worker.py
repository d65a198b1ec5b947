"""The process of a job: it runs a command of `autograph`, and tells the job how it gets on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli.main import call
from app.cli.progress import HEARD_BY
from app.jobs.events import EventLog
from app.jobs.worker import work
from app.threads import wait_briefly


def run_command(words: Sequence[str], log: EventLog) -> None:
    """Runs a command of `autograph` in this process; `log` hears how it gets on.

    Raises:
        AutoGraphError: with what is wrong and how to mend it.
    """
    HEARD_BY.append(log)
    try:
        call(words)
    finally:
        HEARD_BY.remove(log)


if __name__ == "__main__":
    wait_briefly()
    work(Path(sys.argv[1]), int(sys.argv[2]), run_command)
