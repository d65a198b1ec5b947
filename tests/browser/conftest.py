"""The page in a real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
"""Most that anything may take here; no figure of the page's speed."""
CHROMIUM = next(
    (p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None
)
PageAt = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "chromium is not installed: apt install chromium"
        pytest.skip("chromium is not installed: apt install chromium")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Starts the page on a workspace and gives its address; once a workspace."""
    running: dict[Path, tuple[str, subprocess.Popen[bytes]]] = {}

    def start(workspace: Path) -> str:
        if workspace not in running:
            running[workspace] = _started(workspace)
        return running[workspace][0]

    yield start
    for _, process in running.values():
        process.terminate()
        process.wait()


def _started(workspace: Path) -> tuple[str, subprocess.Popen[bytes]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (workspace.parent / "page.log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py")),
            *("--server.port", str(port), "--server.headless", "true"),
        ],
        cwd=ROOT,
        env={**os.environ, "AUTOGRAPH_WORKSPACE": str(workspace), "OMP_NUM_THREADS": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address, until = f"http://127.0.0.1:{port}", monotonic() + PATIENCE_MS / 1000
    while not _answers(address):
        assert process.poll() is None, (workspace.parent / "page.log").read_text()
        assert monotonic() < until, "the page did not start"
    return address, process


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


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
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        page.set_default_timeout(PATIENCE_MS)
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


def _said(message: ConsoleMessage, wrong: list[str]) -> None:
    """Streamlit finds out where it lives by asking for its own address below a screen's first."""
    probing = "404" in message.text and "/_stcore/" in message.location.get("url", "")
    if message.type == "error" and not probing:
        wrong.append(f"{message.text} ({message.location.get('url', '')})")


def _stays(request: Request, base: str, wrong: list[str]) -> None:
    local = (base, base.replace("http", "ws", 1), "data:", "blob:")
    if not request.url.startswith(local):
        wrong.append(f"a request left the machine: {request.url}")


def settled(page: Page) -> None:
    """Waits until the page is drawn and Streamlit runs nothing any more."""
    page.wait_for_selector("[data-testid='stApp']")
    page.wait_for_selector("[data-testid='stMain'] [data-testid^='st']")
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]')"
        "?.getAttribute('data-test-script-state') === 'notRunning'"
    )


def shot(page: Page, name: str) -> None:
    """A picture of the whole screen, where AUTOGRAPH_SHOTS names a folder for it."""
    folder = os.environ.get("AUTOGRAPH_SHOTS")
    if folder:
        try:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        except Error as error:
            raise AssertionError(f"no picture of {name}: {error}") from error
