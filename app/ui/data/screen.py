"""The Data screen: what the data are like, where others are, and how to bring one's own."""

from __future__ import annotations

import streamlit as st

from app.ui.data.catalogue import draw_catalogue
from app.ui.data.own_files import draw_own_files
from app.ui.data.this_experiment import draw_this_experiment
from app.ui.shared.experiment import header

TABS = {
    "This experiment": draw_this_experiment,
    "Catalogue": draw_catalogue,
    "Your own files": draw_own_files,
}


def show() -> None:
    """Draws the screen."""
    header(
        "Data",
        "What users did with items: look at it, get published data sets, or bring your own files.",
    )
    tabs = st.tabs(list(TABS), key="part", on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, TABS.values(), strict=True):
        if tab.open:
            with tab:
                draw()
