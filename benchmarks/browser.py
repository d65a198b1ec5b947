"""The page in a real browser, for its tests, its pictures and its times."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
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
"""Most that anything may take; no figure of the page's speed."""
CHROMIUM = next(
    (p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None
)
NO_CHROMIUM = "chromium is not installed; on Debian: apt install chromium"


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield browser
        browser.close()


def start_page(
    workspace: Path, log: Path, script: Path = ROOT / "streamlit_app.py", **settings: str
) -> tuple[str, subprocess.Popen[bytes]]:
    """The address of the page on a workspace, and its process, with more in its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(script)),
            *("--server.port", str(port), "--server.headless", "true"),
        ],
        cwd=ROOT,
        env={**os.environ, "AUTOGRAPH_WORKSPACE": str(workspace), **settings},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    address, until = f"http://127.0.0.1:{port}", monotonic() + PATIENCE_MS / 1000
    while not _answers(address):
        assert process.poll() is None, log.read_text()
        assert monotonic() < until, "the page did not start"
    return address, process


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def new_page(browser: Browser, width: int = 1280, dark: bool = False) -> Page:
    """An empty tab."""
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        accept_downloads=True,
    )
    page.set_default_timeout(PATIENCE_MS)
    return page


def settled(page: Page) -> None:
    """Waits until the page is drawn and Streamlit runs nothing any more."""
    page.wait_for_selector("[data-testid='stApp']")
    page.wait_for_selector("[data-testid='stMain'] [data-testid^='st']")
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]')"
        "?.getAttribute('data-test-script-state') === 'notRunning'"
        " && !document.querySelector('[data-testid=stSkeleton], [data-testid=stAppSkeleton]')"
    )
