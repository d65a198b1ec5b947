"""The screen Ask, on a recommender that is made by hand and on workspaces that lack one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from fake_asks import make_asking
from opening import Open, asked, open_tables, press, sound, words
from streamlit.runtime.state.query_params import QueryParams
from typer.testing import CliRunner

from app.cli.main import app
from app.pipeline.records import read_record
from app.results.asking import WHAT_WEIGHTS_ARE, asking_cells, open_asking
from app.results.results import Results
from app.ui.ask.state import LETTERS
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
    assert "Bo as if asking for ice" in said
    assert "Nothing is asked for" in said and "Watched 1 film" in said
    assert "1 of these 5 films has the meaning that was asked for." in said
    assert "lacks it" in said and "badge[has it]" in said and WHAT_WEIGHTS_ARE in said
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


def test_what_a_visitor_does_is_one_step_of_the_way_back(
    ask: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, written = ask(user="a", words="queen", taken="0-0"), list[str]()
    known = {name: (asked(page, name) or "") for name in ("experiment", "view")}
    send = QueryParams._send_query_param_msg

    def sent(self: QueryParams) -> None:
        written.append(str(self))
        send(self)

    monkeypatch.setattr(QueryParams, "_send_query_param_msg", sent)
    page.selectbox(key="ask-list").set_value(2).run()
    assert len(written) == 1 and asked(page, "ask") == "0-2" and asked(page, "words") is None
    page.text_input(key="ask-words").set_value("bees").run()
    assert len(written) == 2 and asked(page, "words") == "bees" and asked(page, "ask") is None
    press(page, "Anybody")
    assert "'user'" in written[2] and "'node'" in written[2], "both at once"
    assert known == {name: (asked(page, name) or "") for name in known}


def test_what_a_visitor_does_leaves_the_view_as_it_is(ask: Open) -> None:
    page = ask(user="a", words="queen", taken="0-0", view="Weights")
    page.selectbox(key="ask-list").set_value(2).run()
    assert sound(page)
    assert (asked(page, "view"), asked(page, "ask"), asked(page, "words")) == (
        "Weights",
        "0-2",
        None,
    )


def test_what_a_link_names_and_is_not_there_is_told(ask: Open) -> None:
    page = ask(user="zoe", ask="9-9")
    assert sound(page)
    assert "There is no user ‘zoe’" in words(page)
    assert plain("9-9") in words(page) and "as if asking for" in words(page)


def test_a_link_that_takes_words_for_what_is_far_is_told(ask: Open) -> None:
    page = ask(user="a", words="queen", taken="0-2")
    assert sound(page)
    said = words(page).replace("\\", "")
    assert "There is no meaning ‘0-2’ in what comes nearest to these words" in said
    assert "Ada asks for bees, queen" in said


def test_what_is_chosen_leaves_no_words_in_the_box(ask: Open) -> None:
    page = ask(user="a", words="queen", ask="0-2")
    assert sound(page) and page.text_input(key="ask-words").value == ""
    assert "Ada asks for ice" in words(page)


def test_of_a_long_text_the_beginning_is_read(ask: Open) -> None:
    page = ask(user="a")
    page.text_input(key="ask-words").set_value("queen " * 1000).run()
    assert sound(page) and len(asked(page, "words") or "") == LETTERS
    assert f"the first {LETTERS} letters are read" in words(page)
    assert "Ada asks for bees, queen" in words(page)


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


@pytest.fixture(scope="module")
def asking_workspace(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished demo, and ZOOMER trained for an epoch beside it."""
    from app.cli.run import run_experiment
    from app.experiment.file import load_experiment

    workspace = Path(shutil.copytree(demo_workspace, tmp_path_factory.mktemp("ask") / "workspace"))
    changes = [
        "name=asking",
        "grid.backbones=['zoomer']",
        "grid.enhancers=['none']",
        "train.epochs=1",
        "override.zoomer.model.backbone.asked=both",
        "quantize.user.epochs=30",
        "quantize.item.epochs=30",
    ]
    run_experiment(load_experiment("demo", changes), workspace, jobs=1, device="cpu")
    return workspace


class TestTrained:
    """On a recommender that was really trained."""

    def test_the_screen_shows_what_it_answers(self, screen: Open, asking_workspace: Path) -> None:
        record = read_record("asking", asking_workspace)
        asking = open_asking(Results(record), asking_cells(record)[0])
        user = asking.case.dataset.user_ids.external[3]
        query = int(asking.queries.sizes.argmax())
        answer = asking.answer(3, query, 8)
        page = screen(
            "ask", asking_workspace, experiment="asking", user=user, ask=asking.queries.ids[query]
        )
        assert sound(page)
        said = words(page)
        for offer in answer.offers:
            assert plain(asking.case.title(offer.item)) in said
            assert (asking.queries.count(query, offer.item) == 1) == (offer.has == 1)
        assert plain(asking.tell_region(answer.region)) in said
        history = set(asking.case.histories.of(3).tolist())
        assert not history & {offer.item for offer in answer.offers}

    def test_what_it_can_be_asked_for_is_as_many(self, asking_workspace: Path) -> None:
        record = read_record("asking", asking_workspace)
        asking = open_asking(Results(record), asking_cells(record)[0])
        assert len(asking.queries) == asking.of.n_queries
        assert asking.queries.sizes.sum() == asking.case.dataset.n_items
        for ego in ("user", "query"):
            weights = asking.weights(ego, 3, asking.usual(3))  # type: ignore[arg-type]
            sums = [part["weight"].sum() for part in weights.partition_by("ask")]
            assert sums == pytest.approx([1.0] * len(sums), abs=1e-5)

    def test_the_command_prints_the_same(self, asking_workspace: Path) -> None:
        record = read_record("asking", asking_workspace)
        asking = open_asking(Results(record), asking_cells(record)[0])
        user, query = asking.case.dataset.user_ids.external[3], asking.usual(3)
        answer = asking.answer(3, query, 4)
        given = ("ask", "asking", user, "-k", "4", "--workspace", str(asking_workspace))
        said = " ".join(_ran(*given, "--query", asking.queries.ids[query]).split())
        for offer in answer.offers:
            assert f"{offer.rank}. {asking.case.title(offer.item)}" in said
        first = asking.edges(answer.region).row(0, named=True)
        assert f"{first['weight']:.3f} {first['node']} ({first['type']})" in said
        assert WHAT_WEIGHTS_ARE in said
        assert "Nothing is asked for" in _ran(*given)

    def test_the_command_says_what_words_are_taken_for(self, asking_workspace: Path) -> None:
        record = read_record("asking", asking_workspace)
        asking = open_asking(Results(record), asking_cells(record)[0])
        query = next(n for n, terms in enumerate(asking.queries.terms) if terms)
        word = next(iter(asking.queries.terms[query]))
        taken = asking.queries.find(word)[0]
        where = ("--workspace", str(asking_workspace))
        said = " ".join(_ran("ask", "asking", "user-001", "--for", word, *where).split())
        assert f"‘{word}’ is taken for {asking.queries.names[taken.query]}" in said
        wrong = CliRunner().invoke(app, ["ask", "demo", "user-001", *where])
        assert wrong.exit_code == 1 and "can be asked for something" in wrong.output


def _ran(*given: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, list(given))
    assert done.exit_code == 0, done.output
    return done.output
