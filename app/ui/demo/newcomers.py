"""The part of the demo about an item that nobody had: its meanings, its likes, its audience."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.experiment.saved import NewItem, Shelf, new_items_of
from app.experiment.settings import PLAIN, Cell
from app.pipeline.records import Record
from app.results.comparison import default_pair
from app.results.wording import called
from app.ui.shared import visitors
from app.ui.shared.frame import command, empty, plain, show_error, workspace
from app.ui.shared.keeping import is_taken, make_named, may_replace
from app.ui.shared.results import results_of
from app.ui.shared.telling import callback
from data.columns import DESCRIPTION, ITEM_ID, TITLE
from data.errors import AutoGraphError, DataError
from data.names import Nouns, with_a
from recommend.reasons.showcase import Showcase

if TYPE_CHECKING:
    from recommend.newcomers.insertion import Insertion
    from recommend.newcomers.meeting import Met

PLACED = "new-item"
ATTRIBUTE = "new-attribute-"
"""What keys of the fields of attributes begin with: columns may be called anything."""
NEIGHBOURS, PEOPLE, TOP = 6, 8, 10


def new_item(record: Record, case: Showcase, nouns: Nouns) -> None:
    """A form for an item that nobody had, and what becomes of it."""
    st.write(
        f"Describe {with_a(nouns.one)} that does not exist yet. Its words decide which groups it "
        "joins, and so who would be shown it. Nothing is trained again, and nothing is saved."
    )
    _saved_items(record)
    form, result = st.columns([2, 3], gap="large")
    with form:
        _item_form(record, case)
    with result:
        given = st.session_state.get(PLACED)
        if given is None or given.data != record.experiment.data.name:
            empty(f"Your {nouns.one} goes here", "Describe it on the left, or take the example.")
            return
        _draw_placed(record, case, given, nouns)


def _saved_items(record: Record) -> None:
    saved, wrong = new_items_of(workspace()).every()
    own = [one for one in saved if one.data == record.experiment.data.name]
    for sentence in wrong:
        st.warning(plain(sentence), icon=":material/warning:")
    if own:
        with st.container(horizontal=True):
            st.caption("Saved:")
            for one in own[:PEOPLE]:
                st.button(plain(one.name), key=f"saved-{one.name}", on_click=partial(_fill, one))


def _fill(one: NewItem) -> None:
    state = st.session_state
    state["new-title"], state["new-text"], state[PLACED] = one.name, one.text, one
    for key in [key for key in state if str(key).startswith(ATTRIBUTE)]:
        state[key] = ""
    for name, value in one.given.items():
        state[f"{ATTRIBUTE}{name}"] = value


def _item_form(record: Record, case: Showcase) -> None:
    columns = [c for c in case.dataset.items.columns if c not in (ITEM_ID, TITLE, DESCRIPTION)]
    with st.form("new-item-form"):
        title = st.text_input("Title", key="new-title", max_chars=60)
        text = st.text_area(
            "What it is about",
            key="new-text",
            height=160,
            max_chars=4_000,
            placeholder="A few sentences, as a catalogue would say them.",
        )
        given = {}
        if columns:
            with st.expander("More about it (optional)"):
                for column in columns:
                    given[column] = st.text_input(
                        column.replace("_", " ").capitalize(),
                        key=f"{ATTRIBUTE}{column}",
                        placeholder=_example(case, column),
                        help="Several values: with | between them.",
                    )
        placed = st.form_submit_button(
            "Who would be shown it?", type="primary", icon=":material/person_search:"
        )
    st.button("Take an example", type="tertiary", on_click=partial(_take_example, case, record))
    if placed:
        if not title.strip() or not text.strip():
            st.session_state[PLACED] = None
            st.warning("Give it a title, and say in a few sentences what it is about.")
            return
        kept = {name: value.strip() for name, value in given.items() if value.strip()}
        about = {"name": " ".join(title.split()), "data": record.experiment.data.name}
        try:
            st.session_state[PLACED] = make_named(NewItem, **about, text=text, given=kept)
        except AutoGraphError as error:
            st.session_state[PLACED] = None
            show_error(error)
            return
        st.rerun()


def _example(case: Showcase, column: str) -> str:
    """A value that some item has."""
    for value in case.dataset.items[column].drop_nulls().head(20).to_list():
        shown = " | ".join(map(str, value)) if isinstance(value, list) else str(value)
        if shown:
            return f"such as {shown[:40]}"
    return ""


def _take_example(case: Showcase, record: Record) -> None:
    text = case.example_text()
    _fill(NewItem(name="Untitled", data=record.experiment.data.name, text=text or "Ice and fog."))


def _draw_placed(record: Record, case: Showcase, one: NewItem, nouns: Nouns) -> None:
    try:
        with st.spinner("Reading the description …"):
            placed = place_new_item(record, one)
    except AutoGraphError as error:
        show_error(error)
        return
    st.subheader(plain(one.name), anchor=False)
    _meanings(case, placed, nouns)
    _neighbours(case, placed, nouns)
    st.markdown("**Who would be shown it**")
    pair = [cell for cell in default_pair(record) if cell is not None]
    for place, cell in zip(st.columns(len(pair)), pair, strict=True):
        with place, st.container(border=True):
            _audience(record, case, cell, placed, nouns)
    _keep(record, one)


def place_new_item(record: Record, one: NewItem) -> Insertion:
    """The place of a new item in the graph."""
    from recommend.newcomers.insertion import place_item

    return results_of(record).derive(
        f"item {one.model_dump_json()}",
        lambda: place_item(results_of(record).inserter, one.name, one.text, one.given),
    )


def _meanings(case: Showcase, placed: Insertion, nouns: Nouns) -> None:
    """The groups that its words led to, and which of their words its own text has."""
    assert case.graph is not None
    lines = []
    for level, (code, words) in enumerate(zip(placed.codes, placed.words, strict=True)):
        n = int((case.graph.item_codes[:, level] == code).sum())
        badges = " ".join(f":yellow-badge[{plain(word)}]" for word in words)
        said = badges or f":gray[called {plain(placed.names[level])}]"
        lines.append(f"- {n:,} {nouns.one if n == 1 else nouns.many}: {said}")
    st.markdown("**Groups it joins in the graph**, with those of their words that its text has")
    st.markdown("\n".join(lines))


def _neighbours(case: Showcase, placed: Insertion, nouns: Nouns) -> None:
    if not len(placed.neighbours):
        st.caption(f"No {nouns.one} is in a group with it.")
        return
    near = list(zip(placed.neighbours[:NEIGHBOURS].tolist(), placed.shared.tolist(), strict=False))
    st.markdown(f"**{nouns.many.capitalize()} nearest to it**")
    lines = [
        f"- {plain(case.title(item))} :gray[{plain(case.gists[item])} · shares {n} of "
        f"{len(placed.codes)}]"
        for item, n in near
    ]
    st.markdown("\n".join(lines))


def _audience(record: Record, case: Showcase, cell: Cell, placed: Insertion, nouns: Nouns) -> None:
    """With whom it would stand how high."""
    from recommend.newcomers.meeting import meet_item

    st.markdown(f"**{called(cell, record.experiment)}**")
    results = results_of(record)
    try:
        everybody = results.everybody(cell)
    except DataError as error:
        st.info("It cannot say: it takes nothing new.", icon=":material/block:")
        st.caption(plain(str(error)))
        return
    met: Met = meet_item(results.ready(cell), everybody, case.histories, case.dataset, placed, TOP)
    if met.reach is None:
        st.info(f"It cannot say: nobody had this {nouns.one} yet.", icon=":material/block:")
        st.caption(plain(met.why_not))
        return
    n = len(case.histories)
    st.metric(f"people have it in their first {TOP}", f"{met.reach.shown:,} of {n:,}")
    if cell.enhancer == PLAIN:
        st.caption(_read_of(record.experiment.model_of(cell).needs))
    elif len(placed.neighbours):
        st.caption(f"Taken after what people had of the {nouns.many} nearest to it.")
    lines = []
    for user in met.reach.first(PEOPLE).tolist():
        about = f" :gray[{plain(case.about[user])}]" if case.about[user] else ""
        lines.append(f"1. {plain(case.people[user])}{about} · place {met.reach.ranks[user]:,}")
    st.markdown("\n".join(lines))


def _read_of(needs: Sequence[str]) -> str:
    """What a recommender without an enhancer reads of a new item, by what it learns from."""
    if not needs:
        return "From its attributes alone; the description is not read."
    said = "its description" if "item_vectors" in needs else "its attributes"
    return f"From {said}{' and the groups it joins' if 'graph' in needs else ''}."


def _keep(record: Record, one: NewItem) -> None:
    if visitors.may_change():
        _keep_buttons(new_items_of(workspace()), one)
    words = ["insert", record.experiment.name, "item", "--text", one.text]
    words += [part for name, value in {TITLE: one.name, **one.given}.items()
              for part in ("--with", f"{name}={value}")]  # fmt: skip
    command(*words)


def _keep_buttons(shelf: Shelf[NewItem], one: NewItem) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        replace = may_replace(shelf, one.name, "replace-item")
        if st.button("Keep it", icon=":material/bookmark_add:", help="In the workspace, by title."):
            try:
                shelf.save(one, replace=replace)
                st.toast("Kept.")
            except AutoGraphError as error:
                show_error(error)
        if is_taken(shelf, one.name):
            with st.popover("Remove the kept one", icon=":material/delete:", type="tertiary"):
                st.button("Remove it for good", on_click=callback(shelf.remove), args=(one.name,))
