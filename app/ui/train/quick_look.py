"""The first look at a person's data: how long it takes, the button that starts it, its answer."""

from __future__ import annotations

import os

import streamlit as st

from app.experiment.drafts import Draft, save_draft, saved_folder
from app.experiment.quick import quick_name
from app.experiment.settings import Experiment
from app.jobs.commands import experiment_words
from app.jobs.state import Job, read_job
from app.pipeline.estimate import Estimate
from app.pipeline.records import Record, read_record
from app.results.first_look import advice, do_texts_help, estimate_in_words, took_in_words
from app.ui.shared import frame
from app.ui.shared.jobs import (
    EVERY_S,
    at_work_on,
    latest_job,
    run_once,
    start_button,
    start_once,
    tell_end,
)
from app.ui.shared.telling import fragment
from data.errors import AutoGraphError

OF_DATA = ("data.", "evaluate.", "seed", "control", "name")
"""Changes of a form that the first look takes over; all others are of the preset."""
WHAT = (
    "Run this first on data of your own: simple recommenders, one that learns, and the same with "
    "texts, set for shops. No language model is asked. It ends with an answer to one question: do "
    "texts help on these data?"
)


def draw_quick_look(draft: Draft) -> None:
    """Draws the card."""
    with st.container(border=True, key="quick-look"):
        st.subheader("Quick look (minutes)", anchor=False)
        st.write(WHAT)
        if draft.problems:
            st.caption("A setting below has to be mended first.")
            return
        path, sets = _runnable(draft)
        experiment = draft.experiment
        name = quick_name(experiment)
        record, known = _ran(name, experiment), _known(name, experiment)
        _draw_estimate(known)
        _draw_buttons(draft, path, sets, name)
        if record is not None:
            _draw_answer(record)
        frame.command(*experiment_words(path, sets, quick=True))


def _runnable(draft: Draft) -> tuple[str, tuple[str, ...]]:
    """What `autograph run` is given: a known file and changes of the data, or the saved draft."""
    sets = tuple(change for change in draft.sets if change.startswith(OF_DATA))
    if draft.can_be_set and draft.base.path is not None:
        return draft.base.path, sets
    return str(saved_folder(frame.workspace()) / f"{draft.experiment.name}.toml"), ()


def _known(name: str, experiment: Experiment) -> Estimate | None:
    """The latest estimate, if it is of these data."""
    known = Estimate.load(frame.workspace(), name)
    same = known is not None and known.data == experiment.data.model_dump_json()
    return known if same else None


def _ran(name: str, experiment: Experiment) -> Record | None:
    """The latest first look, if it is at these data."""
    try:
        record = read_record(name, frame.workspace())
    except AutoGraphError:
        return None
    return record if record.experiment.data == experiment.data else None


def _draw_estimate(known: Estimate | None) -> None:
    if known is None:
        return
    if told := took_in_words(known):
        st.caption(frame.plain(told))
        return
    st.markdown(f":material/timer: {frame.plain(estimate_in_words(known, os.cpu_count() or 1))}")
    if told := advice(known):
        st.warning(frame.plain(told), icon=":material/hourglass_bottom:")


def _draw_buttons(draft: Draft, path: str, sets: tuple[str, ...], name: str) -> None:
    measuring = experiment_words(path, sets, quick=True, dry_run=True)
    measured = latest_job("look", measuring)
    if measured is not None and measured.active:
        _watch(measured)
        return
    if measured is not None:
        tell_end(measured)
    with st.container(horizontal=True, vertical_alignment="center"):
        busy = at_work_on(name)
        run = start_button("Run the quick look", busy, key="quick-run")
        ask = busy is None and st.button(
            "How long will it take?",
            icon=":material/timer:",
            key="quick-ask",
            help="Reads the data and times a few steps of everything: some seconds.",
        )
    if run or ask:
        if not draft.can_be_set:
            save_draft(draft, frame.workspace())
        if ask:
            start_once("look", measuring, f"Estimate {name}")
        else:
            run_once(path, sets, quick=True)
        st.rerun()


def _watch(job: Job) -> None:
    """Says that it is measured, until it is."""

    def watched() -> None:
        if not read_job(frame.workspace(), job.id).active:
            st.rerun()
        st.info("Reading the data, and timing a few steps …", icon=":material/timer:")

    fragment(watched, run_every=EVERY_S)()


def _draw_answer(record: Record) -> None:
    """What it found, and the way to all of it."""
    if len(record.finished_cells()) < len(record.cells):
        return
    st.info(frame.plain(do_texts_help(record)), icon=":material/fact_check:")
    name = record.experiment.name
    frame.link("compare", "Compare", ":material/leaderboard:", experiment=name)
