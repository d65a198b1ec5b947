"""The screen Train: recommenders and settings are chosen here, and trained as a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from app.experiment.drafts import Base, Draft, draft_of, widget_value
from app.experiment.form import Field, field_of, fields_of, rooms
from app.pipeline.records import read_record
from app.pipeline.starting_points import bases
from app.results.metrics import training_curves
from app.ui.shared import frame
from app.ui.shared.experiment import DEMO, current_record, experiments, header
from app.ui.train import grid_table
from app.ui.train.curves import active_runs, draw_curves, draw_live
from app.ui.train.form import Form
from app.ui.train.grid_table import GridTable
from app.ui.train.quick_look import draw_quick_look
from app.ui.train.run_card import draw_run
from data.errors import AutoGraphError
from prompts.template import own_templates

BASE, CHOICE, WRITTEN = "from", "train-from", "train-from-written"
"""In the address; of the widget; and what the page itself wrote into the address last."""
OWN = ("name", "note", "grid.seeds")
"""Settings that stand outside the rooms of the form."""


def show() -> None:
    """Draws the screen."""
    header("Train", "Choose recommenders and settings, and train them as a job.")
    draw_live()
    base = _base()
    first = st.container()
    form = Form()
    about, run = st.columns([5, 3], gap="medium")
    with about, st.container(border=True):
        table, own = _recommenders(base, form)
    st.subheader("Settings", anchor=False)
    parts = rooms(base.experiment, _deciding(table), _known_names())
    form.draw_rooms(parts)
    draft = _draft(base, table, form, [*own, *fields_of(parts)])
    with first:
        draw_quick_look(draft)
    with run, st.container(border=True):
        draw_run(draft, table, form, lambda: _take_up(base))
    _curves(base.experiment.name if draft.problems else draft.experiment.name)


def _base() -> Base:
    """What the form begins with; it always stands in the address, so that a link says it all."""
    found = {base.key: base for base in bases(frame.workspace())}
    asked, state = st.query_params.get(BASE), st.session_state
    if asked in found and asked != state.get(WRITTEN):
        state[CHOICE] = asked
    elif state.get(CHOICE) not in found:
        state[CHOICE] = _usual(found)
    if asked and asked not in found:
        frame.miss("experiment", asked)
    key = st.selectbox(
        "Begin with",
        list(found),
        key=CHOICE,
        persist_state="session",
        help="The settings below are those of this experiment until you change them.",
        on_change=lambda: _take_up(found[state[CHOICE]]),
        width=420,
    )
    st.query_params[BASE] = state[WRITTEN] = key
    return found[key]


def _usual(found: Mapping[str, Base]) -> str:
    """The experiment that is chosen for the page, or the demo."""
    record = current_record()
    if record is not None:
        for base in found.values():
            if base.experiment == record.experiment:
                return base.key
    return DEMO


def _take_up(base: Base) -> None:
    """Puts the settings of another experiment into every field."""
    own = [field_of(base.experiment, key) for key in OWN]
    for one in [*own, *fields_of(rooms(base.experiment, {}, _known_names()))]:
        st.session_state[one.key] = widget_value(one)
    for key, ticked in grid_table.reset(base.experiment).items():
        st.session_state[key] = ticked


def _recommenders(base: Base, form: Form) -> tuple[GridTable, list[Field]]:
    """Which recommenders there are to be, and how the experiment is called."""
    own = [field_of(base.experiment, key) for key in OWN]
    name, note = st.columns([1, 2])
    with name:
        form.draw(own[0])
    with note:
        form.draw(own[1])
    table = GridTable(base.experiment)
    form.draw(own[2])
    return table, own


def _deciding(table: GridTable) -> dict[str, Any]:
    """Values that decide which fields there are, from the last run or from the address."""
    kept = {key: value for key, value in st.session_state.items() if isinstance(key, str)}
    grid = {"grid.backbones": table.backbones, "grid.enhancers": table.enhancers}
    return {**st.query_params.to_dict(), **kept, **grid}


def _known_names() -> dict[str, list[str]]:
    """Names to choose from: data sets and templates."""
    from data.catalogue import CATALOGUE
    from prompts.library import Library

    found: dict[str, list[str]] = {"data.name": list(CATALOGUE)}
    with suppress(AutoGraphError):
        for entry in Library(own_templates(frame.workspace())).entries():
            key = f"prompts.{entry.template.side}_template"
            found.setdefault(key, ["auto"]).append(entry.template.name)
    return found


def _draft(base: Base, table: GridTable, form: Form, fields: Sequence[Field]) -> Draft:
    """What the form says, as a change of its base."""
    ticked = {"grid.backbones": table.backbones, "grid.enhancers": table.enhancers}
    grid = [field_of(base.experiment, key) for key in ticked]
    return draft_of(base, [*grid, *fields], {**form.values, **ticked})


def _curves(name: str) -> None:
    """The curves of the experiment in the form as it last ran, if they are not drawn above."""
    if any(job.experiment == name for job in active_runs()):
        return
    st.subheader(f"Training curves of {frame.plain(name)}", anchor=False)
    ran = read_record(name, frame.workspace()) if name in experiments() else None
    if ran is None or not draw_curves(training_curves(ran), "curves"):
        frame.empty(
            "No curves yet",
            "Each recommender's loss and validation NDCG@10 show here from its first epoch on.",
            ":material/show_chart:",
        )
