"""What anybody has to be able to read: on a telephone, in the dark, and with a screen reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import PageAt, shot
from playwright.sync_api import expect

PHONE = 400


@pytest.mark.parametrize(
    "screen", ["graph", "metapaths", "query", "train", "compare", "demo", "ask", "report"]
)
def test_nothing_is_wider_than_a_telephone(
    page_at: PageAt, demo_workspace: Path, screen: str
) -> None:
    page = page_at(demo_workspace, screen, PHONE)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("it => it.scrollWidth <= it.clientWidth")
    for table in page.get_by_test_id("stDataFrame").all():
        box = table.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= PHONE
    shot(page, f"{screen}-phone")


def test_the_grid_of_recommenders_stays_a_grid(page_at: PageAt, demo_workspace: Path) -> None:
    page = page_at(demo_workspace, "train", PHONE)
    grid = page.locator(".st-key-recommender-grid")
    heads = [grid.get_by_text(name, exact=True) for name in ("youtubednn", "mind", "sasrec")]
    boxes = [head.bounding_box() for head in heads]
    tops = {round(box["y"]) for box in boxes if box}
    assert len(boxes) == 3 and len(tops) == 1, "backbones stand beside each other"
    assert grid.evaluate("it => it.scrollWidth > it.clientWidth"), "what has no room is scrolled to"


@pytest.mark.parametrize("width", [PHONE, 1280])
def test_no_chip_of_the_report_is_cut(page_at: PageAt, demo_workspace: Path, width: int) -> None:
    page = page_at(demo_workspace, "report", width)
    chips = page.frame_locator("iframe").locator(".chip")
    expect(chips.first).to_be_attached()
    cut = chips.evaluate_all(
        "them => them.filter(it => it.scrollWidth > it.clientWidth + 1).map(it => it.innerText)"
    )
    assert cut == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_preview_of_the_report_is_as_dark_as_the_page(
    page_at: PageAt, demo_workspace: Path, dark: bool
) -> None:
    page = page_at(demo_workspace, "report", dark=dark)
    body = page.frame_locator("iframe").locator("body")
    ground = "getComputedStyle(it).backgroundColor"
    around = page.get_by_test_id("stApp").evaluate(f"it => {ground}")
    assert body.evaluate(f"it => {ground}") == around
    assert ("255, 255, 255" in around) != dark


def test_who_hears_the_page_knows_what_a_button_does(page_at: PageAt, demo_workspace: Path) -> None:
    page = page_at(demo_workspace, "demo")
    main = page.get_by_test_id("stMain")
    expect(main.get_by_role("button", name="Take out", exact=True).first).to_be_visible()
    heard = [one.strip() for one in main.aria_snapshot().splitlines() if "- button" in one]
    assert len(heard) > 10
    assert all('button "' in one and "close" not in one for one in heard), heard
