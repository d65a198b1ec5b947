"""The page on a projector: larger letters, and nothing beside what is shown."""

from __future__ import annotations

import streamlit as st

_STYLE = """
<style>
html { font-size: 20px; }
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"],
[data-testid="stExpandSidebarButton"], [data-testid="stHeader"] { display: none; }
[data-testid="stMainBlockContainer"] { max-width: none; padding: 1.2rem 2rem 2rem; }
</style>
"""


def enlarge() -> None:
    """Makes letters larger and hides the sidebar; no text from data is in the style."""
    st.html(_STYLE)
