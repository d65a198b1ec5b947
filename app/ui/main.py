"""The page: its screens, what stands beside them, and what it shows when one fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread

import streamlit as st

from app.ui.shared import address, visitors
from app.ui.shared.experiment import experiments, find_selected
from app.ui.shared.frame import workspace
from app.ui.shared.remembered import SCREEN, keep, remember
from app.ui.shared.telling import tell_failure, tell_left

ICON = str(Path(__file__).parent / "icon.svg")


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen of the page.

    Attributes:
        path: In the address, and the folder of its module `screen` with a function `show`.
        title: In the menu.
        icon: In the menu.
    """

    path: str
    title: str
    icon: str


SECTIONS: dict[str, tuple[Screen, ...]] = {
    "": (Screen("start", "Start", ":material/home:"),),
    "Build": (
        Screen("data", "Data", ":material/dataset:"),
        Screen("prompts", "Prompts", ":material/edit_note:"),
        Screen("knowledge", "Knowledge", ":material/menu_book:"),
        Screen("train", "Train", ":material/model_training:"),
        Screen("jobs", "Jobs", ":material/checklist:"),
    ),
    "Inspect": (
        Screen("factors", "Factors", ":material/category:"),
        Screen("graph", "Graph", ":material/hub:"),
        Screen("metapaths", "Metapaths", ":material/route:"),
        Screen("query", "Query", ":material/manage_search:"),
    ),
    "Compare": (Screen("compare", "Compare", ":material/leaderboard:"),),
    "Share": (
        Screen("demo", "Demo", ":material/live_tv:"),
        Screen("ask", "Ask", ":material/contact_support:"),
        Screen("serve", "Serve", ":material/dns:"),
        Screen("report", "Report", ":material/description:"),
    ),
}
LOGO = str(Path(__file__).parent / "logo.svg")
STYLE = """<style>
.stMainBlockContainer { padding: 3.9rem 3rem 4rem; }
.stMainBlockContainer h1 { padding-top: 0; font-size: 2.1rem; }
.st-key-recommender-grid-hint { display: none; }
@media (max-width: 640px) {
  .st-key-recommender-grid-hint { display: flex; }
  .stMainBlockContainer { padding: 3.9rem 1rem 4rem; }
  .st-key-recommender-grid { overflow-x: auto; }
  .st-key-recommender-grid .stHorizontalBlock { flex-wrap: nowrap; min-width: 34rem; }
  .st-key-recommender-grid .stColumn { min-width: 0; }
}
</style>"""
"""Streamlit's own margins take a third of a laptop's screen away from the graph, and half of a
telephone's; and a table of columns is none where each of them takes a row."""
FIRST = "start"
"""The screen that an address without a path shows."""


def show_page() -> None:
    """Draws the page for one visitor."""
    st.set_page_config(page_title="AutoGraph", page_icon=ICON, layout="wide")
    st.html(STYLE)
    st.logo(LOGO, size="large", icon_image=ICON)
    pages = _pages()
    _warm_up()
    page = st.navigation(pages, expanded=True)
    st.session_state[SCREEN] = page.url_path
    _sidebar()
    find_selected()
    address.keep()
    page.run()


def _pages() -> dict[str, list[st.Page]]:
    """The pages of the menu by section; those that are not open to the visitor are not in it."""
    first = next(path for path in (FIRST, *visitors.SHARED) if visitors.opens(path))
    pages: dict[str, list[st.Page]] = {}
    drawn: dict[str, st.Page] = {}
    for section, screens in SECTIONS.items():
        for screen in screens:
            page = drawn[screen.path] = _page(screen, first)
            pages.setdefault(section, []).append(page)
            if screen.path == first:
                pages[section].append(_by_name(screen))
    st.session_state["screens"] = drawn
    return pages


@st.cache_resource(show_spinner=False)
def _warm_up() -> None:
    """Loads what screens compute with while a visitor still reads the first one.

    Threads of OpenMP spin for a while when they have nothing to do, and a browser on the same
    machine would wait for them; what is said here counts if it is said before torch is loaded. An
    export is opened without torch.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if visitors.export_alone() is not None:
        return
    Thread(target=import_module, args=("recommend.model",), daemon=True).start()


def _page(screen: Screen, first: str = FIRST) -> st.Page:
    return st.Page(
        _guard(screen),
        title=screen.title,
        icon=screen.icon,
        url_path="home" if screen.path == first else screen.path,
        default=screen.path == first,
        visibility="visible" if visitors.opens(screen.path) else "hidden",
    )


def _by_name(screen: Screen) -> st.Page:
    """The first screen under its own name, too: Streamlit serves it without a path alone."""
    show = _guard(screen)
    return st.Page(show, title=screen.title, url_path=screen.path, visibility="hidden")


def _guard(screen: Screen) -> Callable[[], None]:
    """Shows a screen; what goes wrong there is a sentence, and the rest stands in the log."""

    def show() -> None:
        tell_left()
        with tell_failure(f"The screen {screen.title}"):
            if not visitors.opens(screen.path):
                st.info(_why_closed(screen), icon=":material/lock:")
                return
            import_module(f"app.ui.{screen.path}.screen").show()

    show.__name__ = screen.path
    return show


def _why_closed(screen: Screen) -> str:
    if visitors.export_alone() is not None:
        return f"This page shows an export alone, and the screen {screen.title} needs a workspace."
    return f"The screen {screen.title} runs or changes things, so it is not open to viewers."


@tell_failure("The sidebar")
def _sidebar() -> None:
    alone = visitors.export_alone()
    if alone is not None:
        st.sidebar.caption(f"Export: `{alone.name}`")
        return
    known = experiments()
    key = remember(address.EXPERIMENT, known, next(iter(known), None))
    with st.sidebar:
        if known:
            st.selectbox(
                "Experiment",
                known,
                key=key,
                help="Every experiment that was run in this workspace, the latest first.",
            )
            keep(address.EXPERIMENT, st.session_state[key])
        visitors.draw()
        st.caption(f"Workspace: `{workspace().name}`", help=str(workspace()))
