"""The screen Jobs: long work, how far it is, and what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from app.jobs.control import forget, resume, stop
from app.jobs.events import StepProgress
from app.jobs.state import Job, list_jobs
from app.jobs.wording import ahead, duration, finished_steps, number, progress_in_words, seconds_of
from app.pipeline.records import read_record
from app.ui.shared import frame
from app.ui.shared.experiment import header
from app.ui.shared.frame import plain, show_error
from app.ui.shared.telling import fragment
from data.errors import AutoGraphError

EVERY_S = 1.0
LATEST = 15
"""Jobs that are shown before somebody asks for more."""
LOG_LINES = 200
LOOKS = {
    "queued": ("gray", ":material/hourglass_empty:"),
    "running": ("blue", ":material/play_circle:"),
    "stopping": ("orange", ":material/pause_circle:"),
    "stopped": ("orange", ":material/stop_circle:"),
    "finished": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "crashed": ("red", ":material/bolt:"),
}
"""Colour and icon of every state of a job."""
AT_ONCE = 8
"""Steps under way that are shown with a bar of their own."""


def show() -> None:
    """Draws the screen; only while something runs it draws itself again."""
    header(
        "Jobs",
        "Long work runs on its own: close the page or come back from another browser, it goes on.",
    )
    live = any(job.active for job in list_jobs(frame.workspace()))
    fragment(_list, run_every=EVERY_S if live else None)(live)
    frame.command("jobs", "list")


def _list(live: bool) -> None:
    jobs = list_jobs(frame.workspace())
    if live and not any(job.active for job in jobs):
        st.rerun()
    if not jobs:
        frame.empty(
            "No jobs yet",
            "What takes long is started on the screens Data, Knowledge and Train, and shows here.",
            ":material/checklist:",
        )
        return
    jobs.sort(key=lambda job: not job.active)
    everything = len(jobs) <= LATEST or st.toggle(f"Show all {len(jobs)} jobs", key="all-jobs")
    for job in jobs if everything else jobs[:LATEST]:
        with st.container(border=True, key=f"job-{job.id}"):
            _card(job, jobs)


def _card(job: Job, jobs: list[Job]) -> None:
    about, buttons = st.columns([5, 2], vertical_alignment="top")
    with about:
        draw_title(job, jobs)
    with (
        buttons,
        st.container(
            horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"
        ),
    ):
        _buttons(job)
    draw_progress(job)
    draw_trouble(job)
    if job.steps:
        steps = st.expander("Steps", key=f"steps-{job.id}", on_change="rerun")
        if steps.open:
            with steps:
                _steps(job)
    log = st.expander("Log and command", key=f"log-{job.id}", on_change="rerun")
    if log.open:
        with log:
            draw_command(job)
            st.code(job.log_tail(LOG_LINES) or "empty", language=None, wrap_lines=True, height=320)
            st.caption(f"The whole log: {frame.plain(job.folder / 'log.txt')}")


def _buttons(job: Job) -> None:
    if job.active:
        _stop_button(job)
        return
    if job.state == "finished" and job.experiment:
        _results(job.experiment)
    if job.state != "finished" and job.kind != "unknown":
        again = st.button(
            "Continue",
            key=f"continue-{job.id}",
            icon=":material/play_arrow:",
            type="primary",
            help="Runs the same command again; what is finished is not done again.",
        )
        if again:
            resume(job)
            st.rerun()
    with st.popover("Forget", icon=":material/close:", type="tertiary", key=f"ask-{job.id}"):
        st.write("It goes off this list, with its log. Results that it made stay.")
        if st.button("Forget it for good", key=f"forget-{job.id}", icon=":material/delete:"):
            forget(job)
            st.rerun()


def _results(name: str) -> None:
    """The way to what a job made: recommenders, or the data where it went no further."""
    try:
        record = read_record(name, frame.workspace())
    except AutoGraphError:
        return
    if record.finished_cells():
        frame.link("compare", "Results", ":material/leaderboard:", experiment=name)
    else:
        frame.link("data", "Data", ":material/dataset:", experiment=name)


def _stop_button(job: Job) -> None:
    pressed = st.button(
        "Cancel",
        key=f"stop-{job.id}",
        icon=":material/stop:",
        disabled=job.state == "stopping" and not job.overdue,
        help="Ends the job; what is finished is kept, and it can be continued.",
    )
    if pressed:
        stop(job)
        st.rerun()


def _steps(job: Job) -> None:
    import polars as pl

    rows = pl.DataFrame([_row(step) for step in job.steps], infer_schema_length=None)
    frame.table(rows, f"steps-of-{job.id}")


def _row(step: StepProgress) -> dict[str, str]:
    running = step.state == "running"
    return {
        "step": step.name,
        "state": "was there already" if step.state == "kept" else step.state,
        "progress": progress_in_words(step) if running else "",
        "took": "" if step.seconds is None else duration(step.seconds),
        "figures": ", ".join(f"{name} {number(value)}" for name, value in step.figures.items()),
    }


def draw_title(job: Job, jobs: Sequence[Job]) -> None:
    """What the job is, how it stands, and since when."""
    colour, icon = LOOKS[job.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(job.title)}**", width="content")
        st.badge(job.state, color=colour, icon=icon)  # type: ignore[arg-type]
    st.caption(" · ".join(_facts(job, jobs)))


def draw_command(job: Job) -> None:
    """The command that does the same."""
    if job.words:
        st.code(shlex.join(["autograph", *job.words]), language="shell", wrap_lines=True)


def _facts(job: Job, jobs: Sequence[Job]) -> list[str]:
    facts = []
    if job.state == "queued" and (before := ahead(job, list(jobs))):
        waits = ", ".join(plain(one.title) for one in before)
        facts.append(f"waits until {waits} has ended")
    if job.started is not None:
        facts.append(f"began {datetime.fromtimestamp(job.started):%d %b %H:%M:%S}")
        facts.append(duration(seconds_of(job) or 0))
    else:
        facts.append(f"asked for {datetime.fromtimestamp(job.created):%d %b %H:%M:%S}")
    if job.attempt > 1:
        facts.append(f"attempt {job.attempt}")
    return facts


def draw_progress(job: Job) -> None:
    """How far the job is, and a bar for each step under way."""
    total, done = len(job.steps), finished_steps(job)
    if total:
        st.progress(done / total, text=f"{done} of {total} steps")
    running = [step for step in job.steps if step.state == "running"]
    if not job.active:
        return
    for step in running[:AT_ONCE]:
        _draw_step(step)
    if len(running) > AT_ONCE:
        st.caption(f"and {len(running) - AT_ONCE} more at the same time")


def _draw_step(step: StepProgress) -> None:
    """Always a bar, so that nothing moves when a total becomes known."""
    share = min(1.0, step.done / step.total) if step.total else 0.0
    told = plain(progress_in_words(step))
    st.progress(share, text=" · ".join(filter(None, (f"**{plain(step.name)}**", told))))


def draw_trouble(job: Job, lines: int = 12) -> None:
    """Why a job failed or crashed, and how its log ends."""
    if job.state in ("failed", "crashed"):
        show_error(job.error)
        if tail := job.log_tail(lines):
            st.caption("The log ends:")
            st.code(tail, language=None, wrap_lines=True)
