"""The page in a real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import PageAt
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from app.jobs import state
from app.jobs.control import stop
from app.jobs.state import list_jobs
from benchmarks.browser import CHROMIUM, NO_CHROMIUM, chromium, new_page, settled, start_page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), NO_CHROMIUM
        pytest.skip(NO_CHROMIUM)
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Starts the page on a workspace and gives its address; once a workspace."""
    running: dict[Path, tuple[str, subprocess.Popen[bytes]]] = {}

    def start(workspace: Path) -> str:
        if workspace not in running:
            running[workspace] = start_page(workspace, workspace.parent / "page.log")
        return running[workspace][0]

    yield start
    for _, process in running.values():
        process.terminate()
        process.wait()


@pytest.fixture
def page_at(browser: Browser, serve: Callable[[Path], str]) -> Iterator[PageAt]:
    """Opens a screen: `page_at(workspace, "graph?node=item:1")`, and waits until it is drawn.

    The test fails on an error in the console, on a request that leaves this machine, and on a
    traceback on the page.
    """
    wrong: list[str] = []
    pages: list[Page] = []

    def opened(workspace: Path, path: str = "", width: int = 1280, dark: bool = False) -> Page:
        base = serve(workspace)
        page = new_page(browser, width, dark)
        page.on("console", lambda message: _said(message, wrong))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: _stays(request, base, wrong))
        pages.append(page)
        page.goto(f"{base}/{path}")
        settled(page)
        return page

    yield opened
    for page in pages:
        if not page.is_closed():
            assert page.locator(".stException").count() == 0, "a traceback is on the page"
            page.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def workspace(demo_workspace: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished demo; jobs that a test leaves behind are ended."""
    copy = Path(shutil.copytree(demo_workspace, tmp_path / "workspace"))
    yield copy
    for job in list_jobs(copy):
        if job.active:
            stop(job)
            state.wait_for(job.folder)


def _said(message: ConsoleMessage, wrong: list[str]) -> None:
    """Streamlit finds out where it lives by asking for its own address below a screen's first."""
    probing = "404" in message.text and "/_stcore/" in message.location.get("url", "")
    if message.type == "error" and not probing:
        wrong.append(f"{message.text} ({message.location.get('url', '')})")


def _stays(request: Request, base: str, wrong: list[str]) -> None:
    local = (base, base.replace("http", "ws", 1), "data:", "blob:")
    if not request.url.startswith(local):
        wrong.append(f"a request left the machine: {request.url}")
