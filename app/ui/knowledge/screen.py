"""The Knowledge screen: what was said of every user and item."""

from __future__ import annotations

import streamlit as st

from app.ui.knowledge.browse import show_browse
from app.ui.knowledge.changes import show_changes
from app.ui.knowledge.checks import show_checks
from app.ui.knowledge.compare import show_compare
from app.ui.knowledge.overview import show_overview
from app.ui.prompts.choice import choose_side
from app.ui.shared.experiment import header, require

TABS = {
    "Texts": show_browse,
    "Checks": show_checks,
    "By hand": show_changes,
    "Compare": show_compare,
}


def show() -> None:
    """Draws the screen."""
    header(
        "Knowledge",
        "What was said of every user and item: read it, check it, correct it by hand, and compare "
        "versions of it.",
    )
    side = choose_side()
    record = require(f"knowledge-{side}")
    show_overview(record, side)
    tabs = st.tabs(list(TABS), key="part", on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, TABS.values(), strict=True):
        if tab.open:
            with tab:
                draw(record, side)
