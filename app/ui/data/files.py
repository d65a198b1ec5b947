"""Choosing the tables: uploaded just then, or before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.pipeline.starting_points import users_of_data
from app.ui.shared import frame
from data.errors import AutoGraphError
from data.uploads import ENDINGS, MOST_BYTES, Upload, keep_upload, remove_upload, uploads

File = Upload
MOST_MB = MOST_BYTES // 2**20


@dataclass(frozen=True, slots=True)
class Role:
    """What a table may be.

    Attributes:
        key: In the address and in the settings.
        title: Above its field.
        what: A sentence below it.
    """

    key: str
    title: str
    what: str


ROLES = (
    Role("interactions", "Interactions", "Needed: a row for each time a user met an item."),
    Role("items", "Items", "Optional: titles, descriptions, categories."),
    Role("users", "Users", "Optional: age, place, whatever describes them."),
)


def choose_files() -> dict[str, File]:
    """The chosen tables by role; fields to bring others, or to choose those brought before."""
    st.subheader("1 · Files", anchor=False)
    known = {one.name: one for one in uploads(frame.workspace())}
    found = {}
    for column, role in zip(st.columns(3, gap="medium"), ROLES, strict=True):
        with column:
            chosen = _choose(role, known)
        if chosen is not None:
            found[role.key] = chosen
    st.caption(
        f"CSV (.csv, .tsv, .txt) or Parquet, up to {MOST_MB} MB a file. They are kept in the "
        "workspace, under uploads, and go nowhere else."
    )
    if known:
        _remove(known)
    return found


def _choose(role: Role, known: dict[str, File]) -> File | None:
    place = f"upload-{role.key}"
    st.file_uploader(
        role.title,
        type=[ending.removeprefix(".") for ending in ENDINGS],
        key=place,
        help=role.what,
        max_upload_size=MOST_MB,
        on_change=partial(_keep, role, place),
    )
    problem = st.session_state.get(f"{place}-problem")
    if problem:
        frame.failed(problem)
    if not known:
        return None
    key = f"own-{role.key}"
    if st.session_state.get(key) not in known:
        st.session_state.pop(key, None)
    asked = st.query_params.get(key)
    name = st.selectbox(
        f"{role.title}: which file",
        list(known),
        index=list(known).index(asked) if asked in known else None,
        format_func=lambda name: known[name].title,
        key=key,
        bind="query-params",
        placeholder="None" if role.key != "interactions" else "Choose, or bring one above",
        label_visibility="collapsed",
    )
    return known.get(name) if name else None


def _keep(role: Role, place: str) -> None:
    """Takes in what was just uploaded, and chooses it."""
    given = st.session_state[place]
    st.session_state.pop(f"{place}-problem", None)
    if given is None:
        return
    try:
        kept = keep_upload(given.name, given.getvalue(), frame.workspace())
    except AutoGraphError as error:
        st.session_state[f"{place}-problem"] = str(error)
        return
    st.session_state[f"own-{role.key}"] = kept.name


def _remove(known: dict[str, File]) -> None:
    """Removing tables that are needed no more."""
    with st.popover("Remove a file", type="tertiary", icon=":material/delete:"):
        name = st.selectbox(
            "File",
            list(known),
            index=None,
            format_func=lambda name: known[name].title,
            key="own-remove",
        )
        pressed = st.button("Remove it for good", key="own-remove-now", disabled=name is None)
        if pressed and name is not None:
            try:
                remove_upload(known[name], users_of_data(frame.workspace()))
            except AutoGraphError as error:
                frame.failed(error)
            else:
                st.rerun()
