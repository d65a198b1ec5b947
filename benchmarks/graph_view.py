"""How long the picture of the graph takes in a browser until it is drawn.

It counts as drawn when Streamlit is at rest, the chart says that it is not busy, and two further
frames have been painted. "link" opens an address in a new tab while the page runs, "start" is a
click that computes, lays out and draws a new picture, "back" a click in the menu on the screen
that a visitor comes back to. "hover" is the longest frame while the pointer crosses the picture.

    python benchmarks/graph_view.py --workspace workspace --experiment ml-1m
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from playwright.sync_api import Browser, Page

from benchmarks.browser import chromium, new_page, settled, start_page

STARTS = {
    "a star": ("h1", "item_factor:0-1"),
    "300 nodes, 2 steps": ("h2", "item_factor:0-1"),
    "1,000 nodes, 2 steps": ("h2_n200_c1000", "item_factor:0-1"),
    "1,000 nodes, 3 steps": ("h3_c1000", "item_factor:0-1"),
}
"""What is shown: limits of the view, and the node to start from."""
DRAWN = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>
    done(document.querySelector('[data-testid=stEChartsChart]')?.ariaBusy === 'false'))))"""
ROW = "{:<24}" + "{:>10}" * 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    print(ROW.format("picture", "link, s", "start, s", "back, s", "hover, ms"))
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        base, process = start_page(asked.workspace.resolve(), Path(folder) / "page.log")
        try:
            warm = new_page(browser)
            warm.goto(f"{base}/graph?experiment={asked.experiment}")
            drawn(warm)
            warm.close()
            for name, (limits, node) in STARTS.items():
                runs = [
                    visit(browser, base, asked.experiment, limits, node) for _ in range(asked.times)
                ]
                columns = [statistics.median(column) for column in zip(*runs, strict=True)]
                print(ROW.format(name, *(f"{n:.2f}" for n in columns[:3]), f"{columns[3]:.0f}"))
        finally:
            process.terminate()
            process.wait()


def visit(
    browser: Browser, base: str, experiment: str, limits: str, node: str
) -> tuple[float, float, float, float]:
    """Seconds of a link, of a start, of coming back; milliseconds of the longest frame."""
    page = new_page(browser)
    begin = perf_counter()
    page.goto(f"{base}/graph?experiment={experiment}&node={node}&view={limits}")
    drawn(page)
    link = perf_counter() - begin
    shown = page.get_by_text("nodes show").inner_text()
    begin = perf_counter()
    page.get_by_role("button", name="Start here").click()
    page.wait_for_function(
        "shown => [...document.querySelectorAll('p')].some(p =>"
        " p.innerText.includes('nodes show') && p.innerText !== shown)",
        arg=shown,
    )
    drawn(page)
    start = perf_counter() - begin
    page.locator("[data-testid='stSidebarNavLink']", has_text="Jobs").first.click()
    page.wait_for_selector("[data-testid=stEChartsChart]", state="detached")
    settled(page)
    begin = perf_counter()
    page.locator("[data-testid='stSidebarNavLink']", has_text="Graph").first.click()
    drawn(page)
    back = perf_counter() - begin
    slowest = hover(page)
    page.close()
    return link, start, back, slowest


def drawn(page: Page) -> None:
    """Waits until the picture is drawn."""
    page.wait_for_selector("[data-testid=stEChartsChart] canvas")
    settled(page)
    while not page.evaluate(DRAWN):
        pass


def hover(page: Page) -> float:
    """Longest frame, in milliseconds, while the pointer crosses the picture."""
    page.evaluate(
        """() => { window.longest = 0; let last = performance.now();
        const tick = now => { window.longest = Math.max(window.longest, now - last); last = now;
        requestAnimationFrame(tick); }; requestAnimationFrame(tick); }"""
    )
    box = page.locator("[data-testid=stEChartsChart]").bounding_box()
    assert box is not None
    for step in range(40):
        page.mouse.move(box["x"] + box["width"] * step / 40, box["y"] + box["height"] / 2)
        page.wait_for_timeout(20)
    return float(page.evaluate("window.longest"))


if __name__ == "__main__":
    main()
