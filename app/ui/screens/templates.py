"""The Prompts screen: templates are written, compared, tried and costed."""

from __future__ import annotations

import streamlit as st

from app.ui import frame
from app.ui.workshop.choice import choose
from app.ui.workshop.cost import show_cost
from app.ui.workshop.listing import open_chosen, show_list
from app.ui.workshop.saving import tell
from app.ui.workshop.variants import show_variants
from app.ui.workshop.versions import show_versions
from app.ui.workshop.write import show_write

TABS = {
    "Write": show_write,
    "Versions": show_versions,
    "Side by side": show_variants,
    "Cost": show_cost,
}


def show() -> None:
    """Draws the screen."""
    frame.header(
        "Prompts",
        "Write what a language model is asked about every user and item, and see it filled in, "
        "compared and costed before anything is spent.",
    )
    tell()
    open_chosen()
    choice = choose(frame.chosen())
    show_list(choice)
    tabs = st.tabs(list(TABS), key="tab", on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, TABS.values(), strict=True):
        if tab.open:
            with tab:
                draw(choice)
