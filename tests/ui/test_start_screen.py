"""The first screen, on workspaces of all kinds."""

from __future__ import annotations

import shutil
from pathlib import Path

from made_jobs import FAILED, FINISHED, make_job
from opening import Open, words


def test_a_first_visit_offers_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("start", empty_workspace)
    assert not page.exception
    assert [button.label for button in page.button] == ["Build the demo"]


def test_the_chosen_experiment_is_told_in_figures(screen: Open, demo_workspace: Path) -> None:
    page = screen("start", demo_workspace)
    assert not page.exception and not page.error
    figures = {metric.label: metric.value for metric in page.metric}
    assert figures["Recommenders"] == "4"
    assert figures["Users"] == "400"


def test_an_unfinished_experiment_says_so(screen: Open, own_workspace: Path) -> None:
    shutil.rmtree(own_workspace / "artifacts" / "dataset")
    page = screen("start", own_workspace)
    assert not page.exception and not page.error
    assert "Not finished yet" in words(page)
    assert "Run it now" in [button.label for button in page.button]


def test_a_run_that_failed_says_why_where_it_can_be_begun_again(
    screen: Open, own_workspace: Path
) -> None:
    shutil.rmtree(own_workspace / "artifacts" / "dataset")
    make_job(own_workspace, 1, FAILED)
    for name in ("start", "graph", "demo"):
        page = screen(name, own_workspace)
        told = [one.value for one in page.error]
        assert len(told) == 1 and "The last run failed. No *column*" in told[0].replace("\\", "")
        assert "Run it now" in [button.label for button in page.button]
    make_job(own_workspace, 2, FINISHED)
    assert not screen("start", own_workspace).error


def test_a_broken_record_gets_its_sentence(screen: Open, own_workspace: Path) -> None:
    (own_workspace / "runs" / "demo.json").write_text("{")
    page = screen("start", own_workspace)
    assert not page.exception
    assert len(page.error) == 1
