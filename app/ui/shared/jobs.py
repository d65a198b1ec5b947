"""Long work of a screen: started once, watched while it runs, and told about once it ended.

Who asks for it again while it is at work gets the same job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import streamlit as st

from app.jobs.commands import experiment_words
from app.jobs.control import start, start_experiment, stop
from app.jobs.state import Job, list_jobs, read_job
from app.pipeline.records import Record, settings_file
from app.ui.shared import visitors
from app.ui.shared.frame import command, go, link, show_error, workspace
from app.ui.shared.telling import callback, fragment

EVERY_S = 1.0
WHY_NOT = "Viewers look and change nothing; sign in to run things."
_TURN = Lock()
"""Of all visitors: nobody starts between another one's look and start."""


def at_work(kind: str, words: Sequence[str]) -> Job | None:
    """The job that runs just this command, or waits to."""
    jobs = (job for job in list_jobs(workspace()) if job.active and job.kind == kind)
    return next((job for job in jobs if job.words == tuple(words)), None)


def at_work_on(experiment: str) -> Job | None:
    """The job that works on an experiment of this name, or waits to."""
    jobs = (job for job in list_jobs(workspace()) if job.active)
    return next((job for job in jobs if job.experiment == experiment), None)


def tell_bad_end(experiment: str) -> None:
    """Why the latest job on an experiment did not end well, and the way to its log."""
    jobs = [job for job in list_jobs(workspace()) if job.experiment == experiment]
    job = max(jobs, key=lambda job: job.turn, default=None)
    if job is None or job.state not in ("failed", "crashed", "stopped"):
        return
    if job.state == "stopped":
        said = "The last run was stopped before its end; what it finished is kept."
        st.info(said, icon=":material/stop_circle:")
    else:
        show_error(f"The last run failed. {job.error or 'It ended without a word.'}")
    link("jobs", "Its log, and how far it came", ":material/checklist:")


def start_once(kind: str, words: Sequence[str], title: str) -> Job:
    """The job at work on these words; started, unless it was before.

    Raises:
        ConfigError: the words are no command of that kind, or no job can be started.
    """
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


def run_button(label: str, name: str, record: Record | None = None) -> None:
    """A button that runs an experiment as a job, as `record` has it, and goes to the jobs."""
    tell_bad_end(name)
    if start_button(label, at_work_on(name), key=f"run-{name}"):
        run_once(settings_file(record) if record else name)
        go("jobs")


def job_button(label: str, kind: str, words: Sequence[str], title: str) -> None:
    """A button that starts a job and goes to the jobs; the command that does the same under it.

    Args:
        label: Of the button.
        kind: Of the job, as `app.jobs` names it.
        words: Of its command, `autograph` left out.
        title: What a person calls the job.
    """
    if start_button(label, at_work(kind, words), key="-".join(words)):
        start_once(kind, words, title)
        go("jobs")
    command(*words)


def latest_job(kind: str, words: Sequence[str]) -> Job | None:
    """The latest job that ran just this command."""
    jobs = (job for job in list_jobs(workspace()) if job.kind == kind)
    return next((job for job in jobs if job.words == tuple(words)), None)


@callback
def begin(kind: str, words: Sequence[str], title: str) -> None:
    """Starts a job unless it is at work; for `on_click`."""
    start_once(kind, words, title)


def watch(job: Job, draw: Callable[[], None] = lambda: None, what: str = "Asking") -> None:
    """Draws, again and again while a job runs, and has the page drawn when it has ended.

    Args:
        job: That runs.
        draw: Draws what it has made so far.
        what: It does.
    """

    def watched() -> None:
        now = read_job(workspace(), job.id)
        if not now.active:
            st.rerun()
        _progress(now, what)
        draw()

    fragment(watched, run_every=EVERY_S)()


def tell_end(job: Job) -> None:
    """Says how a job ended that did not end well."""
    if job.state in ("failed", "crashed"):
        show_error(job.error or "The job ended without a word.")
        with st.expander("Last lines of its log"):
            st.code(job.log_tail(), language=None)
    elif job.state == "stopped":
        st.warning("The job was stopped; what was answered is kept.", icon=":material/block:")


def _progress(job: Job, what: str) -> None:
    step = next((one for one in job.steps if one.state == "running"), None)
    done = f"{step.done:,} of {step.total:,}" if step is not None and step.total else job.state
    with st.container(horizontal=True, vertical_alignment="center"):
        share = step.done / step.total if step is not None and step.total else 0.0
        st.progress(min(share, 1.0), text=f"{what}: {done}")
        st.button(
            "Stop",
            key=f"stop {job.id}",
            icon=":material/stop:",
            on_click=callback(stop),
            args=(job,),
        )
