"""The screen Jobs without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_jobs import FAILED, FINISHED, RUNNING, alive, make_job
from opening import Open
from streamlit.testing.v1 import AppTest


def texts(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.error, *page.code]
    return "\n".join(str(one.value) for one in shown)


def bars(page: AppTest) -> list[tuple[int, str]]:
    return [(bar.proto.value, bar.proto.text) for bar in page.get("progress")]


def buttons(page: AppTest) -> set[str]:
    return {button.label for button in page.button}


def test_without_jobs_the_screen_says_where_they_come_from(
    screen: Open, empty_workspace: Path
) -> None:
    page = screen("jobs", empty_workspace)
    assert not page.exception
    assert "No jobs yet" in texts(page)


def test_a_running_job_shows_its_bars_and_can_be_cancelled(
    screen: Open, empty_workspace: Path
) -> None:
    folder = make_job(empty_workspace, 1, RUNNING, title="Run demo")
    with alive(folder):
        page = screen("jobs", empty_workspace)
        assert not page.exception
        (whole, step) = bars(page)
        assert whole == (50, "1 of 2 steps")
        assert step[0] == 33
        assert "3 of 9 epochs · 1 a second · 6\\.0 s left" in step[1]
        assert buttons(page) == {"Cancel"}
        page.button(key=f"stop-{folder.name}").click().run()
        assert (folder / "stop").exists()
        assert page.button(key=f"stop-{folder.name}").disabled


def test_a_queued_job_says_what_it_waits_for(screen: Open, empty_workspace: Path) -> None:
    first = make_job(empty_workspace, 1, RUNNING, title="The *first*")
    second = make_job(empty_workspace, 2, [{"event": "waiting", "pid": 2}], title="second")
    with alive(first), alive(second):
        page = screen("jobs", empty_workspace)
    assert "waits until The \\*first\\* has ended" in texts(page)


def test_a_crashed_job_shows_its_last_words_and_goes_on(
    screen: Open, empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "\n".join(f"line {n}" for n in range(100))
    folder = make_job(empty_workspace, 1, RUNNING, title="Run demo", log=lines)
    page = screen("jobs", empty_workspace)
    assert not page.exception
    assert "Its process ended without a word" in texts(page)
    tail = next(one.value for one in page.code if "line 99" in one.value)
    assert tail.splitlines()[0] == "line 88"
    asked: list[str] = []
    monkeypatch.setattr("app.ui.jobs.screen.resume", lambda job: asked.append(job.id))
    page.button(key=f"continue-{folder.name}").click().run()
    assert asked == [folder.name]


def test_a_failed_job_says_why_and_markup_stays_text(screen: Open, empty_workspace: Path) -> None:
    make_job(empty_workspace, 1, FAILED, title="<script>*x*</script>")
    page = screen("jobs", empty_workspace)
    assert [error.value for error in page.error] == ["No \\*column\\* \\<b\\>y\\</b\\>\\."]
    assert any("\\<script\\>\\*x\\*" in one.value for one in page.markdown)


def test_a_finished_job_leads_to_its_results_and_can_be_forgotten(
    screen: Open, empty_workspace: Path
) -> None:
    folder = make_job(empty_workspace, 1, FINISHED)
    page = screen("jobs", empty_workspace)
    assert buttons(page) == {"Forget it for good"}, "it asks before"
    assert [one.proto.popover.label for one in page.get("popover")] == ["Forget"]
    assert folder.exists()
    page.button(key=f"forget-{folder.name}").click().run()
    assert not folder.exists()
    assert "No jobs yet" in texts(page)


def test_a_damaged_job_does_not_hide_the_others(screen: Open, empty_workspace: Path) -> None:
    make_job(empty_workspace, 1, FINISHED, title="sound")
    broken = make_job(empty_workspace, 2, FINISHED)
    (broken / "job.json").write_text("{")
    page = screen("jobs", empty_workspace)
    assert not page.exception
    assert "sound" in texts(page)
    assert "is damaged" in page.error[0].value
    page.button(key=f"forget-{broken.name}").click().run()
    assert not broken.exists()


def test_running_jobs_come_first_and_old_ones_are_folded_away(
    screen: Open, empty_workspace: Path
) -> None:
    folders = [make_job(empty_workspace, n, FINISHED, title=f"job {n}") for n in range(20)]
    running = make_job(empty_workspace, 20, RUNNING, title="at work", created=1.0)
    with alive(running):
        page = screen("jobs", empty_workspace)
        titles = [one.value for one in page.markdown if one.value.startswith("**")]
        assert titles[0] == "**at work**"
        assert len(titles) == 15
        page.toggle(key="all-jobs").set_value(True).run()
        titles = [one.value for one in page.markdown if one.value.startswith("**")]
    assert len(titles) == len(folders) + 1


def test_steps_and_log_are_opened_on_demand(screen: Open, empty_workspace: Path) -> None:
    folder = make_job(empty_workspace, 1, FINISHED, log="the log")
    page = screen("jobs", empty_workspace)
    assert not page.dataframe
    state: Any = page.session_state
    state[f"steps-{folder.name}"] = True
    state[f"log-{folder.name}"] = True
    page.run()
    assert not page.exception
    assert page.dataframe[0].value["step"].to_list()[0] == "reading data"
    assert any(one.value == "autograph run demo" for one in page.code)
    assert any(one.value == "the log" for one in page.code)
