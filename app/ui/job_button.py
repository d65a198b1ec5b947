"""A button that starts long work, unless it is under way."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui.address import parameters
from app.ui.frame import command, link, workspace


def job_button(label: str, kind: str, words: Sequence[str], title: str) -> None:
    """A button that starts a job and goes to the jobs; the command that does the same under it.

    Args:
        label: Of the button.
        kind: Of the job, as `app.jobs` names it.
        words: Of its command, `autograph` left out.
        title: What a person calls the job.
    """
    from app.jobs import ACTIVE, listed, start

    at_work = [
        job
        for job in listed(workspace())
        if job.state in ACTIVE and tuple(job.words) == tuple(words)
    ]
    if at_work:
        st.info(f"A job is at work on it ({at_work[0].state}).", icon=":material/hourglass_top:")
        link("jobs", "See the job", ":material/checklist:")
    elif st.button(label, type="primary", icon=":material/play_arrow:", key="-".join(words)):
        start(workspace(), kind, words, title)
        st.switch_page(st.session_state["screens"]["jobs"], query_params=parameters())
    command(*words)
