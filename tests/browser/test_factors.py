"""Factors and the comparison in a real browser: click a code, read its page, go on to the graph."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import PageAt, downloaded, settled, shot
from playwright.sync_api import Page, expect

NODE = re.compile(r"node=item_factor(?::|%3A)(\d+-\d+)")


PAUSE_MS = 400
"""Between clicks: the picture sends a selection only once a while has passed without another."""


def click_until_selected(page: Page) -> str:
    """Clicks into the first picture from the middle outwards until a factor is in the address."""
    picture = page.locator("canvas").first
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    for step in range(1, 40):
        x = 0.5 + 0.012 * step * (-1) ** step
        for y in (0.35, 0.45, 0.5, 0.55, 0.65):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
            page.wait_for_timeout(PAUSE_MS)
            settled(page)  # another click at once might take the selection back
            found = NODE.search(page.url)
            if found:
                return found[1]
    shot(page, "no-factor")
    raise AssertionError("no click selected a factor")


def test_a_click_on_a_code_opens_its_page_and_the_graph(
    page_at: PageAt, demo_workspace: Path
) -> None:
    page = page_at(demo_workspace, "factors?experiment=demo")
    factor = click_until_selected(page)
    level, code = factor.split("-")
    expect(
        page.get_by_text(f"Factor {factor} of items: level {level}, code {code}.")
    ).to_be_visible()
    shot(page, "factors-map")
    page.get_by_role("link", name="Open it in the graph").click()
    page.wait_for_url(re.compile(r"/graph\?"))
    assert NODE.search(page.url)[1] == factor  # type: ignore[index]
    settled(page)


def test_a_tile_selects_and_a_neighbour_is_one_click_away(
    page_at: PageAt, demo_workspace: Path
) -> None:
    page = page_at(demo_workspace, "factors?experiment=demo&aspect=Hierarchy")
    factor = click_until_selected(page)
    expect(page.get_by_text(f"Factor {factor} of items")).to_be_visible()
    page.get_by_role("tab", name="Other levels").click()
    expect(page.get_by_text("How its members divide")).to_be_visible()
    shot(page, "factors-hierarchy")


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (1920, False)])
def test_the_factor_survives_a_refresh(
    page_at: PageAt, demo_workspace: Path, width: int, dark: bool
) -> None:
    page = page_at(demo_workspace, "factors?node=user_factor:0-1", width, dark)
    page.reload()
    settled(page)
    expect(page.get_by_text("Factor 0-1 of users: level 0, code 1.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shot(page, f"factors-{width}-{'dark' if dark else 'light'}")


def test_a_comparison_is_exported(page_at: PageAt, demo_workspace: Path) -> None:
    page = page_at(demo_workspace, "compare?experiment=demo")
    expect(page.get_by_text("corrected for 8 tests")).to_be_visible()
    shot(page, "compare")
    csv = page.get_by_test_id("stDownloadButton").get_by_text("CSV", exact=True).first
    lines = Path(downloaded(page, csv).path()).read_text().splitlines()
    assert lines[0].startswith("Recommender,NDCG@10") and len(lines) == 5
    page.get_by_text("LaTeX", exact=True).first.click()
    latex = downloaded(page, page.get_by_role("button", name="LaTeX"))
    text = Path(latex.path()).read_text()
    assert r"\toprule" in text and "sasrec+autograph &" in text


@pytest.mark.parametrize(
    "aspect", ["Users", "Where it helps", "Beyond accuracy", "Ablations", "Cost"]
)
def test_every_aspect_of_the_comparison_is_drawn(
    page_at: PageAt, demo_workspace: Path, aspect: str
) -> None:
    page = page_at(demo_workspace, f"compare?compare={aspect.replace(' ', '+')}", 1920)
    expect(page.get_by_role("tab", name=aspect)).to_have_attribute("aria-selected", "true")
    if aspect != "Beyond accuracy":
        expect(page.locator("canvas").first).to_be_visible()
    shot(page, f"compare-{aspect.replace(' ', '-').lower()}")
