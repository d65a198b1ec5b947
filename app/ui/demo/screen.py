"""The Demo screen: somebody, what two recommenders show them, why, and what if."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from app.experiment.saved import MOST_ITEMS, Persona, personas_of
from app.pipeline.records import Record
from app.results.wording import nouns_of
from app.ui.demo import state
from app.ui.demo.domains import choose_view, choose_whom
from app.ui.demo.export import show_export
from app.ui.demo.newcomers import new_item
from app.ui.demo.person import WHY, person
from app.ui.demo.state import Shown
from app.ui.factors.projector import enlarge
from app.ui.shared import visitors
from app.ui.shared.experiment import current_record, header, require
from app.ui.shared.exports import exports
from app.ui.shared.frame import command, draw_tabs, plain, show_error, workspace
from app.ui.shared.keeping import make_named, may_replace
from app.ui.shared.people import search_people, turn_to_anybody
from app.ui.shared.remembered import find_named
from app.ui.shared.results import results_of
from app.ui.shared.telling import fragment
from data.errors import AutoGraphError, ConfigError
from data.names import Nouns
from recommend.reasons.showcase import Showcase

SEARCH, FOUND_ONE = "people-words", "people-found"
"""In the session: what a visitor searches for; and that it was given up for a saved person."""


def show() -> None:
    """Draws the screen."""
    there = exports()
    of_export = visitors.export_alone() is not None or (there and current_record() is None)
    if state.on_projector():
        enlarge()
    else:
        more = "" if of_export else " Change their history, and see."  # some read no history
        header("Demo", f"What a person is shown, and why.{more}")
    if of_export:
        show_export(there)
        return
    record = require("dataset", "split", "train", "evaluate")
    nouns, case = nouns_of(record), results_of(record).showcase
    parts = {"Somebody": partial(_somebody, record, case, nouns)}
    if case.graph is not None:
        parts[f"A new {nouns.one}"] = partial(new_item, record, case, nouns)
    else:
        st.info(
            f"This experiment has no graph of what descriptions share: no new {nouns.one} can be "
            "tried, and no reason names what descriptions say."
        )
    if there:
        of = record.experiment
        parts["From an export"] = partial(show_export, there, of.data.name, of.name)
    if len(parts) == 1:
        _somebody(record, case, nouns)
        return
    draw_tabs(parts)


def _somebody(record: Record, case: Showcase, nouns: Nouns) -> None:
    saved, wrong = personas_of(workspace()).every()
    own = [one for one in saved if one.data == record.experiment.data.name]
    _find_linked(record, case, own, nouns)
    searching = _choose(case, own)
    for sentence in wrong:
        st.warning(plain(sentence), icon=":material/warning:")
    if searching:
        return
    _what_if(record, case, own, nouns)


def _find_linked(record: Record, case: Showcase, own: list[Persona], nouns: Nouns) -> None:
    """Says what of a link is not there, before somebody or something else is shown."""
    where, items = record.experiment.name, case.dataset.item_ids
    find_named(state.USER, case.dataset.user_ids, "user", where)
    find_named(state.PERSONA, [one.name for one in own], "saved person", where)
    for name in (state.ADDED, state.REMOVED, WHY):
        find_named(name, items, nouns.one, where)


@fragment
def _what_if(record: Record, case: Showcase, personas: list[Persona], nouns: Nouns) -> None:
    """Somebody, and what the recommenders make of them; a change draws nothing else again."""
    who, head = state.person_shown(case, personas), st.container()
    view, who = choose_view(case, who, nouns)
    with head:
        _introduce(record, case, who, nouns)
    person(record, case, who, nouns, view)
    if who.user is not None and not state.on_projector():
        external = case.dataset.user_ids.external[who.user]
        words = ("--user", external, "--explain", *view.options())
        command("recommend", record.experiment.name, *words)


def _choose(case: Showcase, personas: list[Persona]) -> bool:
    """Whom to look at: by search, at random, saved, or somebody new.

    Returns:
        Whether a visitor searches at this moment, so that nobody else is to be shown.
    """
    if st.session_state.pop(FOUND_ONE, False):
        st.session_state[SEARCH] = ""
    widths = [4.6, 3.4, 4.4, 2.4, 3] if case.domains else [5, 4, 2.4, 3]
    search, saved, *whom, dice, new = st.columns(widths, vertical_alignment="bottom")
    some = None
    for place in whom:
        with place:
            some = choose_whom(case, partial(_one_of, case))
    with saved:
        _choose_saved(personas)
    with new:
        st.button(
            "New person",
            icon=":material/person_add:",
            width="stretch",
            help="Somebody of whom nothing is known yet",
            on_click=_guest,
        )
    turn = partial(state.show_user, case)
    return bool(search_people(case, turn, (search, dice), SEARCH, some=some))


def _guest() -> None:
    state.show_guest()
    st.session_state[SEARCH] = ""


def _one_of(case: Showcase, whom: np.ndarray | None) -> None:
    """Turns to one of some people at random, unless one is shown or searched for."""
    if whom is None or not len(whom) or st.session_state.get(SEARCH):
        return
    shown = st.query_params.get(state.USER)
    if shown not in {case.dataset.user_ids.external[user] for user in whom}:
        turn_to_anybody(case, partial(state.show_user, case), SEARCH, whom)


def _choose_saved(personas: list[Persona]) -> None:
    names = [one.name for one in personas]
    current = st.query_params.get(state.PERSONA)
    chosen = st.selectbox(
        "Saved people",
        names,
        index=names.index(current) if current in names else None,
        placeholder="Nobody yet" if not names else "Choose",
        disabled=not names,
    )
    if chosen and chosen != current:
        state.show_persona(chosen)
        st.session_state[FOUND_ONE] = True
        st.rerun()


def _projector() -> None:
    on = state.on_projector()
    if st.button(
        "Leave" if on else "Projector",
        icon=":material/close_fullscreen:" if on else ":material/present_to_all:",
        help="Larger letters, and nothing beside. F11 hides the browser, too.",
    ):
        if on:
            st.query_params.pop(state.PROJECTOR, None)
        else:
            st.query_params[state.PROJECTOR] = "1"
        st.rerun()


def _introduce(record: Record, case: Showcase, who: Shown, nouns: Nouns) -> None:
    """Who it is, and what the recommenders know."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(who.name), anchor=False, width="content")
        st.caption(plain(who.about), width="stretch")
        nobody = not len(who.history) and not who.saved
        if visitors.may_change():
            with st.popover("Save", icon=":material/bookmark_add:", disabled=nobody):
                _save(record, case, who)
                if who.saved:
                    _remove(who)
        _projector()
    if who.user is None:
        _words(who)
    elif who.changed:
        st.caption(
            f"The recommenders now read the changed history. Who else {nouns.did} what, and what "
            "was written about this person, stays as it was when they were trained."
        )
    else:
        st.caption(
            f"The recommenders know the {len(who.given):,} {nouns.many} on the left. The last two "
            f"that this person {nouns.did} were kept from them; where one of these is recommended, "
            "it says so."
        )


def _words(who: Shown) -> None:
    """What is known of an invented person; a guest's words can be written."""
    if who.saved:
        if who.text:
            st.caption(f"What is known of them: {plain(who.text)}")
        return
    st.session_state[state.FIELD] = who.text
    st.text_input(
        "What do you know of them? (optional)",
        key=state.FIELD,
        placeholder="In a sentence or two: it decides whose taste they share.",
        max_chars=500,
        on_change=state.keep_words,
    )


def _save(record: Record, case: Showcase, who: Shown) -> None:
    shelf = personas_of(workspace())
    given = st.text_input("Name", value=who.name, key=f"save-{who.name}", max_chars=60)
    name = " ".join(given.split()) or who.name
    replace = may_replace(shelf, name, "replace-person")
    if st.button("Save this person", type="primary", disabled=not len(who.history)):
        try:
            shelf.save(_persona(record, case, who, name), replace=replace)
        except AutoGraphError as error:
            show_error(error)
            return
        state.show_persona(name)
        st.rerun()


def _persona(record: Record, case: Showcase, who: Shown, name: str) -> Persona:
    """The person under a name; a user as the data have them is kept without a history.

    Raises:
        ConfigError: there is more of the person than is kept.
    """
    ids, items = case.dataset.user_ids.external, case.dataset.item_ids.external
    history = who.history.tolist() if who.changed or who.user is None else []
    if len(history) > MOST_ITEMS:
        raise ConfigError(
            f"A changed history is kept with {MOST_ITEMS:,} items at most; this one has "
            f"{len(history):,}. Undo the changes, or take more of it out."
        )
    return make_named(
        Persona,
        name=name,
        data=record.experiment.data.name,
        user=None if who.user is None else ids[who.user],
        history=tuple(items[item] for item in history),
        text=who.text or None,
    )


def _remove(who: Shown) -> None:
    if st.button("Remove for good", icon=":material/delete:", key="remove-person", type="tertiary"):
        personas_of(workspace()).remove(who.name)
        state.show_somebody()
        st.rerun()
