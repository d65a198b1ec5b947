"""The Prompts screen: templates are written, compared, tried and costed."""

from __future__ import annotations

import streamlit as st

from app.ui.prompts.choice import choose
from app.ui.prompts.cost import show_cost
from app.ui.prompts.listing import open_chosen, show_list
from app.ui.prompts.saving import tell
from app.ui.prompts.variants import show_variants
from app.ui.prompts.versions import show_versions
from app.ui.prompts.write import show_write
from app.ui.shared.experiment import current_record, header

TABS = {
    "Write": show_write,
    "Versions": show_versions,
    "Side by side": show_variants,
    "Cost": show_cost,
}


def show() -> None:
    """Draws the screen."""
    header(
        "Prompts",
        "Write what a language model is asked about every user and item, and see it filled in, "
        "compared and costed before anything is spent.",
    )
    tell()
    open_chosen()
    choice = choose(current_record())
    show_list(choice)
    tabs = st.tabs(list(TABS), key="tab", on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, TABS.values(), strict=True):
        if tab.open:
            with tab:
                draw(choice)
