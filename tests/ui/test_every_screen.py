"""What holds for every screen, and what it takes to add one."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import streamlit as st
from opening import Open, sound

from app.pipeline.records import read_record
from app.results.results import Results
from app.ui import main
from app.ui.main import SECTIONS, Screen
from graph.explore.names import Names

PATHS = [screen.path for screens in SECTIONS.values() for screen in screens]


@pytest.mark.parametrize("path", PATHS)
def test_buttons_that_look_alike_say_what_each_is_for(
    screen: Open, demo_workspace: Path, path: str
) -> None:
    page = screen(path, demo_workspace)
    assert sound(page)
    alike = Counter((button.label, button.help) for button in page.button)
    assert [one for one, n in alike.items() if n > 1] == []


def test_the_graph_and_the_demo_call_a_person_alike(demo_workspace: Path) -> None:
    results = Results(read_record("demo", demo_workspace))
    names: Names = results.atlas.names
    people, ids = results.showcase.people, results.dataset.user_ids.external
    for number in (0, 17, len(ids) - 1):
        assert names.title(names.node("user", ids[number])) == people[number]


def test_a_screen_is_a_line_and_a_module_with_show(
    screen: Open, demo_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = ModuleType("app.ui.toy.screen")
    monkeypatch.setattr(toy, "show", lambda: st.title("A toy of a screen"), raising=False)
    monkeypatch.setitem(sys.modules, "app.ui.toy.screen", toy)
    sections = {**SECTIONS, "Toys": (Screen("toy", "Toy", ":material/toys:"),)}
    monkeypatch.setattr(main, "SECTIONS", sections)
    page = screen("toy", demo_workspace)
    assert sound(page) and page.title[0].value == "A toy of a screen"
