"""Links name all that they show; what they name and is not there is said to be missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from opening import Open, asked, words

from app.ui.shared.frame import plain


def another(workspace: Path, name: str) -> None:
    """The demo once more under another name, run long ago."""
    runs = workspace / "runs"
    content = json.loads((runs / "demo.json").read_text())
    content["experiment"]["name"] = name
    (runs / f"{name}.json").write_text(json.dumps(content))
    os.utime(runs / f"{name}.json", (1, 1))


@pytest.mark.parametrize("screen_name", ["start", "data", "graph", "compare"])
def test_the_experiment_of_the_moment_stands_in_the_address(
    screen: Open, own_workspace: Path, screen_name: str
) -> None:
    another(own_workspace, "older")
    page = screen(screen_name, own_workspace)
    assert asked(page, "experiment") == "demo"
    assert asked(screen(screen_name, own_workspace, experiment="older"), "experiment") == "older"


def test_a_link_lasts_when_another_experiment_is_the_latest(
    screen: Open, own_workspace: Path
) -> None:
    link = asked(screen("start", own_workspace), "experiment")
    another(own_workspace, "later")
    os.utime(own_workspace / "runs" / "demo.json", (0, 0))
    assert asked(screen("start", own_workspace), "experiment") == "later"
    assert "**demo**" in words(screen("start", own_workspace, experiment=link))


def test_what_is_best_or_in_use_at_the_moment_stands_in_the_address(
    screen: Open, own_workspace: Path
) -> None:
    page = screen("prompts", own_workspace)
    assert asked(page, "template") and asked(page, "side") == "item"
    page = screen("demo", own_workspace)
    sides = [asked(page, side) for side in ("left", "right")]
    assert all(sides) and sides[0] != sides[1]


@pytest.mark.parametrize(
    ("screen_name", "parameter", "what"),
    [
        ("start", "experiment", "experiment"),
        ("demo", "user", "user"),
        ("demo", "persona", "saved person"),
        ("demo", "added", "film"),
        ("demo", "why", "film"),
        ("demo", "left", "recommender"),
        ("compare", "against", "recommender"),
        ("compare", "experiments", "experiment with results"),
        ("train", "from", "experiment"),
        ("prompts", "template", "template"),
        ("prompts", "side", "side"),
        ("metapaths", "to", "node"),
    ],
)
def test_what_a_link_names_and_is_not_there_is_said(
    screen: Open, demo_workspace: Path, screen_name: str, parameter: str, what: str
) -> None:
    page = screen(screen_name, demo_workspace, **{parameter: "<b>nobody"})
    assert not page.exception
    assert f"There is no {what} ‘{plain('<b>nobody')}’" in words(page)
    assert "<b>nobody" not in words(page)


@pytest.mark.parametrize(
    ("node", "what"),
    [
        ("user:nobody", "user"),
        ("item:nothing", "item"),
        ("user_factor:9-1", "user factor"),
        ("film:3", "node"),
    ],
)
@pytest.mark.parametrize("screen_name", ["demo", "graph", "factors", "metapaths", "knowledge"])
def test_a_node_that_is_not_there_is_said_on_every_screen(
    screen: Open, demo_workspace: Path, screen_name: str, node: str, what: str
) -> None:
    page = screen(screen_name, demo_workspace, node=node)
    assert not page.exception and f"There is no {what} ‘" in words(page)
    assert asked(page, "node") is None


def test_what_is_there_is_not_said_to_be_missing(screen: Open, demo_workspace: Path) -> None:
    page = screen("demo", demo_workspace)
    user = "user-003"
    for parameters in ({"user": user}, {"node": f"user:{user}"}, {"node": "item_factor:0-1"}):
        page = screen("demo", demo_workspace, experiment="demo", **parameters)
        assert "There is no" not in words(page)
