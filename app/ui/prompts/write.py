"""Writing a template: the text, what is wrong with it, and what it becomes for a user or item."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui.prompts import draft
from app.ui.prompts.choice import Choice
from app.ui.prompts.examples import pick
from app.ui.prompts.versions import TOLD, save_buttons
from app.ui.shared import frame
from app.ui.shared.experiment import DEMO
from app.ui.shared.jobs import run_button
from app.ui.shared.results import results_of
from app.ui.shared.telling import fragment
from data.errors import AutoGraphError, TemplateError
from prompts.drafts import draft_template
from prompts.variables import Unknown, unknown_names

if TYPE_CHECKING:
    from llm.workshop.scene import Rendered, Scene
    from prompts.template import Template

TURN = "variables turn"
"""In the session: counts inserted variables, so that each table begins with nothing chosen."""


@fragment
def show_write(choice: Choice) -> None:
    """Draws the editor and, beside it, what comes of the text for one user or item.

    The editor comes first and does not wait for the data: members such as `attributes.genre` are
    looked at as soon as the facts of one user or item are known.
    """
    if TOLD in st.session_state:
        st.rerun()
    left, right = st.columns(2, gap="medium")
    template, known = choice.template, f"facts {choice.record and choice.record.experiment.name}"
    body, schema = draft.text_in_draft(template)
    facts = st.session_state.get(f"{known} {choice.side}")
    written, problem, unknown = _check(template, body, schema, facts)
    fit = None if unknown else written
    with left:
        save_buttons(choice, fit)
        draft.edit(template.label, body, template.body, [one.name for one in unknown])
        _schema(template, schema)
    with right:
        scene, number = _scene(choice)
        _problems(template, problem, unknown)
        if scene is not None and number is not None:
            st.session_state[f"{known} {choice.side}"] = scene.facts(number)
            prompt, values = st.tabs(["Prompt", "Variables"], key="write tabs")
            with prompt:
                show_preview(scene, number, fit)
            with values:
                show_variables(scene, number)


def _scene(choice: Choice) -> tuple[Scene | None, int | None]:
    """The users or items, and the one that is looked at."""
    record, stage = choice.record, "dataset" if choice.side == "item" else "split"
    if record is not None and record.store.holds(stage, record.keys.get(stage, "none")):
        with st.spinner("Reading what templates see …"):
            scene = results_of(record).scene(choice.side)
        return scene, pick(scene, "preview")
    frame.empty(
        "No data yet",
        "Values and the finished prompt show here once an experiment has read its data.",
        ":material/visibility:",
    )
    if record is None:
        run_button("Build the demo", DEMO)
    else:
        run_button("Run it now", record.experiment.name, record)
    return None, None


def _check(
    template: Template, body: str, schema: str, facts: Any
) -> tuple[Template | None, str, list[Unknown]]:
    """What is written if it is a template, otherwise why not; and names that nobody knows."""
    try:
        written = draft_template(template, body, schema)
        return written, "", unknown_names(written, facts)
    except TemplateError as error:
        return None, str(error), []


def _problems(template: Template, problem: str, unknown: list[Unknown]) -> None:
    """What is wrong with the text, and a button for each name that may have been meant."""
    if problem:
        frame.show_error(problem)
    for one in unknown:
        with st.container(border=True):
            text, button = st.columns([3, 2], vertical_alignment="center")
            meant = f" Did you mean **{frame.plain(one.nearest)}**?" if one.nearest else ""
            text.markdown(
                f":red[:material/help:] **{frame.plain(one.name)}** does not exist.{meant}"
            )
            if one.nearest:
                button.button(
                    "Replace it",
                    key=f"nearest {one.name}",
                    icon=":material/find_replace:",
                    on_click=_replace,
                    args=(template, one),
                    width="stretch",
                )


def _replace(template: Template, unknown: Unknown) -> None:
    wanted = rf"(?<![\w.]){re.escape(unknown.name)}(?!\w)"
    body = draft.text_in_draft(template)[0]
    draft.put(template, re.sub(wanted, lambda _: unknown.nearest or unknown.name, body))


def _schema(template: Template, schema: str) -> None:
    with st.expander("Answers in JSON", icon=":material/data_object:", expanded=bool(schema)):
        st.text_area(
            "JSON schema",
            schema,
            key=draft.schema_key(template),
            placeholder="Blank for free text, which is what most templates ask for.",
            help="Answers must follow it; each property becomes a column that can be searched.",
            height=160,
        )


def show_preview(scene: Scene, number: int, template: Template | None) -> None:
    """Draws the prompt about one user or item, message by message."""
    from llm.workshop.scene import render

    if template is None:
        what = "It shows again once the text has no mistake."
        frame.empty("No prompt", what, ":material/visibility_off:")
        return
    try:
        one = render(scene, number, template)
    except AutoGraphError as error:
        st.warning(frame.plain(error), icon=":material/warning:")
        return
    for message in one.messages:
        st.caption(message["role"].capitalize())
        st.code(message["content"], language=None, wrap_lines=True)
    _notes(scene, one)


def _notes(scene: Scene, one: Rendered) -> None:
    """Tokens, and what a person should know of this prompt."""
    st.markdown(f":material/data_usage: **{one.tokens}**", help=frame.hint("token"))
    if one.left_out:
        st.info(
            f"The {one.left_out:,} oldest items of the history are left out: with them the prompt "
            "is too long for the model.",
            icon=":material/content_cut:",
        )
    if one.note:
        said = frame.plain(one.note)
        st.warning(f"The length was not looked at. {said}", icon=":material/warning:")
    if not scene.complete:
        st.caption("Not all items are described yet: texts of items and themes may change.")
    if not scene.asks_model:
        name = scene.backend_config.backend
        st.caption(f"The experiment's backend, {name}, asks no language model: nothing is sent.")


def show_variables(scene: Scene, number: int) -> None:
    """Draws what a template may use, with its values; a row that is chosen goes to the cursor."""
    import polars as pl

    from llm.workshop.scene import variables

    rows = variables(scene, number)
    names = [one.name for one in rows]
    table = pl.DataFrame(
        {
            "variable": names,
            "value here": [one.example for one in rows],
            "what it is": [one.hint for one in rows],
            "type": [one.type for one in rows],
        }
    )
    st.caption("Choose a row to put the variable where the cursor is.")
    key = f"variables {st.session_state.get(TURN, 0)}"
    st.dataframe(
        table,
        hide_index=True,
        height=min(38 + 35 * table.height, 640),
        key=key,
        on_select=lambda: _insert(key, names),
        selection_mode="single-row",
    )


def _insert(key: str, names: list[str]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        draft.insert("{{ " + names[rows[0]] + " }}")
        st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
