"""The stakeholder's part in a real browser: somebody, why, what if, something new, the report."""

from __future__ import annotations

import re
from pathlib import Path

from browsing import PageAt, downloaded, settled, shot, write
from playwright.sync_api import Page, expect

from app.pipeline.records import read_record
from app.results.results import Results
from benchmarks.browser import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)


def listed(page: Page) -> list[str]:
    """What stands at each rank of both lists, without the badges beside it."""
    bold = page.locator("[data-testid='stMain'] strong").all_inner_texts()
    return [bold[at + 1] for at, text in enumerate(bold[:-1]) if re.fullmatch(r"[1-6]", text)]


def test_from_a_person_to_the_report(page_at: PageAt, demo_workspace: Path) -> None:
    case = Results(read_record("demo", demo_workspace)).showcase
    page = page_at(demo_workspace, "demo")
    person = case.people[20]

    page.get_by_label("Find a person").first.fill(person)
    hit = page.get_by_role("button", name=re.compile(rf"^{re.escape(person)}")).first
    hit.wait_for()
    expect(page.get_by_text("so far")).to_have_count(0)
    hit.click()
    expect(page.get_by_role("heading", name=person)).to_be_visible()
    expect(page).to_have_url(re.compile("user=" + case.dataset.user_ids.external[20]))
    settled(page)
    before = listed(page)
    assert len(before) == 12
    shot(page, "demo-person")

    way = page.get_by_text(re.compile("descriptions.* mention")).first
    title = way.locator("xpath=preceding::strong[1]").inner_text()
    way.locator("xpath=following::button[1]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(title, exact=True).first).to_be_visible()
    expect(dialog.locator("canvas").first).to_be_visible()
    expect(dialog.get_by_text(re.compile("From the description of")).first).to_be_visible()
    settled(page)
    shot(page, "demo-why")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).not_to_have_url(re.compile("why="))

    page.locator("[class*='st-key-out-'] button").first.click()
    undo = page.get_by_role("button", name="Undo all changes")
    expect(undo).to_be_visible()
    settled(page)
    changed = listed(page)
    assert changed != before
    shot(page, "demo-what-if")
    page.reload()
    settled(page)
    assert listed(page) == changed, "a link shows the same"
    undo.click()
    expect(undo).to_be_hidden()
    settled(page)
    assert listed(page) == before

    page.get_by_role("tab", name="A new film").click()
    about = "A captain steers an icebreaker through frozen seas; fog, a lost convoy, and a storm."
    write(page, "Title", "The Ice Road")
    write(page, "What it is about", about)
    page.get_by_role("button", name="Who would be shown it?").click()
    expect(page.get_by_text("Groups it joins in the graph")).to_be_visible()
    expect(page.get_by_text("people have it in their first 10").first).to_be_visible()
    settled(page)
    shot(page, "demo-new-item")
    assert not (demo_workspace / "new_items").exists(), "nothing is saved unasked"

    page.get_by_role("link", name="Report").click()
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    settled(page)
    shot(page, "report")
    saved = downloaded(page, page.get_by_role("button", name="Download"))
    html = Path(saved.path()).read_text()
    assert saved.suggested_filename == "demo.html"
    assert page.context.browser is not None
    mailed = page.context.browser.new_page()
    mailed.set_content(html)
    expect(mailed.get_by_role("heading", name="How good it is")).to_be_visible()
    mailed.close()


def test_on_a_projector(page_at: PageAt, demo_workspace: Path) -> None:
    page = page_at(demo_workspace, "demo", 1920)
    page.get_by_role("button", name="Projector").click()
    expect(page.get_by_role("button", name="Leave")).to_be_visible()
    settled(page)
    assert page.get_by_role("link", name="Graph").count() == 0, "nothing stands beside"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1920
    shot(page, "demo-projector")
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("link", name="Graph")).to_be_visible()
