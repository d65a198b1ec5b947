"""The frame in a real browser: menu, first visit, links that last."""

from __future__ import annotations

from pathlib import Path

from browsing import PageAt, settled, shot


def test_a_first_visit_offers_the_demo(page_at: PageAt, tmp_path: Path) -> None:
    page = page_at(tmp_path / "workspace", "graph")
    page.get_by_role("button", name="Build the demo").wait_for()
    shot(page, "first-visit")


def test_the_experiment_stays_in_the_address(page_at: PageAt, demo_workspace: Path) -> None:
    page = page_at(demo_workspace, "graph?experiment=demo&node=item:item-001")
    page.get_by_role("link", name="Factors").first.click()
    settled(page)
    page.wait_for_url("**/factors?**")
    assert "node=item%3Aitem-001" in page.url or "node=item:item-001" in page.url


def test_the_first_screen_has_an_address_of_its_own(page_at: PageAt, tmp_path: Path) -> None:
    page = page_at(tmp_path / "workspace", "start")
    page.get_by_role("button", name="Build the demo").wait_for()
    assert page.get_by_text("Page not found").count() == 0
    assert page.get_by_test_id("stSidebarNav").get_by_role("link", name="Start").count() == 1
    shot(page, "start-by-name")
