"""What a template becomes for one user or item, and what it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.ui.prompts import editor
from app.ui.shared import frame
from data.errors import AutoGraphError

if TYPE_CHECKING:
    from llm.workshop.scene import Rendered, Scene
    from prompts.template import Template

TURN = "variables turn"
"""In the session: counts inserted variables, so that each table begins with nothing chosen."""


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
    _below(scene, one)


def _below(scene: Scene, one: Rendered) -> None:
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
        editor.insert("{{ " + names[rows[0]] + " }}")
        st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
