"""The first look on the screen Train, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_jobs import RUNNING, alive, make_job
from opening import Open, words

from app.experiment.settings import Experiment
from app.pipeline.estimate import Estimate, Part
from app.pipeline.records import keep_record, read_record
from data.settings import DataConfig

RUN, ASK = "quick-run", "quick-ask"
LOOK = ("run", "--dry-run", "demo", "--quick")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the card would have started."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "app.ui.shared.jobs.start_experiment",
        lambda _workspace, path, sets, **how: found.append((path, sets, how)),
    )
    monkeypatch.setattr(
        "app.ui.shared.jobs.start",
        lambda _workspace, kind, words, _title: found.append((kind, words)),
    )
    return found


def expect(workspace: Path, data: DataConfig | None = None, took: float | None = None) -> None:
    """Keeps an estimate of the demo."""
    known = (data or Experiment().data).model_dump_json()
    parts = (Part("texts", 60.0, 60.0), Part("SASRec", 60.0, 120.0))
    Estimate(parts, known, took).save(workspace, "demo-quick")


def test_it_stands_first_and_starts_as_any_other_run(
    screen: Open, empty_workspace: Path, started: list[tuple[Any, ...]]
) -> None:
    page = screen("train", empty_workspace)
    assert not page.exception and not page.error
    assert page.subheader[0].value == "Quick look (minutes)"
    assert any("autograph run demo --quick" in one.value for one in page.code)
    page.button(key=RUN).click().run()
    page.button(key=ASK).click().run()
    assert started == [("demo", (), {"quick": True}), ("look", LOOK)]


def test_changes_of_the_data_go_along_and_others_stay_with_the_form(
    screen: Open, empty_workspace: Path, started: list[tuple[Any, ...]]
) -> None:
    where = {"data.min_history": "7", "train.epochs": "9", "name": "mine"}
    page = screen("train", empty_workspace, **where)
    page.button(key=RUN).click().run()
    (path, sets, how), *_ = started
    assert (path, how) == ("demo", {"quick": True})
    assert set(sets) == {"data.min_history=7", 'name="mine"'}


def test_the_estimate_of_these_data_shows_and_no_other(screen: Open, empty_workspace: Path) -> None:
    expect(empty_workspace)
    assert "About 2\\.0 min" in words(screen("train", empty_workspace))
    expect(empty_workspace, DataConfig(min_history=9))
    assert "About 2" not in words(screen("train", empty_workspace))


def test_what_it_found_stands_beside_what_it_took(screen: Open, own_workspace: Path) -> None:
    of = read_record("demo", own_workspace)
    named = of.experiment.model_copy(update={"name": "demo-quick"})
    keep_record(named, own_workspace, of.keys, of.cells)
    expect(own_workspace, of.experiment.data, took=150.0)
    page = screen("train", own_workspace, **{"from": "demo"})
    assert not page.exception and not page.error
    assert any("on these data" in one.value for one in page.info)
    assert "It took 2\\.5 min; the estimate was 2\\.0 min" in words(page)


def test_a_job_at_work_is_shown_in_place_of_the_buttons(
    screen: Open, empty_workspace: Path
) -> None:
    folder = make_job(empty_workspace, 1, RUNNING, experiment="demo-quick")
    with alive(folder):
        page = screen("train", empty_workspace)
    assert RUN not in {one.key for one in page.button}
    assert any("A job is at work on it" in one.value for one in page.info)


def test_a_failed_estimate_says_why(screen: Open, empty_workspace: Path) -> None:
    end = {"event": "ended", "state": "failed", "error": "No user has two training interactions."}
    ticket = {"kind": "look", "words": list(LOOK), "experiment": ""}
    make_job(empty_workspace, 1, (*RUNNING[:2], end), **ticket)
    page = screen("train", empty_workspace)
    assert any("No user has two" in one.value for one in page.error)
    assert page.button(key=RUN)
