"""Somebody or something new, in words: what an export takes it for, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from app.ui.demo.such import offers
from app.ui.shared.frame import empty, plain, show_error
from data.errors import AutoGraphError
from data.names import Nouns
from recommend.reasons.showcase import Showcase

if TYPE_CHECKING:
    from recommend.serve.reader import Export, Listing, Placed

LIST = 8
WORDS = "new-in-words"
"""What keys of the fields begin with."""


def draw_new(export: Export, case: Showcase, side: Literal["user", "item"], nouns: Nouns) -> None:
    """A form for a new person or item, and where the export places it.

    Args:
        export: That places it.
        case: For names.
        side: Which of both is new.
        nouns: How items are called.
    """
    what = "somebody would like" if side == "user" else f"the new {nouns.one} is about"
    st.caption(
        f"Say what {what}, with words and values that {nouns.many} of the export have. Nothing is "
        "trained again, and nothing is kept."
    )
    form, found = st.columns([4, 7], gap="medium")
    with form, st.form(f"{WORDS}-{side}"):
        words = st.text_area("In words", key=f"{WORDS}-{side}-text", height=120, max_chars=4_000)
        given: dict[str, Any] = {}
        for offer in offers(export.items):
            if not offer.values:
                continue
            chosen = st.multiselect(
                plain(offer.name.replace("_", " ").capitalize()),
                offer.values,
                format_func=plain,
                key=f"{WORDS}-{side}-{offer.name}",
                placeholder="Any",
                help="Those that fit. None has to be given.",
            )
            if chosen:
                given[offer.name] = chosen
        st.form_submit_button("Place it", type="primary", icon=":material/person_search:")
    with found:
        if not words.strip() and not given:
            empty("Where it is placed stands here", "Say something on the left.")
            return
        try:
            placed = export.newcomer(side, given, words, k=LIST)
        except AutoGraphError as error:
            show_error(error, ":material/info:")
            return
        _draw_placed(case, placed, side, nouns)


def _draw_placed(case: Showcase, placed: Placed, side: str, nouns: Nouns) -> None:
    if side == "user":
        _draw_list("What is recommended then", items_of(case, placed.listing))
    elif placed.listing.items:
        _draw_list("People who would be shown it first", people_of(case, placed.listing))
    for note in placed.notes:
        st.caption(plain(note))
    alike = items_of(case, placed.alike)
    best = f", the best {LIST} of {len(alike)}" if len(alike) > LIST else ""
    _draw_list(f"{nouns.many.capitalize()} that match what is said{best}", alike[:LIST], "-")


def items_of(case: Showcase, listing: Listing) -> list[tuple[str, str]]:
    """Titles and gists of listed items."""
    numbers = (case.dataset.item_ids.number(one) for one in listing.items)
    return [(case.title(number), case.gists[number]) for number in numbers]


def people_of(case: Showcase, listing: Listing) -> list[tuple[str, str]]:
    """Names of listed people, and what is known of them."""
    numbers = (case.dataset.user_ids.number(one) for one in listing.items)
    return [(case.people[number], case.about[number]) for number in numbers]


def _draw_list(title: str, rows: Sequence[tuple[str, str]], mark: str = "1.") -> None:
    st.markdown(f"**{title}**")
    st.markdown("\n".join(f"{mark} {plain(name)} :gray[{plain(about)}]" for name, about in rows))
