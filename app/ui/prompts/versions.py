"""The versions of a template: which there are, what differs, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.ui.prompts import draft
from app.ui.prompts.choice import Choice, library
from app.ui.prompts.saving import fork_form, restore
from app.ui.prompts.using import use_button
from app.ui.shared import frame
from app.ui.shared.marked import show_changes

if TYPE_CHECKING:
    from prompts.library import Entry
    from prompts.template import Template


WRITTEN = "what you are writing"


def show_versions(choice: Choice) -> None:
    """Draws the history of a template, what differs between two versions, and the way back."""
    history = library().history(choice.template.name) if choice.own else [choice.entry]
    _history(choice, history)
    st.subheader("What differs", anchor=False)
    known = _comparable(choice, history)
    names = list(known)
    left, right = st.columns(2)
    old_name = left.selectbox("From", names, index=max(0, len(names) - 2), key="diff from")
    new_name = right.selectbox("To", names, index=len(names) - 1, key="diff to")
    _difference(known[old_name], known[new_name])
    labels = known[old_name].label, known[new_name].label
    if draft.written(choice.template) is None or WRITTEN not in (old_name, new_name):
        frame.command("prompts", "diff", *labels)


def _history(choice: Choice, history: list[Entry]) -> None:
    import polars as pl

    table = pl.DataFrame(
        {
            "version": [one.template.version for one in history],
            "saved": [one.saved for one in history],
            "note": [one.template.note for one in history],
        },
        schema_overrides={"saved": pl.Datetime(time_zone="UTC")},
    ).reverse()
    frame.table(
        table,
        f"{choice.template.name}-versions",
        columns={
            "version": st.column_config.NumberColumn("Version", width="small", format="%d"),
            "saved": st.column_config.DatetimeColumn("Saved", width="medium", format="calendar"),
            "note": st.column_config.TextColumn("Note", width="large"),
        },
    )
    _actions(choice, history)


def _actions(choice: Choice, history: list[Entry]) -> None:
    shown = choice.template.version
    with st.container(horizontal=True, vertical_alignment="center"):
        use_button(choice)
        with st.popover("Fork", icon=":material/call_split:"):
            fork_form(choice)
        latest = history[-1].template.version
        st.button(
            f"Restore version {shown}",
            icon=":material/history:",
            disabled=not choice.own or shown == latest,
            help="Makes a new version that says what this one says; nothing is lost. "
            "Choose an older version above.",
            on_click=restore,
            args=(choice.template,),
        )
        if not choice.own:
            st.caption("It ships with AutoGraph and has one version; a fork is yours.")


def _comparable(choice: Choice, history: list[Entry]) -> dict[str, Template]:
    """What may stand on either side of a comparison: all of the side, then the versions."""
    entries = [one for one in library().entries() if one.template.side == choice.side]
    others = [one.template for one in entries if one.template.name != choice.template.name]
    found = {one.label: one for one in (*others, *(entry.template for entry in history))}
    written = draft.written(choice.template)
    if written is not None:
        found[WRITTEN] = written
    return found


def _difference(old: Template, new: Template) -> None:
    from prompts.diff import template_diff

    changes = template_diff(old, new)
    if all(op == "equal" for op, _ in changes):
        frame.empty("They say the same", "Not a word differs.", ":material/check:")
        return
    removed, added = (
        sum(len(text.split()) for op, text in changes if op == kind)
        for kind in ("removed", "added")
    )
    st.caption(f"{removed:,} words removed, {added:,} added.")
    show_changes(changes)
