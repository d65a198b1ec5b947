"""What tests in a browser share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browser import settled

PageAt = Callable[..., Page]


def shot(page: Page, name: str) -> None:
    """A picture of the whole screen, where AUTOGRAPH_SHOTS names a folder for it."""
    folder = os.environ.get("AUTOGRAPH_SHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


__all__ = ["PageAt", "settled", "shot"]
