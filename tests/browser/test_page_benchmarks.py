"""The benchmarks of the page run to their last line, each with one visit."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import pytest
from playwright.sync_api import Browser


@pytest.mark.parametrize(
    ("name", "words", "last"),
    [("page", ("--what-if",), "What if"), ("graph_view", (), "1,000 nodes")],
)
def test_a_benchmark_of_the_page(
    name: str,
    words: tuple[str, ...],
    last: str,
    browser: Browser,
    demo_workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = import_module(f"benchmarks.{name}")
    monkeypatch.setattr(module, "chromium", lambda: nullcontext(browser))
    about = ["--workspace", str(demo_workspace), "--experiment", "demo", "--times", "1"]
    monkeypatch.setattr(sys, "argv", [name, *about, *words])
    module.main()
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith(last)
