"""Screens without a browser, on workspaces that are finished, empty or broken."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opening import Open
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
"""Most that a screen may take here; no figure of its speed."""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a screen on a workspace: `screen("factors", workspace, node="item:1")`."""
    import streamlit as st

    def opened(path: str, workspace: Path, **parameters: str) -> AppTest:
        monkeypatch.setenv("AUTOGRAPH_WORKSPACE", str(workspace))
        st.cache_resource.clear()
        st.cache_data.clear()
        page = AppTest.from_function(_draw, default_timeout=PATIENCE_S, kwargs={"path": path})
        for name, value in parameters.items():
            page.query_params[name] = value
        return page.run()

    return opened


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Takes back the script of an AppTest, which every process that is spawned later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


def _draw(path: str) -> None:
    """One screen inside the frame, in a script of its own."""
    import streamlit as st

    from app.ui.main import SECTIONS, _guard, _page, _sidebar
    from app.ui.shared import address
    from app.ui.shared.experiment import find_selected

    screens = [screen for of in SECTIONS.values() for screen in of]
    pages = {screen.path: _page(screen) for screen in screens}
    st.session_state["screens"] = pages
    st.navigation(list(pages.values()))
    _sidebar()
    find_selected()
    address.keep()
    _guard(next(screen for screen in screens if screen.path == path))()


@pytest.fixture
def empty_workspace(tmp_path: Path) -> Path:
    """A workspace in which nothing was ever run."""
    return tmp_path / "workspace"


@pytest.fixture
def own_workspace(demo_workspace: Path, tmp_path: Path) -> Path:
    """A copy of the finished demo that a test may change or break."""
    return Path(shutil.copytree(demo_workspace, tmp_path / "workspace"))
