"""A button that lets a visitor search for a node of one type."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.results.atlas import Atlas
from app.ui.shared.frame import plain
from graph.explore.flat import Node

FOUND = 8
"""Nodes that a search lists."""


def node_choice(
    atlas: Atlas,
    label: str,
    kind: str,
    node: Node | None,
    choose: Callable[[Node | None], None],
    *,
    any_label: str | None = None,
) -> None:
    """Shows the node that is chosen; opened, it searches for another.

    Args:
        atlas: Of the graph.
        label: What the node is, for instance "From".
        kind: Type of node that may be chosen.
        node: The one that is.
        choose: Called with the new one, or with None.
        any_label: What the choice of no node is called; None if there is to be a node.
    """
    title = plain(atlas.names.title(node)) if node else any_label or "choose …"
    with st.popover(f"{label}: **{title}**"):
        words = st.text_input(
            f"{label}, search",
            type="search",
            icon=":material/search:",
            live=True,
            key=f"choice-{label}-{kind}",
        )
        if node is not None and any_label:
            st.button(any_label, on_click=choose, args=(None,), key=f"any-{label}", type="tertiary")
        found = atlas.finder.find(words, FOUND, (kind,))
        if words.strip() and not found:
            st.caption("Nothing holds all these words.")
        for hit in found:
            st.button(
                plain(atlas.names.title(hit)),
                key=f"choice-{label}-{hit}",
                type="tertiary",
                on_click=choose,
                args=(hit,),
            )
