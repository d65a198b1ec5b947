"""The analyst's part in a real browser: write a prompt, see it, save it, compare it, try it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import PageAt, settled, shot, write
from playwright.sync_api import Locator, Page, expect

from app.pipeline.own_texts import overrides_of
from app.pipeline.records import read_record
from benchmarks.browser import PATIENCE_MS
from benchmarks.endpoint import Answer, Call, Endpoint
from prompts.library import Library
from prompts.template import own_templates

expect.set_options(timeout=PATIENCE_MS)
MAIN = "[data-testid='stMain']"
JOB_MS = 120_000
"""Most that a job of six calls may take here; no figure of its speed."""


def describe(call: Call) -> Answer:
    """A text about the title that was sent, other words for another instruction."""
    asked = call.body["messages"][-1]["content"] if call.body.get("messages") else ""
    title = next((line[7:] for line in asked.splitlines() if line.startswith("Title: ")), "?")
    how = (
        "a brief film" if "Be brief." in asked else "a film that takes its time and has much to say"
    )
    return Answer(f"{title} is {how}, made for people who like stories that are told with care.")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(describe) as running:
        yield running


def says(page: Page, text: str, timeout: float | None = None) -> None:
    """Waits until a text is on the screen."""
    page.locator(MAIN).get_by_text(text).first.wait_for(timeout=timeout)


def add(page: Page, text: str) -> Locator:
    """The editor, after somebody typed a text at its end once it was drawn."""
    settled(page)
    area = page.locator(".editor textarea")
    area.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)
    return area


def test_from_the_first_word_to_the_answers(
    page_at: PageAt, workspace: Path, endpoint: Endpoint
) -> None:
    page = page_at(workspace, "prompts?node=item:film-003")
    says(page, "Title: The Brief Cutlass")

    area = add(page, "\nName it {{ titel }}.")
    expect(page.locator(".editor .unknown")).to_have_text("titel")
    says(page, "Did you mean")
    shot(page, "prompts-unknown")
    page.get_by_role("button", name="Replace it").click()
    expect(area).to_have_value(re.compile(r"Name it \{\{ title \}\}\.$"))
    says(page, "Name it The Brief Cutlass.")

    page.reload()
    settled(page)
    says(page, "Name it The Brief Cutlass.")
    page.get_by_role("button", name="Save as mine").click()
    write(page, "Name", "short")
    write(page, "Note", "It names the film.")
    page.get_by_role("button", name="Save", exact=True).click()
    says(page, "Saved short, version 1.")
    expect(page.get_by_text("It becomes version")).to_have_count(0)

    add(page, " Be brief.")
    page.get_by_role("button", name="Save version").click()
    page.get_by_role("button", name="Save", exact=True).click()
    says(page, "Saved short, version 2.")
    library = Library(own_templates(workspace))
    assert [entry.template.note for entry in library.history("short")] == [
        "It names the film.",
        "Changed from version 1.",
    ]

    page.get_by_role("tab", name="Versions").click()
    expect(page.locator("ins")).to_contain_text("Be brief.")
    shot(page, "prompts-versions")

    page.get_by_role("tab", name="Side by side").click()
    page.get_by_role("radio", name="An endpoint").click()
    for name, value in (("Address", endpoint.url), ("Model", "small-model")):
        write(page, name, value)
    page.get_by_role("button", name="Try it: ask small-model 6 times").click()
    says(page, "is a brief film", JOB_MS)
    says(page, "takes its time", JOB_MS)
    page.get_by_role("button", name="Everything is answered").wait_for(timeout=JOB_MS)
    assert len(endpoint.calls) == 6, "nobody is asked twice"
    page.locator(MAIN).get_by_text("Mark differences").click()
    expect(page.locator("ins").first).to_contain_text("brief")
    shot(page, "prompts-side-by-side")

    page.get_by_role("tab", name="Cost").click()
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator("[data-testid='stMetricValue']").first).to_have_text("528")
    shot(page, "prompts-cost")


def test_a_text_is_corrected_by_hand_and_taken_back(page_at: PageAt, workspace: Path) -> None:
    page = page_at(workspace, "knowledge?find=cutlass&node=item:film-003")
    page.locator(MAIN).get_by_text("Text by hand").click()
    write(page, "Text", "A story of the sea.")
    write(page, "Why", "It said nothing.")
    page.get_by_role("button", name="Keep this text").click()
    says(page, "1 change by hand")
    shot(page, "knowledge-by-hand")
    log = overrides_of(read_record("demo", workspace).experiment, "item", workspace)
    assert log.texts() == {"film-003": "A story of the sea."}
    page.reload()
    settled(page)
    says(page, "1 change by hand")
    page.locator(MAIN).get_by_text("Text by hand").click()
    page.get_by_role("button", name="Back to the model's").click()
    expect(page.locator(MAIN).get_by_text("1 change by hand")).to_have_count(0)
    assert log.texts() == {}


@pytest.mark.parametrize(
    "path", ["prompts", "prompts?tab=Cost", "knowledge", "knowledge?part=Checks"]
)
def test_it_can_be_seen_in_the_dark_and_on_a_wide_screen(
    path: str, page_at: PageAt, demo_workspace: Path
) -> None:
    page = page_at(demo_workspace, path, width=1920, dark=True)
    expect(page.locator(f"{MAIN} h1")).to_be_visible()
    too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(too_wide)
    shot(page, f"dark-{path.replace('?', '-')}")
