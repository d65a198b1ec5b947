"""Jobs of a screen: started, watched while they run, and told about once they ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.jobs import Job, listed, read, stop
from app.ui.shared import frame
from app.ui.shared.starting import start_once
from app.ui.shared.telling import callback, fragment

EVERY_S = 1.0


def latest(kind: str, words: Sequence[str]) -> Job | None:
    """The latest job that ran just this command."""
    jobs = (job for job in listed(frame.workspace()) if job.kind == kind)
    return next((job for job in jobs if job.words == tuple(words)), None)


@callback
def begin(kind: str, words: Sequence[str], title: str) -> None:
    """Starts a job unless it is at work; for `on_click`."""
    start_once(kind, words, title)


def watch(job: Job, draw: Callable[[], None]) -> None:
    """Draws, again and again while a job runs, and has the page drawn when it has ended."""

    def watched() -> None:
        now = read(frame.workspace(), job.id)
        if not now.active:
            st.rerun()
        _progress(now)
        draw()

    fragment(watched, run_every=EVERY_S)()


def tell_end(job: Job) -> None:
    """Says how a job ended that did not end well."""
    if job.state in ("failed", "crashed"):
        frame.failed(job.error or "The job ended without a word.")
        with st.expander("Last lines of its log"):
            st.code(job.log_tail(), language=None)
    elif job.state == "stopped":
        st.warning("The job was stopped; what was answered is kept.", icon=":material/block:")


def _progress(job: Job) -> None:
    step = next((one for one in job.steps if one.state == "running"), None)
    done = f"{step.done:,} of {step.total:,}" if step is not None and step.total else job.state
    with st.container(horizontal=True, vertical_alignment="center"):
        share = step.done / step.total if step is not None and step.total else 0.0
        st.progress(min(share, 1.0), text=f"Asking: {done}")
        st.button(
            "Stop",
            key=f"stop {job.id}",
            icon=":material/stop:",
            on_click=callback(stop),
            args=(job,),
        )
