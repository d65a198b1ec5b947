"""The frame in a real browser: menu, first visit, links that last."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from browsing import PageAt, settled, shot
from playwright.sync_api import expect


def test_a_first_visit_offers_the_demo(page_at: PageAt, tmp_path: Path) -> None:
    page = page_at(tmp_path / "workspace", "graph")
    page.get_by_role("button", name="Build the demo").wait_for()
    shot(page, "first-visit")


def test_the_experiment_stays_in_the_address(page_at: PageAt, demo_workspace: Path) -> None:
    page = page_at(demo_workspace, "graph?experiment=demo&node=item:film-001")
    page.get_by_role("link", name="Factors").first.click()
    settled(page)
    page.wait_for_url(re.compile(r"/factors\?(?=.*experiment=demo).*node=item(:|%3A)film-001"))


def test_every_way_to_another_experiment_stands_in_the_address(
    page_at: PageAt, workspace: Path
) -> None:
    runs = workspace / "runs"
    content = json.loads((runs / "demo.json").read_text())
    content["experiment"]["name"] = "other"
    (runs / "other.json").write_text(json.dumps(content))
    os.utime(runs / "other.json", (1, 1))
    page = page_at(workspace, "train")
    page.wait_for_url("**experiment=demo**")
    chosen = page.get_by_test_id("stSidebar").get_by_role("combobox")

    page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option", name="other").click()
    page.wait_for_url("**experiment=other**")
    page.go_back()
    page.wait_for_url("**experiment=demo**")
    expect(chosen).to_have_value("demo")
    page.go_forward()
    expect(chosen).to_have_value("other")
    settled(page)
    page.get_by_test_id("stMain").get_by_role("link", name="Compare").click()
    page.wait_for_url("**/compare?experiment=demo**")
    expect(chosen).to_have_value("demo")


def test_the_first_screen_has_an_address_of_its_own(page_at: PageAt, tmp_path: Path) -> None:
    page = page_at(tmp_path / "workspace", "start")
    page.get_by_role("button", name="Build the demo").wait_for()
    assert page.get_by_text("Page not found").count() == 0
    assert page.get_by_test_id("stSidebarNav").get_by_role("link", name="Start").count() == 1
    shot(page, "start-by-name")
