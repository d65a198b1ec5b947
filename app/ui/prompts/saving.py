"""Saving what was written: as the next version, or under a name of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.prompts import draft
from app.ui.prompts.choice import Choice, library, open_template
from app.ui.shared import frame
from data.errors import AutoGraphError
from prompts.template import template_text

if TYPE_CHECKING:
    from prompts.library import Saved
    from prompts.template import Template

SAVING = "saving a template"
"""In the session: whether the form that saves is open."""
TOLD = "prompts told"
"""In the session: whether the last action went well, and what became of it."""


def save_buttons(choice: Choice, written: Template | None) -> None:
    """The button that saves, with a note, and the one that gives the draft up.

    Args:
        choice: What is edited.
        written: What would be saved; None where it is not fit to be.
    """
    template = choice.template
    changed = written is not None and written.hash != template.hash
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Save version" if choice.own else "Save as mine"
        with st.popover(
            label,
            icon=":material/save:",
            type="primary",
            disabled=not changed,
            key=SAVING,
            on_change="rerun",
        ):
            _form(choice, written)
        st.button(
            "Discard changes",
            icon=":material/undo:",
            disabled=not draft.is_draft(template),
            on_click=draft.discard,
            args=(template,),
        )
        if changed:
            st.caption("Not saved yet; kept in this tab.")


def tell() -> None:
    """Shows what became of the last action, once."""
    told = st.session_state.pop(TOLD, None)
    if told is not None:
        well, sentence = told
        if well:
            st.success(frame.plain(sentence), icon=":material/check:")
        else:
            frame.failed(sentence)


def fork_form(choice: Choice) -> None:
    """A form that copies the version that is shown under another name."""
    template = choice.template
    st.text_input("Name", f"my-{template.name}"[:64], key="fork name")
    st.text_input("Note", key="fork note", placeholder="What it is for")
    st.button("Copy", type="primary", key="fork", on_click=_fork, args=(template,))


def restore(template: Template) -> None:
    """Makes a new version that says what an old one said; for callbacks."""
    _done(lambda: library().restore(template.name, template.version))


def _form(choice: Choice, written: Template | None) -> None:
    template = choice.template
    if choice.own:
        following = max(choice.entry.versions) + 1
        st.caption(f"It becomes version {following} of {template.name}, and is never changed.")
    else:
        st.text_input(
            "Name",
            f"my-{template.name}",
            key="new name",
            help="Small letters, digits, hyphens and underscores.",
        )
    st.text_input("Note", key=f"note {template.label}", placeholder="What is different, in a line")
    if written is not None:
        st.button("Save", type="primary", key="save", on_click=_save, args=(choice, written))


def _save(choice: Choice, written: Template) -> None:
    base, text = choice.template, template_text(written)
    note = st.session_state.get(f"note {base.label}") or ""

    def save() -> Saved:
        if choice.own:
            said = note or f"Changed from version {base.version}."
            return library().save(base.name, text, said, base=base.version)
        name = str(st.session_state.get("new name"))
        return library().create(name, text, note or f"From {base.label}.")

    if _done(save):
        draft.discard(base)
        st.session_state[SAVING] = False


def _fork(template: Template) -> None:
    name = str(st.session_state.get("fork name"))
    note = st.session_state.get("fork note") or f"Copy of {template.label}."
    _done(lambda: library().create(name, template_text(template), note))


def _done(action: Callable[[], Saved]) -> bool:
    """Whether an action went well; what became of it is told on the next run."""
    try:
        saved = action()
    except AutoGraphError as error:
        st.session_state[TOLD] = False, str(error)
        return False
    name, version = saved.template.name, saved.template.version
    said = f"Saved {name}, version {version}."
    if not saved.new:
        said = f"Nothing differs from version {version} of {name}; no version was made."
    if saved.meanwhile:
        others = ", ".join(map(str, saved.meanwhile))
        said += f" Somebody saved version {others} while you wrote: compare them under Versions."
    st.session_state[TOLD] = True, said
    open_template(name)
    return True
