"""Long work is started once: who asks for it again while it is at work gets the same job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import streamlit as st

from app.jobs import Job, listed
from app.ui.server import visitors
from app.ui.shared.frame import failed, link, workspace

WHY_NOT = "Viewers look and change nothing; sign in to run things."
_TURN = Lock()
"""Of all visitors: nobody starts between another one's look and start."""


def at_work(kind: str, words: Sequence[str]) -> Job | None:
    """The job that runs just this command, or waits to."""
    jobs = (job for job in listed(workspace()) if job.active and job.kind == kind)
    return next((job for job in jobs if job.words == tuple(words)), None)


def at_work_on(experiment: str) -> Job | None:
    """The job that works on an experiment of this name, or waits to."""
    jobs = (job for job in listed(workspace()) if job.active)
    return next((job for job in jobs if job.experiment == experiment), None)


def ended_badly(experiment: str) -> Job | None:
    """The latest job on an experiment of this name, if it did not end well."""
    jobs = [job for job in listed(workspace()) if job.experiment == experiment]
    last = max(jobs, key=lambda job: job.turn, default=None)
    return last if last and last.state in ("failed", "crashed", "stopped") else None


def tell_bad_end(experiment: str) -> None:
    """Why the latest job on an experiment did not end well, and the way to its log."""
    job = ended_badly(experiment)
    if job is None:
        return
    if job.state == "stopped":
        said = "The last run was stopped before its end; what it finished is kept."
        st.info(said, icon=":material/stop_circle:")
    else:
        failed(f"The last run failed. {job.error or 'It ended without a word.'}")
    link("jobs", "Its log, and how far it came", ":material/checklist:")


def start_once(kind: str, words: Sequence[str], title: str) -> Job:
    """The job at work on these words; started, unless it was before.

    Raises:
        ConfigError: the words are no command of that kind, or no job can be started.
    """
    from app.jobs import start

    with _TURN:
        return at_work(kind, words) or start(workspace(), kind, words, title)


def run_once(experiment: str | Path, sets: Sequence[str] = (), **how: Any) -> Job:
    """The job that runs an experiment just so; started, unless it was before.

    Args:
        experiment: A name such as "demo", or a file.
        sets: Changes, each "a.b=c".
        how: Of `app.jobs.control.experiment_words`.

    Raises:
        ConfigError: there is no such experiment, a setting is wrong, or no job can be started.
    """
    from app.jobs import start_experiment
    from app.jobs.control import experiment_words

    words = experiment_words(experiment, sets, **how)
    with _TURN:
        return at_work("run", words) or start_experiment(workspace(), experiment, sets, **how)


def start_button(label: str, job: Job | None, **look: Any) -> bool:
    """Whether a button that starts a job was pressed; the way to the job where it is at work.

    Args:
        label: Of the button.
        job: That is at work already.
        look: Of `st.button`.
    """
    if job is None and not visitors.may_change():
        st.button(label, **{"icon": ":material/lock:", **look, "disabled": True, "help": WHY_NOT})
        return False
    if job is None:
        shown = {"type": "primary", "icon": ":material/play_arrow:", **look}
        return st.button(label, **shown)
    st.info(f"A job is at work on it ({job.state}).", icon=":material/hourglass_top:")
    link("jobs", "See the job", ":material/checklist:")
    return False
