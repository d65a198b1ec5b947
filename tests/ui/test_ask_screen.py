"""The screen Ask, on a recommender that is made by hand and on workspaces that lack one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_asks import make_asking
from opening import Open, asked, open_tables, press, sound, words

from app.pipeline.records import read_record
from app.results.asking import WHAT_WEIGHTS_ARE, asking_cells
from app.ui.shared.frame import plain


@pytest.fixture
def ask(screen: Open, demo_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the screen on the fake, in the place of a recommender of the demo."""
    monkeypatch.setattr(
        "app.ui.ask.screen.asking_cells", lambda record: record.finished_cells()[:1]
    )
    asking = make_asking()
    monkeypatch.setattr("app.ui.ask.screen.open_asking", lambda *_: asking)

    def opened(**parameters: str) -> Any:
        return screen("ask", demo_workspace, **parameters)

    return opened


def test_who_says_nothing_gets_what_the_own_past_says(ask: Open) -> None:
    page = ask(user="b")
    assert sound(page)
    said = words(page)
    assert "Bo says nothing, which is taken for ice" in said
    assert "Nothing is asked for" in said and "Watched 1 film" in said
    assert "1 of these 5 films has the meaning that was asked for." in said
    assert plain("It does not have this meaning.") in said and WHAT_WEIGHTS_ARE in said
    assert "autograph ask demo b --query 0-2 -k 8" in said


def test_words_are_taken_for_the_nearest_and_another_can_be_meant(ask: Open) -> None:
    page = ask(user="a", words="queen of the war")
    assert sound(page)
    said = words(page)
    assert "is taken for the meaning **war**" in said
    assert plain("‘war’ stands in 2 of its 2 descriptions.") in said
    assert "--for 'queen of the war'" in said
    page.segmented_control[0].set_value("0-1").run()
    assert asked(page, "taken") == "0-1" and sound(page)
    assert "Ada asks for bees, queen" in words(page) and "--query 0-1" in words(page)


def test_words_that_are_near_nothing_are_answered_with_nothing(ask: Open) -> None:
    page = ask(user="a", words="income <b>tax</b>")
    assert sound(page)
    said = words(page)
    assert "so nothing was taken for it" in said and "Ada" not in said
    assert "<b>" not in said.replace(plain("<b>"), "")


def test_typing_and_choosing_stand_in_the_address(ask: Open) -> None:
    page = ask(user="a")
    page.text_input(key="ask-words").set_value("bees").run()
    assert sound(page) and asked(page, "words") == "bees"
    page.selectbox(key="ask-list").set_value(2).run()
    assert asked(page, "ask") == "0-2" and asked(page, "words") is None
    assert "Ada asks for ice" in words(page)
    page = press(page, "Anybody")
    assert sound(page) and asked(page, "user") in {"a", "b", "c"}


def test_what_a_link_names_and_is_not_there_is_told(ask: Open) -> None:
    page = ask(user="zoe", ask="9-9")
    assert sound(page)
    assert "There is no user ‘zoe’" in words(page)
    assert plain("9-9") in words(page) and "says nothing" in words(page)


def test_all_that_was_read_stands_in_a_table(ask: Open) -> None:
    page = open_tables(ask(user="a", ask="0-1"), "region")
    (shown,) = [one.value for one in page.dataframe if "relevance" in one.value]
    assert shown["node"].to_list() == ["Hive", "Sea War", "Hive", "Queen", "Ada"]
    assert shown["weight"].to_list() == [0.5, 0.5, 0.5, 0.5, 1.0]


def test_two_questions_are_told_apart_and_counted(ask: Open) -> None:
    page = ask(user="a", ask="0-1", beside="0-2", view="Another question")
    assert sound(page)
    said = words(page)
    assert "Of the 4 neighbours read for the first, 3 are read for the second, too" in said.replace(
        "\\", ""
    )
    assert "here alone" not in said, "both lists hold all that this person has not had"
    page.selectbox(key="ask-beside").set_value(1).run()
    assert "The same question" in words(page)


@pytest.mark.parametrize(
    ("stays", "told"),
    [
        ("This person, other meanings", "rows are meanings"),
        ("This meaning, other people", "rows are people, the one in question first"),
    ],
)
def test_weights_of_one_side_that_stays(ask: Open, stays: str, told: str) -> None:
    page = ask(user="c", ask="0-1", view="Weights", stays=stays)
    assert sound(page)
    assert told in words(page) and "Each row sums to 1" in words(page)


def test_where_nobody_can_be_asked_the_command_says_how(
    screen: Open, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr("app.ui.ask.screen.run_once", lambda *given: started.append(given))
    page = screen("ask", own_workspace)
    assert sound(page) and not asking_cells(read_record("demo", own_workspace))
    said = words(page)
    assert "Nobody to ask" in said and "can be asked for something" in said
    sets = 'grid.backbones=["sasrec", "mind", "zoomer"]'
    assert f"--set '{sets}'" in said
    (button,) = [one for one in page.button if one.label.startswith("Add zoomer")]
    button.click().run()
    assert started[0][1] == (sets,)


def test_an_empty_workspace_begins_with_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("ask", empty_workspace)
    assert sound(page) and "Nothing here yet" in words(page)
