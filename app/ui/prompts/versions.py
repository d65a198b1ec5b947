"""Versions of a template: saved, compared, restored, copied, and used by an experiment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.experiment.file import load_experiment
from app.pipeline.own_texts import take_along
from app.pipeline.records import settings_file
from app.ui.prompts import draft
from app.ui.prompts.choice import Choice, library, open_template
from app.ui.shared import frame
from app.ui.shared.experiment import experiments
from app.ui.shared.jobs import run_once
from app.ui.shared.marked import show_changes
from data.errors import AutoGraphError, ConfigError
from prompts.template import template_text

if TYPE_CHECKING:
    from prompts.library import Entry, Saved
    from prompts.template import Template

WRITTEN = "what you are writing"
SAVING = "saving a template"
"""In the session: whether the form that saves is open."""
TOLD = "prompts told"
"""In the session: whether the last action went well, and what became of it."""


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
    if draft.template_in_draft(choice.template) is None or WRITTEN not in (old_name, new_name):
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
    written = draft.template_in_draft(choice.template)
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
            frame.show_error(sentence)


def fork_form(choice: Choice) -> None:
    """A form that copies the version that is shown under another name."""
    template = choice.template
    st.text_input("Name", f"my-{template.name}"[:64], key="fork name")
    st.text_input("Note", key="fork note", placeholder="What it is for")
    st.button("Copy", type="primary", key="fork", on_click=_fork, args=(template,))


def restore(template: Template) -> None:
    """Makes a new version that says what an old one said; for callbacks."""
    _act(lambda: library().restore(template.name, template.version))


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

    if _act(save):
        draft.discard(base)
        st.session_state[SAVING] = False


def _fork(template: Template) -> None:
    name = str(st.session_state.get("fork name"))
    note = st.session_state.get("fork note") or f"Copy of {template.label}."
    _act(lambda: library().create(name, template_text(template), note))


def _act(action: Callable[[], Saved]) -> bool:
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


def use_button(choice: Choice) -> None:
    """A button that runs the chosen experiment with the version that is shown."""
    record, template = choice.record, choice.template
    with st.popover("Use it", icon=":material/play_arrow:", disabled=record is None):
        if record is None:
            return
        if (why := _unread(choice)) is not None:
            st.info(why, icon=":material/info:")
            changes = {
                "name": f"{record.experiment.name}-{template.name}",
                f"prompts.{choice.side}_template": template.label,
                f"llm.{choice.side}.backend": "server",
            }
            frame.link("train", "Choose who answers it", ":material/model_training:", **changes)
            return
        st.caption(
            f"Runs {frame.plain(record.experiment.name)} with {frame.plain(template.label)}, as an "
            "experiment of its own; results that do not depend on it are shared."
        )
        name = st.text_input(
            "Name of the experiment",
            f"{record.experiment.name}-{template.name}-{template.version}",
            key=f"use name {template.label}",
            help="Letters, digits, dot, hyphen and underscore.",
        )
        if st.button("Run it", type="primary", key="use it"):
            try:
                _start(choice, name.strip())
            except AutoGraphError as error:
                frame.show_error(error)
                return
            frame.go("jobs")


def _unread(choice: Choice) -> str | None:
    """Why the experiment would never read a template; None where it asks a language model."""
    from llm.workshop.scene import WITHOUT_MODEL

    assert choice.record is not None
    of = choice.record.experiment
    backend = getattr(of.llm, choice.side).backend
    if backend not in WITHOUT_MODEL:
        return None
    how = "are stated from their facts" if backend == "facts" else "were recorded elsewhere"
    return (
        f"{frame.plain(of.name)} asks no language model: its texts about {choice.side}s {how} "
        f"({backend}), which reads no template. To use this one, choose on Train who answers it: "
        "an endpoint, or a model on this machine."
    )


def _start(choice: Choice, name: str) -> None:
    """A job of an experiment that takes along the texts by hand of the one it comes from."""
    record = choice.record
    assert record is not None
    if name in experiments():
        raise ConfigError(f"There is an experiment {name!r} already. Choose another name.")
    file = settings_file(record)
    sets = (f"name={name}", f"prompts.{choice.side}_template={choice.template.label}")
    checked = load_experiment(file, sets)
    take_along(record.experiment, checked.name, record.workspace)
    run_once(file, sets)
