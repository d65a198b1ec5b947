"""How jobs look, wherever they are shown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from app.jobs.events import StepProgress
from app.jobs.state import Job
from app.jobs.wording import ahead, counted, duration, finished_steps, took
from app.ui.shared.frame import failed, plain

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
        facts.append(duration(took(job) or 0))
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
    told = plain(counted(step))
    st.progress(share, text=" · ".join(filter(None, (f"**{plain(step.name)}**", told))))


def draw_trouble(job: Job, lines: int = 12) -> None:
    """Why a job failed or crashed, and how its log ends."""
    if job.state in ("failed", "crashed"):
        failed(job.error)
        if tail := job.log_tail(lines):
            st.caption("The log ends:")
            st.code(tail, language=None, wrap_lines=True)
