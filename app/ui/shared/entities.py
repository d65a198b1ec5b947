"""Picking users and items on a screen, by name or id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.shared import address
from app.ui.shared.remembered import BETWEEN, keep_some, remembered_some

if TYPE_CHECKING:
    from llm.workshop.scene import Scene

ALL_UP_TO = 10_000
"""Entities up to which all stand in the list; beyond, a search finds some."""
FOUND = 50
"""Entities that a search shows."""


def pick(scene: Scene, key: str) -> int:
    """The number of the entity that a person picks; the one selected on the page at first.

    What is picked is selected for the rest of the page.
    """
    options = _options(scene, key)
    state = f"{key} {scene.side}"
    node = address.selected()
    if node is not None and node.type == scene.side and node.id in scene.ids:
        st.session_state[state] = scene.ids.number(node.id)
        options = list(dict.fromkeys([*options, st.session_state[state]]))
    if st.session_state.get(state) not in options:
        st.session_state.pop(state, None)
    what = "viewer, reader or other user" if scene.side == "user" else "item"
    return int(
        st.selectbox(
            "User" if scene.side == "user" else "Item",
            options,
            key=state,
            format_func=lambda number: called(scene, number),
            help=f"The {what} whose values and prompt are shown.",
            on_change=_select,
            args=(scene, state),
        )
    )


def pick_some(scene: Scene, name: str, at_most: int) -> list[int]:
    """Numbers of the entities that a person picks, at most so many; three at random at first.

    Args:
        scene: Whose entities.
        name: Of the choice in the address, which holds external ids.
        at_most: How many.
    """
    ids = scene.ids.external
    options = [ids[number] for number in _options(scene, name)]
    default = [ids[number] for number in scene.choose([], 3)]
    picked = st.session_state.get(f"chosen {name}") or ()
    asked = st.query_params.get(name, "").split(BETWEEN)
    known = [one for one in (*default, *picked, *asked) if one in scene.ids]
    options = list(dict.fromkeys([*options, *known]))
    chosen: Sequence[str] = st.multiselect(
        "Users" if scene.side == "user" else "Items",
        options,
        key=remembered_some(name, options, default, at_most, scene.side),
        max_selections=at_most,
        format_func=lambda one: called(scene, scene.ids.number(one)),
        help=f"Up to {at_most}; three at random to begin with.",
    )
    keep_some(name, chosen, default)
    return [scene.ids.number(one) for one in chosen]


def called(scene: Scene, number: int) -> str:
    """How an entity is called in a list: by its title, and by its id where that differs."""
    title, entity = scene.title(number), scene.ids.external[number]
    return title if title == entity else f"{title} · {entity}"


def _options(scene: Scene, key: str) -> list[int]:
    """All entities where they are few; otherwise those that a search finds."""
    if len(scene.ids) <= ALL_UP_TO:
        return list(range(len(scene.ids)))
    words = st.text_input(
        "Look for", key=f"{key} search {scene.side}", type="search", placeholder="Name or id"
    )
    return scene.find(words or "", FOUND)


def _select(scene: Scene, state: str) -> None:
    number = st.session_state.get(state)
    if number is not None:
        address.select(address.Node(scene.side, scene.ids.external[number]))
