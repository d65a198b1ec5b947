"""What a run of a draft would do, what is wrong with it, and the button that starts it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app.experiment.drafts import Draft, is_saved, save_draft, saved_folder
from app.experiment.file import experiment_toml
from app.experiment.settings import Experiment
from app.jobs.commands import experiment_words
from app.jobs.grid import GridState, grid_state, keys_at_work
from app.jobs.state import list_jobs
from app.pipeline.records import read_record
from app.pipeline.stages.order import STAGES
from app.ui.shared import frame
from app.ui.shared.jobs import run_once, tell_bad_end
from app.ui.train.curves import active_runs, steps_of
from app.ui.train.form import Form
from app.ui.train.grid_table import GridTable
from data.errors import AutoGraphError

EVERYTHING = "everything"
FRESH_S = 5
"""Seconds for which it is not looked up again what is finished."""


def draw_run(draft: Draft, table: GridTable, form: Form, undo: Callable[[], None]) -> None:
    """The card of a draft; `undo` takes all changes back."""
    problems = draft.problems
    if problems:
        table.tell(None)
        _draw_problems(form.tell(problems))
        return
    experiment = draft.experiment
    state = _state(experiment)
    table.tell(state)
    _draw_state(state)
    _draw_changes(draft, undo)
    _draw_name_clash(experiment)
    how = _draw_how(experiment)
    _draw_start(draft, experiment, state, how)
    _draw_file(draft, experiment)
    path, sets = _runnable(draft, experiment)
    frame.command(*experiment_words(path, sets, **how))


def _draw_problems(told: Sequence[str]) -> None:
    what = "A setting has to be mended" if len(told) == 1 else "Settings have to be mended"
    st.error(f"{what} before this can run.", icon=":material/error:")
    for one in told:
        st.markdown(f"- {one}")


def _state(experiment: Experiment) -> GridState | None:
    """What is finished; None, and why, where that cannot be told."""
    jobs = list_jobs(frame.workspace())
    stamp = (tuple((job.id, job.state) for job in jobs), steps_of(jobs))
    try:
        return _looked_up(experiment.model_dump_json(), str(frame.workspace()), stamp)
    except AutoGraphError as error:
        st.warning(frame.plain(error), icon=":material/warning:")
        return None


@st.cache_resource(ttl=FRESH_S, show_spinner=False, max_entries=64)
def _looked_up(experiment: str, workspace: str, stamp: tuple[Any, ...]) -> GridState:  # noqa: ARG001 (Streamlit looks at it)
    at_work = keys_at_work(list_jobs(Path(workspace)), Path(workspace))
    return grid_state(Experiment.model_validate_json(experiment), Path(workspace), at_work)


def _draw_state(state: GridState | None) -> None:
    if state is None:
        return
    cells, shared, left = len(state.cells), sum(state.shared.values()), len(state.missing)
    one, two = st.columns(2)
    one.metric("Recommenders", cells, help="Backbones times enhancers times seeds.")
    two.metric("To train", left, help="The others are trained and judged already.")
    st.caption(
        f"{shared} of {len(state.shared)} shared results are there.",
        help="Data, texts, vectors, codes and graph, which all recommenders share. What is there "
        "is not made again.",
    )


def _draw_changes(draft: Draft, undo: Callable[[], None]) -> None:
    changed = [*draft.sets, *(f"{key} left out" for key in draft.emptied)]
    if changed:
        st.caption(f"Changed: {frame.plain(', '.join(changed))}")
        st.button(
            "Undo all changes", on_click=undo, key="undo", type="tertiary", icon=":material/undo:"
        )


def _draw_name_clash(experiment: Experiment) -> None:
    """Whose place the results would take."""
    try:
        before = read_record(experiment.name, frame.workspace()).experiment
    except AutoGraphError:
        return
    if before != experiment and not any(job.experiment == experiment.name for job in active_runs()):
        st.caption(
            f":material/info: {frame.plain(experiment.name)} ran with other settings before. Its "
            "results stay stored, but the page will show this run under that name; give it "
            "another name to see both."
        )


def _draw_how(experiment: Experiment) -> dict[str, Any]:
    """How it is run, which changes no result."""
    upto, beside = st.columns(2)
    shared = [EVERYTHING, *(name for name, stage in STAGES.items() if not stage.a_cell)]
    last = upto.selectbox(
        "Run",
        shared,
        format_func=lambda name: name if name == EVERYTHING else f"up to {STAGES[name].what}",
        key="run-upto",
        help="Everything, or only what recommenders share, up to one of its stages.",
    )
    cores = os.cpu_count() or 1
    most = max(1, min(cores, len(list(experiment.grid))))
    jobs = beside.number_input(
        "Trained at once",
        min_value=1,
        max_value=most,
        value=min(most, 2),
        key="run-jobs",
        help=f"Recommenders beside each other, each with its share of the {cores} cores here.",
    )
    return {"upto": None if last == EVERYTHING else last, "jobs": int(jobs)}


def _draw_start(
    draft: Draft, experiment: Experiment, state: GridState | None, how: Mapping[str, Any]
) -> None:
    busy = any(job.experiment == experiment.name for job in active_runs())
    left = len(state.missing) if state else len(list(experiment.grid))
    done = how["upto"] is None and state is not None and not left and all(state.shared.values())
    what = f"Train {left} recommender{'s' if left != 1 else ''}" if left else "Run"
    pressed = st.button(
        "Run" if how["upto"] else what,
        type="primary",
        icon=":material/play_arrow:",
        key="start-training",
        disabled=busy or done,
        width="stretch",
    )
    if busy:
        st.caption("A job is at work on it: see above.")
    elif not done:
        tell_bad_end(experiment.name)
    else:
        st.caption("All of it is finished.")
        frame.link("compare", "Compare", ":material/leaderboard:", experiment=experiment.name)
        frame.link("demo", "Demo", ":material/live_tv:", experiment=experiment.name)
    if pressed:
        if not draft.can_be_set:
            save_draft(draft, frame.workspace())
        path, sets = _runnable(draft, experiment)
        run_once(path, sets, **how)
        st.rerun()


def _runnable(draft: Draft, experiment: Experiment) -> tuple[str, tuple[str, ...]]:
    """What `autograph run` is given: a known file and changes, or the file that is saved for it."""
    if draft.can_be_set and draft.base.path is not None:
        return draft.base.path, draft.sets
    return str(saved_folder(frame.workspace()) / f"{experiment.name}.toml"), ()


def _draw_file(draft: Draft, experiment: Experiment) -> None:
    saved = is_saved(draft, frame.workspace())
    with st.expander("As a TOML file", icon=":material/description:"):
        toml = experiment_toml(experiment)
        st.code(toml, language="toml", height=260)
        with st.container(horizontal=True, gap="small"):
            name, mime = f"{experiment.name}.toml", "application/toml"
            frame.download("Download", toml, name, mime, "toml")
            label = "Replace the saved one" if saved is False else "Save in the workspace"
            if st.button(label, key="save-toml", icon=":material/save:", disabled=saved is True):
                save_draft(draft, frame.workspace())
                st.rerun()
        st.caption(
            "Saved experiments can be begun with, and run from the command line."
            if saved is not True
            else f"Saved as {frame.plain(saved_folder(frame.workspace()))}/{experiment.name}.toml."
        )
