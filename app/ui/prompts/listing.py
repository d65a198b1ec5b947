"""The list of all templates."""

from __future__ import annotations

import streamlit as st

from app.ui.prompts.choice import SIDE, SIDES, Choice, library, open_template
from app.ui.shared import frame
from app.ui.shared.remembered import choose_next

LIST = "all templates"


def show_list(choice: Choice) -> None:
    """Draws all templates; a row that is chosen is opened."""
    import polars as pl

    entries = library().entries()
    own = sum(entry.own for entry in entries)
    label = f"All templates: {own} of yours, {len(entries) - own} that ship"
    with st.expander(label, icon=":material/list:"):
        table = pl.DataFrame(
            {
                "template": [one.template.name for one in entries],
                "describes": [SIDES[one.template.side] for one in entries],
                "versions": [len(one.versions) for one in entries],
                "whose": ["yours" if one.own else "ships" for one in entries],
                "saved": [one.saved for one in entries],
                "note": [one.template.note for one in entries],
            },
            schema_overrides={"saved": pl.Datetime(time_zone="UTC")},
        )
        turn = st.session_state.get(LIST, 0)
        rows = frame.table(
            table,
            "templates",
            key=f"{LIST} {turn}",
            select="single-row",
            columns={
                "versions": st.column_config.NumberColumn(width="small"),
                "saved": st.column_config.DatetimeColumn(format="calendar", width="small"),
                "note": st.column_config.TextColumn(width="large"),
            },
        )
        st.caption("Choose a row to open it.")
        frame.command("prompts", "list")
    if rows and entries[rows[0]].template.name != choice.template.name:
        st.session_state["open"] = entries[rows[0]].template
        st.session_state[LIST] = turn + 1
        st.rerun()


def open_chosen() -> None:
    """Opens what was chosen in the list; before the fields are drawn."""
    chosen = st.session_state.pop("open", None)
    if chosen is not None:
        choose_next(SIDE, chosen.side)
        open_template(chosen.name)
