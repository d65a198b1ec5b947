"""Long work is started once, however often and from wherever somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_jobs import RUNNING, alive, make_job
from opening import Open, sound, words

from app.ui.shared.jobs import at_work, run_once, start_once

WORDS = ("prompts", "try", "demo")


@pytest.fixture
def here(empty_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in which nothing can be started."""
    monkeypatch.setenv("AUTOGRAPH_WORKSPACE", str(empty_workspace))
    monkeypatch.setattr("app.ui.shared.jobs.start", None)
    monkeypatch.setattr("app.ui.shared.jobs.start_experiment", None)
    return empty_workspace


def test_who_asks_again_gets_the_job_at_work(here: Path) -> None:
    folder = make_job(here, 1, RUNNING, kind="try", words=WORDS)
    assert at_work("try", WORDS) is None
    with alive(folder):
        assert start_once("try", WORDS, "Try it").id == folder.name
        assert at_work("try", (*WORDS, "more")) is None


def test_a_run_is_the_same_with_the_same_words_alone(here: Path) -> None:
    make_job(here, 1, RUNNING)
    with alive(make_job(here, 2, RUNNING, words=["run", "demo", "--set", "seed=1"])):
        assert run_once("demo", ("seed=1",)).title == "a job"
        with pytest.raises(TypeError):
            run_once("demo")


@pytest.mark.parametrize("path", ["factors", "prompts"])
def test_a_screen_leads_to_the_job_at_work(screen: Open, here: Path, path: str) -> None:
    assert "Build the demo" in [button.label for button in screen(path, here).button]
    with alive(make_job(here, 1, RUNNING)):
        page = screen(path, here)
    assert sound(page) and "A job is at work on it (running)." in words(page)
    assert "Build the demo" not in [button.label for button in page.button]
