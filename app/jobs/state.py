"""How a job stands: read from its folder, by whoever looks; and whose turn it is.

A number of a process may be given to another after a crash or a reboot; a lock, which dies with its
process, cannot.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from app.jobs.events import StepProgress, Story, read_story
from data import atomic
from data.config import Config
from data.errors import ArtifactError, ConfigError

TICKET, LOG, STOP = "job.json", "log.txt", "stop"
ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
TAIL_BYTES = 65_536
LOCK = "lock"
TRIES, PAUSE_S = 50, 0.02
"""Whoever looks whether a job lives holds its lock for an instant."""
PATIENCE_S = 30.0
"""After this, who asks again for a stop gets it by force."""
State = Literal["queued", "running", "stopping", "stopped", "finished", "failed", "crashed"]
ACTIVE: tuple[State, ...] = ("queued", "running", "stopping")
"""States of a job whose process lives."""


class Ticket(Config):
    """What a job is, and when it was last asked for."""

    kind: str
    """Name in `KINDS`."""
    title: str
    """What a person calls it."""
    words: tuple[str, ...]
    """Of its command."""
    exclusive: bool
    """Whether it waits for other exclusive jobs."""
    folder: str
    """Where the command runs: relative paths in it begin there."""
    created: float
    """When it was first asked for, in seconds since 1970."""
    attempt: int = 1
    """How many times it was asked for."""
    asked: float
    """When it was last asked for, in seconds since 1970."""
    number: int = 0
    """Its place among all jobs, as they were asked for first; 0: from before there were numbers."""
    turn: int = 0
    """Its place in the line: higher than those of all that were asked for before."""
    experiment: str = ""
    """Name of the experiment that it works on, if it does."""

    @property
    def place(self) -> tuple[int, float]:
        """Its place in the line; those from before there were turns are first, by the clock."""
        return self.turn, self.asked


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as it stood when it was read.

    Attributes:
        id: Name of its folder.
        kind: Name in `KINDS`; "unknown" where its description is damaged.
        title: What a person calls it; from a person or a data set, so escape it.
        words: Of its command, `autograph` left out.
        state: How it stands.
        created: When it was first asked for, in seconds since 1970.
        started: When this attempt's turn came; None before.
        ended: When this attempt ended, or was last heard of if it crashed.
        attempt: 1, and one more for every *Continue*.
        steps: How far each step is.
        error: Why it failed or crashed, in a sentence.
        exclusive: Whether it waits for other exclusive jobs.
        folder: Holds its files.
        number: Its place among all jobs: clocks are set back, numbers are not.
        turn: Its place in the line.
        experiment: Name of the experiment that it works on; "" where it works on none.
    """

    id: str
    kind: str
    title: str
    words: tuple[str, ...]
    state: State
    created: float
    started: float | None
    ended: float | None
    attempt: int
    steps: tuple[StepProgress, ...]
    error: str
    exclusive: bool
    folder: Path
    number: int = 0
    turn: tuple[int, float] = (0, 0.0)
    experiment: str = ""

    @property
    def active(self) -> bool:
        """Whether its process lives."""
        return self.state in ACTIVE

    @property
    def overdue(self) -> bool:
        """Whether it should have ended long ago, so that stopping it again ends it by force."""
        with suppress(OSError):
            age = time.time() - (self.folder / STOP).stat().st_mtime
            return self.active and abs(age) > PATIENCE_S  # less than nothing: a clock set back
        return False

    def log_tail(self, n: int = 20) -> str:
        """The last `n` lines of its log."""
        with suppress(OSError), (self.folder / LOG).open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-n:])
        return ""


def jobs_folder(workspace: Path) -> Path:
    """Where the jobs of a workspace are."""
    return workspace.absolute() / "jobs"


def read_job(workspace: Path, id: str) -> Job:
    """A job as it stands.

    Raises:
        ConfigError: there is none of that id.
        ArtifactError: its description is damaged.
    """
    folder = jobs_folder(workspace) / id
    if not ID.fullmatch(id) or not (folder / TICKET).exists():
        raise ConfigError(f"There is no job {id!r} in {workspace}. See: autograph jobs list")
    return _job(folder, read_ticket(folder))


def list_jobs(workspace: Path) -> list[Job]:
    """All jobs, the newest first; one whose description is damaged is shown as crashed."""
    jobs = _each(workspace)
    return sorted(jobs, key=lambda job: (job.number, job.created, job.id), reverse=True)


def next_number(jobs: Path) -> int:
    """A number and a turn that no job has, higher than those of all there are.

    Only who holds `tickets` may draw it.
    """
    drawn = [0]
    for path in jobs.glob(f"*/{TICKET}"):
        with suppress(ArtifactError):
            ticket = read_ticket(path.parent)
            drawn += (ticket.number, ticket.turn)
    return max(drawn) + 1


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


def _each(workspace: Path) -> Iterator[Job]:
    folder = jobs_folder(workspace)
    for path in folder.glob("*"):
        if ID.fullmatch(path.name) and (path / TICKET).exists():
            try:
                yield _job(path, read_ticket(path))
            except ArtifactError as error:
                yield _damaged_job(path, str(error))


def read_ticket(folder: Path) -> Ticket:
    """What is asked for in a job's folder.

    Raises:
        ArtifactError: it is damaged.
    """
    try:
        return Ticket.model_validate(atomic.read_json(folder / TICKET))
    except (ArtifactError, ValidationError):
        raise ArtifactError(
            f"The description of a job, {folder / TICKET}, is damaged. Forget the job and start "
            "it again: what it finished is kept."
        ) from None


def _job(folder: Path, ticket: Ticket) -> Job:
    """Whether it lives is looked up before its events: what is written last is not missed."""
    alive = lives(folder)
    story = read_story(folder, ticket.attempt)
    state = _state(alive, (folder / STOP).exists(), story)
    return Job(
        id=folder.name,
        kind=ticket.kind,
        title=ticket.title,
        words=ticket.words,
        state=state,
        created=ticket.created,
        started=story.began,
        ended=None if state in ACTIVE else story.ended or story.heard or ticket.asked,
        attempt=ticket.attempt,
        steps=story.steps,
        error=CRASHED if state == "crashed" else story.error,
        exclusive=ticket.exclusive,
        folder=folder,
        number=ticket.number,
        turn=ticket.place,
        experiment=ticket.experiment,
    )


CRASHED = (
    "Its process ended without a word: it was killed, memory ran out, or the machine was "
    "restarted. What is finished is kept: continue it."
)


def _state(alive: bool, stopping: bool, story: Story) -> State:
    if story.ending is not None:
        return story.ending
    if not alive:
        return "stopped" if stopping else "crashed"
    if stopping:
        return "stopping"
    return "queued" if story.began is None else "running"


def _damaged_job(folder: Path, why: str) -> Job:
    return Job(
        id=folder.name,
        kind="unknown",
        title=folder.name,
        words=(),
        state="crashed",
        created=(folder / TICKET).stat().st_mtime,
        started=None,
        ended=None,
        attempt=0,
        steps=(),
        error=why,
        exclusive=False,
        folder=folder,
    )
