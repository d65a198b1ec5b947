"""The process of a job: waits for its turn, runs the command, and says how it ended."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from app.jobs.commands import KINDS, Kind, check_words
from app.jobs.events import EventLog
from app.jobs.state import STOP, Ticket, list_jobs, read_ticket, tickets, wait_for
from data.errors import AutoGraphError
from data.inert import visible

LOOK_EVERY_S = 0.25
GRACE_S = 15.0
"""After this, what does not end by itself is killed."""
NICENESS = 5
"""The page stays quick while a job computes."""
Run = Callable[[Sequence[str], EventLog], object]


def work(
    folder: Path,
    lock: int,
    run: Run,
    kinds: Mapping[str, Kind] = KINDS,
    grace_s: float = GRACE_S,
) -> None:
    """Does what the job in a folder asks for.

    Args:
        folder: Of the job.
        lock: Descriptor of its lock, which lasts as long as this process.
        run: Does it.
        kinds: That are known.
        grace_s: Seconds between the wish to stop and the end by force.
    """
    os.set_inheritable(lock, False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ticket = read_ticket(folder)
    log = EventLog(folder, ticket.attempt)
    log.tell("waiting", pid=os.getpid())
    threading.Thread(target=_obey, args=(folder, log, grace_s), daemon=True).start()
    state, error = _outcome(folder, ticket, log, kinds, run)
    if state != "finished":
        _end_children()
    log.tell("ended", state=state, error=error)


def _outcome(
    folder: Path, ticket: Ticket, log: EventLog, kinds: Mapping[str, Kind], run: Run
) -> tuple[str, str]:
    """How it ended, and the sentence if it failed."""
    state, error = "finished", ""
    try:
        words = check_words(ticket.kind, ticket.words, kinds)
        command = visible(f"autograph {shlex.join(words)}")
        print(f"[{datetime.now():%Y-%m-%d %H:%M:%S}] {command}", flush=True)
        _wait_for_turn(folder, ticket)
        log.tell("running")
        with suppress(OSError):
            os.nice(NICENESS)
        run(words, log)
    except KeyboardInterrupt:
        state = "stopped"
    except AutoGraphError as problem:
        state, error = "failed", str(problem)
        print(visible(error), file=sys.stderr)
    except Exception as problem:
        state = "failed"
        error = f"Unexpected {type(problem).__name__}: {problem}. The log says where."
        traceback.print_exc()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return state, error


def _wait_for_turn(folder: Path, ticket: Ticket) -> None:
    """Returns when every exclusive job that was asked for earlier has ended.

    All of them are seen, for tickets are drawn one at a time, and each job holds its lock before
    its ticket can be read. A job whose process is gone holds nobody up.
    """
    if not ticket.exclusive:
        return
    with tickets(folder.parent):
        jobs = list_jobs(folder.parents[1])
    for job in jobs:
        if job.exclusive and job.folder != folder and job.turn < ticket.place:
            wait_for(job.folder)


def _obey(folder: Path, log: EventLog, grace_s: float) -> None:
    """Ends the job when somebody wishes it: as by Ctrl-C first, by force after a while."""
    while not (folder / STOP).exists():
        time.sleep(LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(grace_s)
    log.tell("ended", state="stopped", error="")
    os.killpg(os.getpid(), signal.SIGKILL)


def _end_children() -> None:
    """Processes of the grid and the like must not go on alone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(OSError):
        os.killpg(os.getpid(), signal.SIGTERM)
