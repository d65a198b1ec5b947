"""A person's own tables: brought, described, tried, and saved as an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from app.experiment.drafts import own_experiment, save_own, saved_folder
from app.experiment.file import load_experiment
from app.pipeline.starting_points import users_of_data
from app.ui.data.columns import Mapped, describe
from app.ui.shared import frame
from app.ui.shared.jobs import at_work_on, run_once, start_button
from app.ui.shared.results import keep
from app.ui.shared.words import hint
from data.errors import AutoGraphError
from data.own_tables import Outcome, try_tables
from data.settings import DataConfig
from data.uploads import (
    ENDINGS,
    MOST_BYTES,
    Upload,
    in_megabytes,
    keep_upload,
    remove_upload,
    safe_stem,
    uploads,
)

AT_ONCE_BYTES = 25 * 2**20
"""Tables up to this size are read as soon as they are described."""
SHOWN = 1_000
SAVED = "own-saved"
File = Upload
MOST_MB = MOST_BYTES // 2**20


def draw_own_files() -> None:
    """Draws the tab."""
    files = choose_files()
    if "interactions" not in files:
        frame.empty(
            "Begin with interactions",
            "One row for each time a user had to do with an item: at least a column of users and a "
            "column of items. Tables of items and users are optional, and make texts better; a "
            "log of what users asked for is optional, too.",
            ":material/upload_file:",
        )
        return
    mapped = describe(files)
    if mapped is None:
        return
    st.subheader("3 · Check", anchor=False)
    config = _choose_kept(mapped)
    outcome = _outcome(config, files)
    if outcome is None:
        return
    _draw_outcome(outcome)
    if not outcome.problem:
        st.subheader("4 · Save", anchor=False)
        _save(config, outcome, files)


def _choose_kept(mapped: Mapped) -> DataConfig:
    """Which interactions and users are kept."""
    left, middle, _ = st.columns(3)
    least = left.number_input(
        "Shortest history",
        min_value=3,
        value=5,
        step=1,
        key="own-min-history",
        help="Users with fewer interactions are left out: two of them are held out for validation "
        "and test.",
    )
    rating = None
    if mapped.files.weight is not None:
        rating = middle.number_input(
            f"Lowest {mapped.files.weight} that counts",
            value=None,
            key="own-min-rating",
            placeholder="all count",
            help="Interactions below say that somebody did not like an item, and are left out.",
        )
    return DataConfig(name="files", files=mapped.files, min_history=int(least), min_rating=rating)


def _outcome(config: DataConfig, files: dict[str, File]) -> Outcome | None:
    """What becomes of the tables; large ones are read when somebody asks."""
    key = config.model_dump_json()
    size = sum(file.path.stat().st_size for file in files.values())
    asked = st.session_state.setdefault("own-asked", set())
    if size > AT_ONCE_BYTES and key not in asked:
        if not st.button(
            f"Read all {in_megabytes(size)}", type="primary", icon=":material/fact_check:"
        ):
            st.caption("Every row is read as a run would read it, which takes a while.")
            return None
        asked.add(key)
    with st.spinner("Reading all rows …"):
        outcome: Outcome = keep(f"own tables {key}", partial(try_tables, config))
    return outcome


def _draw_outcome(outcome: Outcome) -> None:
    bad = outcome.bad_rows.height
    if outcome.problem:
        frame.show_error(outcome.problem)
    else:
        counts = ((what.capitalize(), f"{n:,}", None) for what, n in outcome.counts.items())
        frame.draw_figures(*counts, widths=(1,) * max(4, len(outcome.counts)))
        for sentence in outcome.understood:
            st.markdown(f":material/visibility: {frame.plain(sentence)}")
    gone = [f"{n:,} {frame.plain(what)}" for what, n in outcome.left_out.items() if n]
    if gone:
        st.caption(f"Left out: {'; '.join(gone)}.")
    if bad:
        st.warning(
            f"{bad:,} {'row' if bad == 1 else 'rows'} cannot be used.", icon=":material/warning:"
        )
        frame.table(
            outcome.bad_rows.head(SHOWN),
            "bad-rows",
            height=min(320, 38 + 35 * bad),
            whole=lambda: outcome.bad_rows,
            raw=True,
            columns={"reason": st.column_config.TextColumn(width="large")},
        )
        if bad > SHOWN:
            st.caption(f"The first {SHOWN:,}; the downloads hold all.")
    elif not outcome.problem:
        st.caption(":material/check_circle: Every row can be used.")


def _save(config: DataConfig, outcome: Outcome, files: dict[str, File]) -> None:
    skip = True
    if outcome.bad_rows.height:
        skip = st.checkbox(
            "Leave these rows out",
            key="own-skip",
            help="They are listed with the results. Otherwise mend the file and bring it again.",
        )
        config = config.model_copy(update={"on_bad_row": "skip"})
    name, note, button = st.columns([2, 4, 2], vertical_alignment="bottom")
    title = name.text_input(
        "Name of the experiment",
        value=safe_stem(files["interactions"].path.name),
        max_chars=80,
        key=f"own-name-{files['interactions'].name}",
    )
    about = note.text_input("What it is for", key="own-note", placeholder="in a line, or nothing")
    pressed = button.button(
        "Save",
        type="primary",
        icon=":material/save:",
        key="own-save",
        disabled=not skip,
        width="stretch",
        help=None if skip else "First decide about the rows that cannot be used.",
    )
    replace = False
    if _clashes(title, config):
        replace = st.checkbox(f"Replace the experiment {frame.plain(title)}", key="own-replace")
    if pressed:
        _save_as(title.strip(), config, about.strip(), replace)
    _what_next(config)


def _clashes(title: str, config: DataConfig) -> bool:
    """Whether an experiment of that name is there that is on other data."""
    path = saved_folder(frame.workspace()) / f"{title.strip()}.toml"
    if path.parent != saved_folder(frame.workspace()) or not path.is_file():
        return False
    try:
        other = load_experiment(str(path))
    except AutoGraphError:
        return False
    return other.data != config


def _save_as(title: str, config: DataConfig, about: str, replace: bool) -> None:
    try:
        path = save_own(own_experiment(title, config, about), frame.workspace(), replace=replace)
    except AutoGraphError as error:
        frame.show_error(error)
        return
    st.session_state[SAVED] = (str(path), config.model_dump_json())


def _what_next(config: DataConfig) -> None:
    """Once it is saved: what to do with it."""
    path, said = st.session_state.get(SAVED, ("", ""))
    if said != config.model_dump_json():
        return
    name = Path(path).stem
    st.success(f"Saved as {frame.plain(name)}.", icon=":material/check_circle:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if start_button(
            "Prepare the data",
            at_work_on(name),
            type="secondary",
            key="own-prepare",
            help="Reads and splits them as a job; their figures then stand under This experiment, "
            "once it is chosen beside the page.",
        ):
            run_once(path, upto="split")
            frame.go("jobs")
        where: dict[str, Any] = {"from": f"{name} (saved)"}
        frame.link("train", "Take a quick look", ":material/timer:", **where)
        frame.link("train", "Choose recommenders", ":material/model_training:", **where)
    frame.command("run", path, "--quick")


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
    Role("log", "Log", f"Optional. {hint('log')}"),
)


def choose_files() -> dict[str, File]:
    """The chosen tables by role; fields to bring others, or to choose those brought before."""
    st.subheader("1 · Files", anchor=False)
    known = {one.name: one for one in uploads(frame.workspace())}
    found = {}
    for column, role in zip(st.columns(len(ROLES), gap="medium"), ROLES, strict=True):
        with column:
            chosen = _choose(role, known)
        if chosen is not None:
            found[role.key] = chosen
    st.caption(
        "CSV (.csv, .tsv, .txt), Parquet, or JSON with a sequence of items for every user, up to "
        f"{MOST_MB} MB a file. They are kept in the workspace, under uploads, and go nowhere else."
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
        on_change=partial(_take_in, role, place),
    )
    problem = st.session_state.get(f"{place}-problem")
    if problem:
        frame.show_error(problem)
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


def _take_in(role: Role, place: str) -> None:
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
                frame.show_error(error)
            else:
                st.rerun()
