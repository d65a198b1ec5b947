"""The box in which a visitor searches for a person, and a button for anybody."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.ui.shared.frame import plain
from app.ui.shared.telling import callback
from recommend.reasons.showcase import Showcase

FOUND = 8
"""People whom a search finds at most."""
Turn = Callable[[int], object]
"""Shows the person of a number."""


def search_people(
    case: Showcase,
    turn: Turn,
    places: tuple[DeltaGenerator, DeltaGenerator],
    key: str,
    *,
    label: str = "Find a person",
    some: np.ndarray | None = None,
    where: str = "",
) -> str:
    """What a visitor searches for at this moment; whom it finds stands below, to be turned to.

    Args:
        case: Whose people these are.
        turn: Called with the number of whom a visitor chose.
        places: Of the box, and of the button for anybody.
        key: Of the box in the session.
        label: Of the box.
        some: (n,) numbers of those among whom is looked; everybody unless given.
        where: It is looked, if that is to be said where nobody is found: " in this export".
    """
    box, dice = places
    with box:
        words: str = st.text_input(
            label,
            type="search",
            live=True,
            key=key,
            icon=":material/search:",
            placeholder="A name, an id, or a word about them",
        )
    with dice:
        st.button(
            "Anybody",
            icon=":material/casino:",
            width="stretch",
            help="Somebody at random",
            on_click=callback(partial(turn_to_anybody, case, turn, key, some)),
            disabled=some is not None and not len(some),
        )
    found = case.find_people(words, FOUND, some) if words else []
    if words and not found:
        st.caption(f"Nobody{where} is called that.")
    if found:
        with st.container(horizontal=True):
            for user in found:
                about = f" · {plain(case.about[user])}" if case.about[user] else ""
                st.button(
                    f"{plain(case.people[user])}{about}",
                    key=f"{key}-found-{user}",
                    on_click=callback(partial(_turn_to, turn, key, user)),
                )
    return words


def turn_to_anybody(case: Showcase, turn: Turn, key: str, some: np.ndarray | None = None) -> None:
    """Turns to somebody at random, and empties the box.

    Args:
        case: Whose people these are.
        turn: Called with the number of somebody.
        key: Of the box.
        some: (n,) numbers of those who may be meant; everybody unless given.
    """
    among = range(case.dataset.n_users) if some is None else some.tolist()
    _turn_to(turn, key, random.choice(among))


def _turn_to(turn: Turn, key: str, user: int) -> None:
    turn(user)
    st.session_state[key] = ""
