"""The Demo of an export: what its reader answers, for people whom it knows and for a history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui.demo import state
from app.ui.demo.person import badges, draw_history
from app.ui.demo.state import Shown
from app.ui.demo.strangers import draw_new
from app.ui.demo.such import choose_such, offers
from app.ui.serve.about import answers_histories, nouns_of
from app.ui.serve.card import draw_export
from app.ui.shared.exports import choose_export, open_export, showcase_of
from app.ui.shared.frame import choose, empty, plain, show_error
from app.ui.shared.people import search_people
from app.ui.shared.remembered import find_named
from app.ui.shared.telling import fragment
from data.errors import AutoGraphError
from data.names import Nouns, with_a
from recommend.reasons.showcase import Showcase

if TYPE_CHECKING:
    from recommend.serve.reader import Ask, Export
    from recommend.serve.why import Why

LIST, ALIKE, MOVED = 10, 5, 3
WHY = "why-of-export"
"""In the address: the item that is asked about."""
SEARCH = "people-of-export"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list.

    Attributes:
        item: Number.
        rank: From 1.
        before: Rank before a change; None where it was in the history, 0 where that is not known.
    """

    item: int
    rank: int
    before: int | None

    @property
    def facts(self) -> dict[str, int | None]:
        """Of `person.badges`."""
        moved = self.before - self.rank if self.before else 0
        return {"item": self.item, "before": self.before, "moved": moved}


def show_export(there: Mapping[str, Path], data: str | None = None, chosen: str = "") -> None:
    """The Demo of one of some exports.

    Args:
        there: Folders by name.
        data: Name of the data of the chosen experiment; None where none is shown.
        chosen: Name of that experiment.
    """
    folder = choose_export(there)
    try:
        export, case = open_export(folder).export, showcase_of(folder)
    except AutoGraphError as error:
        show_error(error)
        return
    draw_export(export.card, data, chosen)
    find_named(state.USER, case.dataset.user_ids, "person", f"the export {folder.name}")
    nouns = nouns_of(export.card)
    for name in (state.ADDED, state.REMOVED, WHY):
        find_named(name, case.dataset.item_ids, nouns.one, f"the export {folder.name}")
    several = {
        "somebody": "Somebody",
        "user": "A new person, in words",
        "item": f"A new {nouns.one}, in words",
    }
    what = choose("Who or what", several, "of-export", hidden=True)
    if what != "somebody":
        draw_new(export, case, "user" if what == "user" else "item", nouns)
    elif not _choose(case, answers_histories(export.card)):
        _what_if(export, case, nouns)


def _choose(case: Showcase, strangers: bool) -> bool:
    """Whom to look at; gives whether a visitor searches, so that nobody else is shown."""
    search, dice, new = st.columns([6, 2, 2], vertical_alignment="bottom")
    with new:
        st.button(
            "New person",
            icon=":material/person_add:",
            width="stretch",
            help="Somebody whom the export does not know, with a history that you pick"
            if strangers
            else "This export answers for people whom it knows alone",
            disabled=not strangers,
            on_click=_guest,
        )
    turn, where = partial(_show_found, case), " in this export"
    return bool(search_people(case, turn, (search, dice), SEARCH, where=where))


def _show_found(case: Showcase, user: int) -> None:
    state.show_somebody(case.dataset.user_ids.external[user])


def _guest() -> None:
    state.show_guest()
    st.session_state[SEARCH] = ""


@fragment
def _what_if(export: Export, case: Showcase, nouns: Nouns) -> None:
    """Somebody, and what the export recommends; a change draws nothing else again."""
    who = state.person_shown(case, ())
    fixed = not answers_histories(export.card)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(who.name), anchor=False, width="content")
        st.caption(plain(who.about), width="stretch")
    history, list_ = st.columns([4, 7], gap="medium")
    with list_, st.container(border=True):
        such = choose_such(offers(export.items))
        _list(export, case, who, such, nouns)
    with history:
        draw_history(case, who, nouns, "the list follows", fixed)
    _why(export, case, who, nouns)


def ask_of(
    case: Showcase, who: Shown, k: int, such: Mapping[str, Any], before: bool = False
) -> Ask:
    """What is asked of an export about somebody.

    Args:
        case: For ids.
        who: The person; one whose history was changed is asked about with the changed one.
        k: Items.
        such: Conditions on attributes.
        before: Whether changes do not count; the history as it was is then read in the same way
            as the changed one, so that what moved was moved by the change.
    """
    from recommend.serve.reader import Ask

    ids = case.dataset.item_ids.external
    user = None if who.user is None else case.dataset.user_ids.external[who.user]
    items = who.given if before else who.history
    as_it_is = user is not None and not who.changed
    history = None if as_it_is else tuple(ids[item] for item in items.tolist())
    return Ask(user, history, k, where=dict(such))


def ranked(
    export: Export, case: Showcase, who: Shown, such: Mapping[str, Any]
) -> tuple[list[Row], Sequence[str]]:
    """The first items with their places before a change, and what is to be known of them.

    Raises:
        AutoGraphError: the export cannot answer.
    """
    from recommend.serve.reader import MOST

    number = case.dataset.item_ids.number
    (now,) = export.recommend([ask_of(case, who, LIST, such)])
    places: dict[str, int] = {}
    if who.changed and len(who.given):
        (then,) = export.recommend([ask_of(case, who, MOST, such, before=True)])
        places = {one: place for place, one in enumerate(then.items, 1)}
    given = set(who.given.tolist()) if who.changed else set()
    rows = []
    for rank, external in enumerate(now.items, 1):
        item = number(external)
        rows.append(Row(item, rank, None if item in given else places.get(external, 0)))
    return rows, now.notes


def _list(
    export: Export, case: Showcase, who: Shown, such: Mapping[str, Any], nouns: Nouns
) -> None:
    if not len(who.history) and (who.user is None or who.changed):
        empty("Nothing to go on yet", f"Add {with_a(nouns.one)} to the history.")
        return
    try:
        rows, notes = ranked(export, case, who, such)
    except AutoGraphError as error:
        st.info(plain(error), icon=":material/info:")
        return
    for note in notes:
        st.caption(plain(note))
    if who.changed and any(row.facts["moved"] for row in rows):
        st.caption("Arrows compare with the history as it was, read in the same way.")
    if not rows:
        empty(f"No {nouns.one} is left", "Nothing that was not had fits all conditions.")
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="top", gap="small"):
            st.markdown(f"**{row.rank}**", width=22)
            with st.container(gap=None, width="stretch"):
                marks = badges(case, who, row.facts, nouns)
                st.markdown(f"**{plain(case.title(row.item))}**{marks}")
                st.caption(plain(case.gists[row.item]))
            st.button(
                "Why?",
                key=f"export-why-{row.item}",
                type="tertiary",
                help=f"Why {plain(case.title(row.item))}, and what is like it",
                on_click=partial(_ask_why, case, row.item),
            )


def _ask_why(case: Showcase, item: int) -> None:
    st.query_params[WHY] = case.dataset.item_ids.external[item]


def _forget_why() -> None:
    st.query_params.pop(WHY, None)


def _why(export: Export, case: Showcase, who: Shown, nouns: Nouns) -> None:
    """Opens what is known of the item that the address asks about."""
    external, ids = st.query_params.get(WHY), case.dataset.item_ids
    if external is None or external not in ids:
        return
    dialog = st.dialog(f"About this {nouns.one}", width="large", on_dismiss=_forget_why)
    dialog(_about)(export, case, who, ids.number(external), nouns)


def _draw_why(case: Showcase, why: Why) -> None:
    """What is true of an item and a history by counting, and what moved its score."""
    if why.reasons:
        st.markdown("\n".join(f"- {plain(reason)}" for reason in why.reasons))
    if why.rank is not None:
        st.markdown(
            f"**It stands at {why.rank:,}** among all that this person has not had.",
            help="By its score, without conditions on attributes.",
        )
    titles = case.titles
    number = case.dataset.item_ids.number
    moved = ((titles[number(one.without)], one.rank) for one in why.moved[:MOVED])
    lines = [f"- Without {plain(one)} in the history it would stand at {n:,}." for one, n in moved]
    if lines:
        st.markdown("\n".join(lines))
    for note in why.notes:
        st.caption(plain(note))


def _about(export: Export, case: Showcase, who: Shown, item: int, nouns: Nouns) -> None:
    st.subheader(plain(case.title(item)), anchor=False)
    st.caption(f"{plain(case.gists[item])} · for {plain(who.name)}")
    asked = ask_of(case, who, 1, {})
    try:
        why = export.explain(case.dataset.item_ids.external[item], asked.user, asked.history)
    except AutoGraphError as error:
        st.info(plain(error), icon=":material/info:")
    else:
        _draw_why(case, why)
    st.markdown(f"**{nouns.many.capitalize()} most like it**")
    found = export.similar(item=case.dataset.item_ids.external[item], k=ALIKE)
    if not found.items:
        st.caption(f"No other {nouns.one} has anything in common with it.")
    lines = []
    for other, score in zip(found.items, found.scores, strict=True):
        of = case.dataset.item_ids.number(other)
        lines.append(f"- {plain(case.title(of))} :gray[{plain(case.gists[of])} · {score:.3f}]")
    if lines:
        st.markdown("\n".join(lines))
    for note in found.notes:
        st.caption(plain(note))
