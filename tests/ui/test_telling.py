"""What goes wrong outside a screen is a sentence on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from opening import Open, press, sound, words

from app.ui.shared.experiment import experiments
from app.ui.shared.frame import plain
from app.ui.shared.telling import callback, fragment
from data.errors import ConfigError

FULL = "No job can be started in here: No space left."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(ConfigError(FULL), plain(FULL)), (OSError("secret"), "What you asked for failed")],
)
@pytest.mark.parametrize("drawn_by", [lambda draw: draw, fragment], ids=["screen", "fragment"])
def test_a_callback_that_fails_is_told_once_on_the_screen(
    screen: Open,
    empty_workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    sentence: str,
    drawn_by: Any,
) -> None:
    def act() -> None:
        raise error

    def show() -> None:
        st.button("Begin", on_click=callback(act))
        st.button("Look again")
        st.caption("All of the screen.")

    monkeypatch.setattr("app.ui.start.screen.show", drawn_by(show))
    page = press(screen("start", empty_workspace), "Begin")
    assert not page.exception and [e.value[: len(sentence)] for e in page.error] == [sentence]
    assert "All of the screen." in words(page) and "secret" not in words(page)
    assert sound(press(page, "Look again"))


def test_a_sidebar_that_fails_leaves_the_screen(
    screen: Open, empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ui.main.experiments", lambda: 1 / 0)
    page = screen("start", empty_workspace)
    assert not page.exception and "The sidebar failed" in page.error[0].value
    assert "Build the demo" in [button.label for button in page.button]


def test_a_run_that_vanishes_is_left_out(
    empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = empty_workspace / "runs"
    runs.mkdir(parents=True)
    (runs / "here.json").touch()
    (runs / "gone.json").symlink_to(runs / "nowhere")
    monkeypatch.setenv("AUTOGRAPH_WORKSPACE", str(empty_workspace))
    assert experiments() == ["here"]
