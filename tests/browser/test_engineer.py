"""The engineer's part in a real browser: train a small grid, whatever happens on the way."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browsing import PageAt, settled, shot
from playwright.sync_api import Page

from app.jobs.events import read_story
from app.jobs.state import list_jobs
from app.pipeline.records import read_record

LONG_MS = 240_000
"""Most that training may take here; no figure of its speed."""
GRID = "train?name=small&train.epochs=8&backbone.mind=false"


def badge(page: Page, state: str, timeout: float | None = None) -> None:
    """Waits until a job is shown in this state."""
    page.locator(".stMarkdownBadge", has_text=state).first.wait_for(timeout=timeout)


def worker(workspace: Path) -> int:
    """The process of the only job."""
    (job,) = list_jobs(workspace)
    pid = read_story(job.folder, job.attempt).pid
    assert pid is not None
    return pid


@contextmanager
def still(leader: int) -> Iterator[None]:
    """A job and its children do nothing meanwhile: a slow browser must not miss them."""
    os.killpg(leader, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(leader, signal.SIGCONT)


def test_a_grid_survives_all_that_may_happen(page_at: PageAt, workspace: Path) -> None:
    page = page_at(workspace, GRID)
    page.get_by_role("button", name="Train 2 recommenders").click()
    badge(page, "running")
    page.locator("[data-testid='stMain'] canvas").first.wait_for()
    shot(page, "train-running")
    with still(worker(workspace)):
        page.reload()
        badge(page, "running")
        page.wait_for_url(re.compile(r"train\.epochs=8"), wait_until="commit")
        page.get_by_role("link", name="Jobs", exact=True).click()
        page.get_by_role("button", name="Cancel").click()
        badge(page, "stopping")
    badge(page, "stopped")

    other = page_at(workspace, "jobs")
    badge(other, "stopped")
    other.get_by_role("button", name="Continue").click()
    badge(other, "running")
    os.kill(worker(workspace), signal.SIGKILL)
    badge(other, "crashed")
    other.get_by_text("Its process ended without a word").wait_for()
    shot(other, "jobs-crashed")

    other.get_by_role("button", name="Continue").click()
    badge(other, "finished", LONG_MS)
    assert list_jobs(workspace)[0].attempt == 3
    assert len(read_record("small", workspace).finished_cells()) == 2

    last = page_at(workspace, f"{GRID}&experiment=small")
    last.get_by_text("All of it is finished.").wait_for()
    shot(last, "train-finished")


def test_what_is_wrong_is_said_before_anything_starts(page_at: PageAt, workspace: Path) -> None:
    page = page_at(workspace, f"{GRID}&train.patience=0")
    page.get_by_text("A setting has to be mended before this can run.").wait_for()
    assert page.get_by_role("button", name="Train").count() == 0
    page.get_by_role("tab", name="Training").click()
    settled(page)
    patience = page.get_by_role("spinbutton", name="Patience")
    patience.fill("2")
    patience.press("Enter")
    page.get_by_role("button", name="Train 2 recommenders").wait_for()
    settled(page)
    page.wait_for_url(re.compile(r"train\.patience=2"), wait_until="commit")
    assert list_jobs(workspace) == []
