"""Starting, stopping and continuing jobs."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from app.experiment.file import load_experiment
from app.experiment.quick import quick_name
from app.jobs.commands import REGISTRY, Registry, check_words, experiment_words
from app.jobs.events import read_story
from app.jobs.state import (
    LOG,
    STOP,
    TICKET,
    Job,
    Ticket,
    hold,
    jobs_folder,
    lives,
    next_number,
    read_job,
    read_ticket,
    tickets,
)
from data import atomic, rights
from data.errors import AutoGraphError, ConfigError

ROOT = Path(__file__).resolve().parents[2]
"""Where the packages are, for a process that starts in another folder."""
SECRET = ("AUTOGRAPH_PASSWORD",)
"""What opens the page, and is nothing that a job or its log should have."""


def start(
    workspace: Path,
    kind: str,
    words: Sequence[str],
    title: str,
    exclusive: bool | None = None,
    experiment: str = "",
    registry: Registry = REGISTRY,
) -> Job:
    """A job that has just been started, or waits for its turn.

    Args:
        workspace: That it works in.
        kind: Name in `KINDS`.
        words: Of the equivalent command, `autograph` and `--workspace` left out.
        title: What a person calls it.
        exclusive: Whether it waits until no other exclusive job runs; by default as its kind.
        experiment: Name of the experiment that it works on, if it does.
        registry: Kinds, and the program that runs them.

    Raises:
        ConfigError: the words are no command of that kind.
        ArtifactError: the workspace may not be written.
    """
    rights.require("start a job")
    asked = check_words(kind, words, registry.kinds)
    alone = registry.kinds[kind].exclusive if exclusive is None else exclusive
    folder = _new_folder(workspace)
    with tickets(folder.parent):
        lock, now, number = hold(folder), time.time(), next_number(folder.parent)
        ticket = Ticket(
            kind=kind,
            title=title,
            words=asked,
            exclusive=alone,
            folder=str(Path.cwd()),
            created=now,
            asked=now,
            number=number,
            turn=number,
            experiment=experiment,
        )
        try:
            _launch(folder, ticket, lock, registry)
        except AutoGraphError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return read_job(workspace, folder.name)


def resume(job: Job, registry: Registry = REGISTRY) -> Job:
    """The job, asked for again; it goes on from what is finished.

    Raises:
        ConfigError: it has not ended, or may not be started.
        ArtifactError: its description is damaged.
    """
    rights.require("continue a job")
    ticket = read_ticket(job.folder)
    check_words(ticket.kind, ticket.words, registry.kinds)
    with tickets(job.folder.parent):
        try:
            lock = hold(job.folder)
        except BlockingIOError:
            raise ConfigError(f"The job {job.title!r} has not ended: stop it first.") from None
        (job.folder / STOP).unlink(missing_ok=True)
        again = {
            "attempt": ticket.attempt + 1,
            "asked": time.time(),
            "turn": next_number(job.folder.parent),
        }
        _launch(job.folder, ticket.model_copy(update=again), lock, registry)
    return read_job(job.folder.parents[1], job.id)


def stop(job: Job) -> None:
    """Asks a job to end; who asks again much later gets it by force.

    The worker looks for the file, ends as by Ctrl-C, and kills what is left of itself if that
    takes long. Only a worker that does not run at all has to be killed from here; as it holds its
    lock, the process of that number is no other.
    """
    rights.require("stop a job")
    sign = job.folder / STOP
    if not sign.exists():
        atomic.write_text(sign, "")
    elif lives(job.folder) and job.overdue:
        pid = read_story(job.folder, job.attempt).pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def forget(job: Job) -> None:
    """Removes the folder of a job that has ended; the results that it made stay.

    Raises:
        ConfigError: it has not ended.
    """
    rights.require("forget a job")
    if lives(job.folder):
        raise ConfigError(f"The job {job.title!r} has not ended: stop it first.")
    shutil.rmtree(job.folder, ignore_errors=True)


def start_experiment(
    workspace: Path,
    experiment: str | Path,
    sets: Sequence[str] = (),
    *,
    upto: str | None = None,
    source: Path | None = None,
    jobs: int = 1,
    quick: bool = False,
    title: str | None = None,
) -> Job:
    """A job that runs an experiment.

    Args:
        workspace: That it works in.
        experiment: A name such as "demo", or a file.
        sets: Changes, each "a.b=c".
        upto: Last stage to run; by default all.
        source: Folder with the publisher's files of the data.
        jobs: Recommenders trained beside each other.
        quick: Whether it is a first look at the experiment's data.
        title: By default the experiment's name.

    Raises:
        ConfigError: there is no such experiment, or a setting is wrong.
    """
    chosen = load_experiment(str(experiment), sets, source)
    name = quick_name(chosen) if quick else chosen.name
    words = experiment_words(experiment, sets, upto=upto, source=source, jobs=jobs, quick=quick)
    return start(workspace, "run", words, title or f"Run {name}", experiment=name)


def _new_folder(workspace: Path) -> Path:
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = jobs_folder(workspace) / name
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            f"No job can be started in {workspace}: {error.strerror}. Choose another workspace."
        ) from None
    return folder


def _launch(folder: Path, ticket: Ticket, lock: int, registry: Registry) -> None:
    """Starts the worker, which gets the lock: from here on the job lives as long as it does."""
    try:
        atomic.write_json(folder / TICKET, ticket.model_dump(mode="json"))
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                [*registry.program, str(folder), str(lock)],
                cwd=ticket.folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
            )
    except OSError as error:
        raise ConfigError(
            f"The job {ticket.title!r} cannot be started in {ticket.folder}: {error.strerror}."
        ) from None
    finally:
        os.close(lock)
    threading.Thread(target=process.wait, daemon=True).start()


def _environment(folder: Path) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in os.environ.items() if name not in SECRET}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "AUTOGRAPH_WORKSPACE": str(folder.parents[1]),
    }
