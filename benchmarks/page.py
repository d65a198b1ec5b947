"""How long each screen of the page takes from a click on it until it is drawn and at rest.

The first visit finds nothing opened; the second finds what the first left in the page's caches.
Times are those a person sees in the browser, with the page on the same machine.

    PYTHONPATH=. python benchmarks/page.py --workspace workspace --experiment ml-1m
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from playwright.sync_api import Page

from app.ui.main import SECTIONS
from benchmarks.browser import chromium, new_page, settled, start_page

ROW = "{:<12}{:>10}{:>10}"
QUIET_MS = 100
"""A screen counts as at rest when Streamlit has run nothing for so long; not in the figures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--times", type=int, default=3, help="visits after the first")
    parser.add_argument("--what-if", action="store_true", help="no screens, the what-if alone")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        base, process = start_page(asked.workspace.resolve(), Path(folder) / "page.log")
        try:
            page = new_page(browser)
            page.goto(f"{base}/jobs?experiment={asked.experiment}")
            settled(page)
            page.wait_for_timeout(5_000)
            if not asked.what_if:
                report(page, asked.times)
            first, again = what_if(page, asked.times)
            print(ROW.format("What if", f"{first:.2f}", f"{again:.2f}"))
        finally:
            process.terminate()
            process.wait()


def report(page: Page, times: int) -> None:
    print(ROW.format("screen", "first, s", "again, s"))
    for screen in (screen for screens in SECTIONS.values() for screen in screens):
        if screen.path == "jobs":
            continue
        first = visit(page, screen.title)
        again = []
        for _ in range(times):
            visit(page, "Jobs")
            again.append(visit(page, screen.title))
        print(
            ROW.format(screen.title, f"{first:.2f}", f"{statistics.median(again):.2f}"), flush=True
        )
        visit(page, "Jobs")


def visit(page: Page, title: str) -> float:
    """Seconds from a click in the menu until the screen of that title is drawn."""
    link = page.locator("[data-testid='stSidebarNavLink']", has_text=title).first
    before = page.locator("[data-testid='stMain'] h1").first.inner_text()
    start = perf_counter()
    link.click()
    page.wait_for_function(
        "before => ![undefined, before].includes("
        "document.querySelector('[data-testid=stMain] h1')?.innerText)",
        arg=before,
    )
    settled(page)
    end = perf_counter()
    page.wait_for_timeout(QUIET_MS)
    settled(page)
    return end - start


CLICKED = """() => new Promise(done => {
    const app = document.querySelector('[data-testid=stApp]'), begun = performance.now();
    const state = () => app.getAttribute('data-test-script-state');
    let ran = false;
    new MutationObserver((_, seen) => {
        ran ||= state() === 'running';
        if (ran && state() === 'notRunning') {
            seen.disconnect();
            requestAnimationFrame(() => done((performance.now() - begun) / 1000));
        }
    }).observe(app, {attributes: true});
    document.querySelector("[class*='st-key-out-'] button").click();
})"""
"""Seconds from the click that takes an item out of a history until all that follows is drawn."""


def what_if(page: Page, times: int) -> tuple[float, float]:
    """Seconds until both lists are new: the first time, and later ones."""
    visit(page, "Demo")
    taken = []
    for _ in range(times + 1):
        taken.append(page.evaluate(CLICKED))
        page.wait_for_timeout(QUIET_MS)
        settled(page)
    return taken[0], statistics.median(taken[1:])


if __name__ == "__main__":
    main()
