"""A question to the database runs beside the page, and can be stopped."""

from __future__ import annotations

import streamlit as st

from app.results.results import Results
from app.ui.query.state import ANEW
from app.ui.shared.telling import fragment
from data.errors import AutoGraphError
from graph.database.ask import Answer, Asking

PATIENCE_S = 0.8
"""Seconds for which the page waits before it offers to stop a question."""
_RUNNING = "query-running"


class _Question:
    """A question and, once there is one, its answer or why there is none."""

    def __init__(self, key: tuple[str, str], results: Results) -> None:
        self.key = key
        self.asking: Asking | None = None
        self.answer: Answer | None = None
        self.error: AutoGraphError | None = None
        try:
            self.asking = Asking(results.database, key[1])
        except AutoGraphError as error:
            self.error = error

    def look(self, seconds: float = 0.0) -> None:
        """Takes the answer, if it is there or comes in time."""
        if self.asking is not None and self.asking.wait(seconds):
            try:
                self.answer = self.asking.answer()
            except AutoGraphError as error:
                self.error = error
            self.asking = None


def wait_for(results: Results, text: str) -> Answer | None:
    """The answer; None while it is not there, and the page shows so.

    Raises:
        AutoGraphError: there is none.
    """
    key = results.stamp, text
    question: _Question | None = st.session_state.get(_RUNNING)
    anew = st.session_state.pop(ANEW, False)
    if question is None or question.key != key or anew:
        if question is not None and question.asking is not None:
            question.asking.cancel()
        question = st.session_state[_RUNNING] = _Question(key, results)
        question.look(PATIENCE_S)
    if question.asking is not None:
        _show_running(question)
        return None
    if question.error is not None:
        raise question.error
    return question.answer


def _wait(question: _Question) -> None:
    question.look()
    if question.asking is None:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        waited, most = question.asking.waited, question.asking.seconds
        st.info(
            f"Asking … {waited:.0f} of at most {most:.0f} seconds.", icon=":material/hourglass:"
        )
        st.button("Stop", icon=":material/stop:", on_click=question.asking.cancel)


_show_running = fragment(_wait, run_every=0.5)
