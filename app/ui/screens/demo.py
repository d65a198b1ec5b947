"""The Demo screen: somebody, what two recommenders show them, why, and what if."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.records import Record
from app.saved import Persona, personas_of
from app.showcase import Showcase
from app.ui import demo_state as state
from app.ui import opened_demo as results
from app.ui.demo_newcomers import new_item
from app.ui.demo_person import person
from app.ui.demo_state import Shown
from app.ui.frame import command, header, opened, plain, workspace
from app.ui.projector import larger
from app.ui.telling import fragment
from app.wording import Nouns, nouns_of
from data.errors import AutoGraphError

FOUND = 8
SEARCH = "people-words"


def show() -> None:
    """Draws the screen."""
    record = opened("dataset", "split", "train", "evaluate")
    nouns, case = nouns_of(record), results.showcase(record)
    if state.projecting():
        larger()
    else:
        header("Demo", f"What a person is shown, and why. Change what they {nouns.did}, and see.")
    parts = ["Somebody", f"A new {nouns.one}"]
    if case.graph is None:
        st.info(
            "This experiment has plain recommenders only: they give no reasons, and know nothing "
            "that is new."
        )
        _somebody(record, case, nouns)
        return
    first, second = st.tabs(parts, key="part", bind="query-params")
    if first.open:
        with first:
            _somebody(record, case, nouns)
    if second.open:
        with second:
            new_item(record, case, nouns)


def _somebody(record: Record, case: Showcase, nouns: Nouns) -> None:
    saved, wrong = personas_of(workspace()).every()
    own = [one for one in saved if one.data == record.experiment.data.name]
    _choose(case, own)
    for sentence in wrong:
        st.warning(sentence, icon=":material/warning:")
    _what_if(record, case, own, nouns)
    who = state.shown(case, own)
    if who.user is not None and not state.projecting():
        external = case.dataset.user_ids.external[who.user]
        command("recommend", record.experiment.name, "--user", external, "--explain")


@fragment
def _what_if(record: Record, case: Showcase, personas: list[Persona], nouns: Nouns) -> None:
    """Somebody, and what the recommenders make of them; a change draws nothing else again."""
    who = state.shown(case, personas)
    _introduce(record, case, who, nouns)
    person(record, case, who, nouns)


def _choose(case: Showcase, personas: list[Persona]) -> None:
    """Whom to look at: by search, at random, saved, or somebody new."""
    search, saved, dice, new = st.columns([5, 4, 2.4, 3], vertical_alignment="bottom")
    with search:
        words = st.text_input(
            "Find a person",
            key=SEARCH,
            icon=":material/search:",
            placeholder="A name, an id, or words such as 25-34",
        )
    with saved:
        _saved(personas)
    with dice:
        st.button(
            "Anybody",
            icon=":material/casino:",
            width="stretch",
            help="Somebody at random",
            on_click=partial(_anybody, case),
        )
    with new:
        st.button(
            "New person",
            icon=":material/person_add:",
            width="stretch",
            help="Somebody of whom nothing is known yet",
            on_click=state.show_guest,
        )
    found = case.find_people(words, FOUND) if words else []
    if words and not found:
        st.caption("Nobody is called that.")
    with st.container(horizontal=True):
        for user in found:
            about = f" · {plain(case.about[user])}" if case.about[user] else ""
            st.button(
                f"{plain(case.people[user])}{about}",
                key=f"found-{user}",
                on_click=partial(_found, case, user),
            )


def _found(case: Showcase, user: int) -> None:
    state.show_user(case, user)
    st.session_state[SEARCH] = ""


def _anybody(case: Showcase) -> None:
    import random

    state.show_user(case, random.randrange(case.dataset.n_users))


def _saved(personas: list[Persona]) -> None:
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
        st.rerun()


def _projector() -> None:
    on = state.projecting()
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
        with st.popover("Save", icon=":material/bookmark_add:", disabled=not len(who.history)):
            _save(record, case, who)
        _projector()
    if who.user is None:
        st.text_input(
            "What do you know of them? (optional)",
            value=who.text,
            key=state.WORDS,
            bind="query-params" if st.query_params.get(state.GUEST) else None,
            placeholder="In a sentence or two: it decides whose taste they share.",
            max_chars=500,
        )
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


def _save(record: Record, case: Showcase, who: Shown) -> None:
    name = st.text_input("Name", value=who.name, key=f"save-{who.name}", max_chars=60)
    if st.button("Save this person", type="primary"):
        ids, items = case.dataset.user_ids.external, case.dataset.item_ids.external
        history = who.history.tolist() if who.changed or who.user is None else []
        try:
            persona = Persona(
                name=" ".join(name.split()) or who.name,
                data=record.experiment.data.name,
                user=None if who.user is None else ids[who.user],
                history=tuple(items[item] for item in history),
                text=who.text or None,
            )
            personas_of(workspace()).save(persona)
        except AutoGraphError as error:
            st.error(str(error), icon=":material/error:")
            return
        state.show_persona(persona.name)
        st.rerun()
