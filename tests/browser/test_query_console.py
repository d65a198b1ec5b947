"""The Query screen in a real browser: typed, suggested, asked, stopped, opened in the Graph."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from browsing import PageAt, settled
from playwright.sync_api import expect

SLOW = (
    "UNWIND range(1,9000) AS a UNWIND range(1,9000) AS b UNWIND range(1,900) AS c "
    "RETURN sum(a * b * c % 7)"
)


def test_a_query_is_written_with_suggestions_and_its_answer_opened_in_the_graph(
    page_at: PageAt, demo_workspace: Path
) -> None:
    page = page_at(demo_workspace, "query")
    box = page.get_by_label("Query", exact=True)
    box.fill("user:4 > it")
    box.press("Control+Enter")
    page.get_by_role("radio", name="em", exact=True).click()
    expect(box).to_have_value("user:4 > item")
    settled(page)
    page.get_by_role("button", name="Ask").click()
    page.wait_for_url("**query=user**")
    expect(page.get_by_text("from 4 starts to")).to_be_visible()
    page.get_by_role("tab", name="Picture").click()
    page.wait_for_selector("[data-testid=stEChartsChart] canvas")
    page.get_by_role("link", name="Open in Graph").click()
    page.wait_for_url("**/graph?**view=su0.u1.u2.u3**")
    expect(page.get_by_text("nodes show")).to_be_visible()


def test_a_slow_question_is_stopped_and_the_text_stays(page_at: PageAt, workspace: Path) -> None:
    pytest.importorskip("ladybug")
    page = page_at(workspace, f"query?language=Cypher&query={quote(SLOW)}")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.get_by_label("Query", exact=True)).to_have_value(SLOW)
