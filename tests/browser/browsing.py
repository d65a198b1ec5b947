"""What tests in a browser share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Download, Locator, Page, TimeoutError

from benchmarks.browser import settled

PageAt = Callable[..., Page]


TRIES, STAYS_MS, FALLS_MS = 6, 700, 20_000


def write(page: Page, name: str, text: str) -> None:
    """Types into a field, as often as it takes: Streamlit may draw it anew, without what is new."""
    field = page.get_by_role("textbox", name=name, exact=True)
    for _ in range(TRIES):
        field.fill(text)
        field.press("Tab")
        page.wait_for_timeout(STAYS_MS)
        settled(page)
        if field.input_value() == text:
            return
    raise AssertionError(f"what is typed into {name} does not stay")


def downloaded(page: Page, button: Locator) -> Download:
    """What a button gives; it is clicked again where a busy browser let a click fall."""
    for _ in range(TRIES):
        settled(page)
        try:
            with page.expect_download(timeout=FALLS_MS) as download:
                button.click()
            return download.value
        except TimeoutError:
            continue
    raise AssertionError("nothing is downloaded")


def shot(page: Page, name: str) -> None:
    """A picture of the whole screen, where AUTOGRAPH_SHOTS names a folder for it."""
    folder = os.environ.get("AUTOGRAPH_SHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


__all__ = ["PageAt", "downloaded", "settled", "shot", "write"]
