"""A stranger trains ContextGNN on the page, and sees what is around somebody and what it gave."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import PageAt, settled, shot
from playwright.sync_api import expect

from app.cli.main import call
from app.pipeline.records import read_record
from app.results.results import Results
from benchmarks.browser import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)
LONG_MS = 240_000
"""Most that training may take here; no figure of its speed."""
ONLY = "train?name=around&train.epochs=1&backbone.mind=false&backbone.sasrec=false"


def test_from_training_to_the_reason(
    page_at: PageAt, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_at(workspace, f"{ONLY}&backbone.contextgnn=true")
    page.get_by_role("button", name="Train 1 recommender").click()
    page.locator(".stMarkdownBadge", has_text="finished").first.wait_for(timeout=LONG_MS)
    (cell,) = read_record("around", workspace).finished_cells()
    assert cell.backbone == "contextgnn"

    main = page.locator("[data-testid='stMain']")
    main.get_by_role("link", name="Demo", exact=True).click()
    why = page.get_by_role("button", name="Why?").first
    why.wait_for()
    settled(page)
    why.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("What is around")).to_be_visible()
    told = dialog.get_by_text(re.compile(r"” is near: \d+ ways? leads? to it from")).first
    expect(told).to_be_visible()
    expect(dialog.get_by_text("does not add up")).to_be_visible()
    expect(dialog.get_by_text(re.compile("Its score of .* is its pair score of"))).to_be_visible()
    picture = dialog.get_by_role("img", name=re.compile("→.*→.*→")).last
    expect(picture).to_be_visible()
    settled(page)
    shot(page, "demo-around")
    sentence = told.inner_text()

    narrow = page_at(workspace, page.url.rpartition("/")[2], 400, dark=True)
    expect(narrow.get_by_role("dialog").get_by_text(sentence)).to_be_visible()
    settled(narrow)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 400
    shot(narrow, "demo-around-narrow")

    case = Results(read_record("around", workspace)).showcase
    user = case.dataset.user_ids.external[case.typical()]
    words = ["--explain", "-k", "2", "--workspace", str(workspace)]
    call(["recommend", "around", "--user", user, *words])
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count("to it from") == 2 and "→" in printed and "does not add up" in printed
