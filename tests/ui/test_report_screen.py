"""The Report screen without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from opening import Open


def test_the_report_is_shown_and_can_be_downloaded(screen: Open, demo_workspace: Path) -> None:
    page = screen("report", demo_workspace)
    assert not page.exception and not page.error
    (frame,) = page.get("iframe")
    html = frame.proto.srcdoc
    assert html.startswith("<!doctype html>") and "How good it is" in html
    (download,) = page.get("download_button")
    assert download.proto.label == "Download"
    assert "autograph report demo --to demo.html" in page.code[0].value


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_preview_is_as_dark_as_the_page(
    screen: Open, demo_workspace: Path, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    monkeypatch.setattr("app.ui.report.screen.theme", lambda: theme)
    page = screen("report", demo_workspace)
    (frame,) = page.get("iframe")
    assert f'<html lang="en" data-theme="{theme}">' in frame.proto.srcdoc


def test_an_empty_workspace_offers_to_build_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("report", empty_workspace)
    assert not page.exception and "Build the demo" in [b.label for b in page.button]


def test_a_damaged_result_gets_a_sentence(screen: Open, own_workspace: Path) -> None:
    for path in (own_workspace / "artifacts" / "evaluate").glob("*/per_user.parquet"):
        path.write_bytes(b"PAR1")
    page = screen("report", own_workspace)
    assert not page.exception and "is damaged" in page.error[0].value


def test_an_unfinished_run_says_what_is_missing(screen: Open, own_workspace: Path) -> None:
    for path in (own_workspace / "artifacts" / "evaluate").glob("*/manifest.json"):
        path.unlink()
    page = screen("report", own_workspace)
    assert not page.exception and "Not finished yet" in [s.value for s in page.subheader]
