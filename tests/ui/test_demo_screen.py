"""The Demo screen without a browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from manifests import finish_again
from opening import Open, press, sound
from streamlit.testing.v1 import AppTest

from app.experiment.saved import NewItem, Persona, new_items_of, personas_of
from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.comparison import default_pair
from app.results.results import Results
from app.ui.demo import person
from app.ui.demo.newcomers import ATTRIBUTE, PLACED
from app.ui.demo.person import HISTORY
from app.ui.demo.state import FIELD
from app.ui.shared.frame import plain
from data.names import NOUNS
from recommend.model import Model
from recommend.protocols import Around, Ways
from recommend.reasons.showcase import Asked, Showcase
from recommend.reasons.ways import NOT_A_SUM, tell_around, tell_score
from recommend.reasons.what_if import Ready, best, moves


@pytest.fixture(scope="module")
def record(demo_workspace: Path) -> Record:
    return read_record("demo", demo_workspace)


@pytest.fixture(scope="module")
def case(record: Record) -> Showcase:
    return Results(record).showcase


def words(page: AppTest) -> list[str]:
    return [str(part.value) for part in (*page.markdown, *page.caption, *page.subheader)]


def said(page: AppTest, name: str) -> list[str]:
    value = page.query_params.get(name, [])
    return value if isinstance(value, list) else [value]


def expected(record: Record, case: Showcase, cell: Cell, user: int) -> list[str]:
    ready = Ready.of(Model.load(record.folder("train", cell)))
    return [case.title(i) for i in best(ready, user, case.histories.of(user), 6)["item"]]


def shown(page: AppTest) -> list[str]:
    """Titles in both lists: what stands in bold beside a Why? button."""
    bold = [part for part in words(page) if part.startswith("**") and " so far**" not in part]
    titles = [part[2 : part.rindex("**")] for part in bold]
    return [title for title in titles if not title.isdigit()]


def test_both_lists_are_those_of_the_best_recommenders(
    screen: Open, demo_workspace: Path, record: Record, case: Showcase
) -> None:
    user = 17
    page = screen("demo", demo_workspace, user=case.dataset.user_ids.external[user])
    assert sound(page)
    assert plain(case.people[user]) in words(page)
    wanted = [plain(t) for c in default_pair(record) for t in expected(record, case, c, user)]
    assert shown(page) == wanted
    known = min(len(case.histories.of(user)), HISTORY)
    assert known == len([b for b in page.button if "out-" in (b.key or "")])


def test_the_address_names_the_recommenders(
    screen: Open, demo_workspace: Path, record: Record, case: Showcase
) -> None:
    address = {"user": case.dataset.user_ids.external[3], "left": "MIND with the graph"}
    page = screen("demo", demo_workspace, **address)
    assert sound(page)
    ours = expected(record, case, Cell("mind", "autograph", 0), 3)
    assert shown(page)[:6] == [plain(title) for title in ours]


def test_both_sides_differ_in_one_thing_unless_somebody_chooses_otherwise(
    screen: Open, demo_workspace: Path, record: Record
) -> None:
    def sides(**address: str) -> tuple[list[str], bool]:
        page = screen("demo", demo_workspace, **address)
        assert sound(page)
        told = any("These two differ in" in part for part in words(page))
        return [page.selectbox(key=f"chosen {side}").value for side in ("left", "right")], told

    backbones = {cell.backbone for cell in default_pair(record) if cell}
    assert len(backbones) == 1 and sides()[1] is False
    for name in ("MIND", "SASRec"):
        names = [f"{name} with the graph", f"{name} without the graph"]
        assert sides(left=names[0]) == (names, False)
    unlike = {"left": "MIND with the graph", "right": "SASRec without the graph"}
    assert sides(**unlike) == (list(unlike.values()), True)


def test_taking_an_item_out_moves_the_lists_and_can_be_undone(
    screen: Open, demo_workspace: Path, record: Record, case: Showcase
) -> None:
    user = 17
    page = screen("demo", demo_workspace, user=case.dataset.user_ids.external[user])
    before, history = shown(page), case.histories.of(user)
    gone = int(history[-1])
    page = page.button(key=f"out-{gone}").click().run()
    assert sound(page) and said(page, "removed") == [case.dataset.item_ids.external[gone]]
    ready = Ready.of(Model.load(record.folder("train", default_pair(record)[0])))
    table = moves(ready, user, history, history[:-1], 6)
    assert shown(page)[:6] == [plain(case.title(item)) for item in table["item"]]
    arrows = sum("arrow_" in part for part in words(page))
    back = sum("was in the history" in part for part in words(page))
    assert arrows + back > 0
    page = page.button(key=f"back-{gone}").click().run()
    assert sound(page) and shown(page) == before and said(page, "removed") == []


def test_an_address_that_adds_what_it_takes_away_takes_it_away(
    screen: Open, demo_workspace: Path, case: Showcase
) -> None:
    ids, gone = case.dataset.item_ids.external, int(case.histories.of(17)[-1])
    both = {"added": ids[gone], "removed": ids[gone]}
    page = screen("demo", demo_workspace, user=case.dataset.user_ids.external[17], **both)
    assert sound(page) and page.button(key=f"back-{gone}")


def test_an_item_is_found_and_added(
    screen: Open, demo_workspace: Path, record: Record, case: Showcase
) -> None:
    user = 4
    page = screen("demo", demo_workspace, user=case.dataset.user_ids.external[user])
    new = next(i for i in range(400, 600) if i not in case.histories.of(user))
    page = page.text_input(key="add-words").input(case.title(new)).run()
    page = page.button(key=f"add-{new}").click().run()
    assert sound(page) and said(page, "added") == [case.dataset.item_ids.external[new]]
    assert page.text_input(key="add-words").value == ""
    assert any("green-badge[added]" in part for part in words(page))
    assert plain(case.title(new)) not in shown(page)
    undo = next(b for b in page.button if b.label == "Undo all changes")
    assert said(undo.click().run(), "added") == []


@pytest.mark.parametrize("side", ["left", "right"])
def test_why_shows_what_the_recommender_of_that_list_was_measured_to_do(
    screen: Open, demo_workspace: Path, record: Record, case: Showcase, side: str
) -> None:
    user, history = 17, case.histories.of(17)
    cell = default_pair(record)[("left", "right").index(side)]
    ready = Ready.of(Model.load(record.folder("train", cell)))
    page = screen("demo", demo_workspace, user=case.dataset.user_ids.external[user])
    button = next(b for b in page.button if (b.key or "").startswith(f"why-{side}"))
    item = int(button.key.rpartition("-")[2])
    page = button.click().run()
    assert sound(page) and said(page, "why") == [case.dataset.item_ids.external[item]]
    assert said(page, "whose") == [side]
    (whys,) = case.whys(history, user, [item], Asked(ready, user), 4)
    assert whys[0].reason.kind == "measured"
    for why in whys:
        assert f"**{plain(why.reason.sentence)}**" in words(page)
        for quoted in why.quotes:
            assert f"From the description of {plain(quoted.of)}" in words(page)
    assert len(page.get("echarts_chart")) == sum(bool(why.steps) for why in whys)
    assert "**What is around**" not in words(page), "it looks at no sample"
    if cell.enhancer == "none":
        assert not any("In the graph" in part for part in words(page) if part.startswith("**"))


def test_what_is_around_stands_below_the_reasons(
    screen: Open, demo_workspace: Path, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the recommender looked around: ways of 7 kinds, and then an item that is far."""

    def told(near: bool, item: int) -> Around:
        many = [
            Ways("user > item > user > item", n, np.array([n + 1]), 0.7 - n / 10, n + 3, True)
            for n in range(7 if near else 0)
        ]
        return Around(item, 1.5, 2, near, tuple(many), 2.0, 0.5, 9, -0.5, np.nan, 8)

    address = {"user": case.dataset.user_ids.external[17], "whose": "left"}
    for near in (True, False):

        def around(_: object, user: int, __: object, items: list[int], near=near) -> list[Around]:  # type: ignore[no-untyped-def]
            assert user == 17
            return [told(near, item) for item in items]

        monkeypatch.setattr(person, "look_around", around)
        page = screen("demo", demo_workspace, why=case.dataset.item_ids.external[40], **address)
        assert sound(page)
        nouns, one = NOUNS["movies"], told(near, 40)
        assert plain(tell_around(case, one, nouns)) in words(page)
        assert (plain(tell_score(one, nouns)) in words(page)) == near
        assert (f"Of ways, {NOT_A_SUM}" in words(page)) == near
        tables = [table.value for table in page.dataframe]
        assert len(tables) == near
        for table in tables:
            assert table["rank"].to_list() == [3, 4, 5, 6, 7, 8, 9]
            assert "Drawn are the 5 that gave most; the table has all." in words(page)


def test_what_a_list_says_comes_true_when_the_item_is_taken_out(
    screen: Open, demo_workspace: Path, record: Record, case: Showcase
) -> None:
    """Without “X” it would stand at rank 9: X is taken out, and there it stands."""
    ready = Ready.of(Model.load(record.folder("train", default_pair(record)[0])))
    for user in range(30):
        history = case.histories.of(user)
        table = moves(ready, user, history, history, 6)
        for whys in case.whys(history, user, table["item"].to_list(), Asked(ready, user), 1):
            one = whys[0].reason
            found = re.search(r"at rank (\d) instead of (\d)", one.sentence)
            if found and 1 < int(found[1]) <= 6:
                page = screen(
                    "demo",
                    demo_workspace,
                    user=case.dataset.user_ids.external[user],
                    removed=case.dataset.item_ids.external[one.through[0]],
                )
                assert sound(page)
                assert shown(page)[int(found[1]) - 1] == plain(case.title(one.item))
                return
    pytest.fail("nobody's list depends on one item")


def test_people_are_found_by_words(screen: Open, demo_workspace: Path, case: Showcase) -> None:
    page = screen("demo", demo_workspace)
    page = page.text_input(key="people-words").input(case.people[42]).run()
    page = page.button(key="people-words-found-42").click().run()
    assert sound(page) and plain(case.people[42]) in words(page)
    assert said(page, "user") == [case.dataset.user_ids.external[42]]
    page = page.text_input(key="people-words").input("nobody at all").run()
    assert "Nobody is called that." in words(page)
    page = next(b for b in page.button if b.label == "Anybody").click().run()
    assert sound(page) and said(page, "user")[0] in case.dataset.user_ids


def test_somebody_new_needs_an_item_and_then_is_shown_something(
    screen: Open, demo_workspace: Path, case: Showcase
) -> None:
    page = screen("demo", demo_workspace, guest="1")
    assert sound(page) and sum("Nothing to go on yet" in part for part in words(page)) == 2
    page = screen("demo", demo_workspace, guest="1", added=case.dataset.item_ids.external[8])
    assert sound(page) and len(shown(page)) == 12 and not page.info


def test_a_person_is_saved_under_a_name_and_comes_back(
    screen: Open, own_workspace: Path, case: Showcase
) -> None:
    external = case.dataset.item_ids.external[8]
    page = screen("demo", own_workspace, guest="1", added=external)
    page = page.text_input(key="save-Guest").input("Mira").run()
    page = next(b for b in page.button if b.label == "Save this person").click().run()
    assert sound(page) and said(page, "persona") == ["Mira"]
    saved = personas_of(own_workspace).load("Mira")
    assert saved == Persona(name="Mira", data="demo", history=(external,))
    assert "Mira" in words(page) and len(shown(page)) == 12
    bad = page.text_input(key="save-Mira").input("../../etc/passwd").run()
    bad = next(b for b in bad.button if b.label == "Save this person").click().run()
    assert not bad.exception and "no name for a persona" in bad.error[0].value


def test_words_about_a_guest_stand_in_the_address_and_are_nobody_else_s(
    screen: Open, demo_workspace: Path, case: Showcase
) -> None:
    page = screen("demo", demo_workspace, guest="1")
    page = page.text_input(key=FIELD).input("Likes ice and fog.").run()
    assert sound(page) and said(page, "words") == ["Likes ice and fog."]
    page = press(page, "New person")
    assert sound(page) and not said(page, "words") and not page.text_input(key=FIELD).value
    page = page.text_input(key=FIELD).input("Likes ice and fog.").run()
    page = press(page, "Anybody")
    assert sound(page) and not said(page, "words")
    page = page.text_input(key="people-words").input(case.people[42]).run()
    page = page.button(key="people-words-found-42").click().run()
    assert sound(page) and said(page, "user") == [case.dataset.user_ids.external[42]]
    page = screen("demo", demo_workspace, guest="1", words="Likes fog.")
    assert sound(page) and page.text_input(key=FIELD).value == "Likes fog."
    assert said(page, "words") == ["Likes fog."]


def test_a_guest_with_words_is_saved_and_cannot_be_rewritten(
    screen: Open, own_workspace: Path, case: Showcase
) -> None:
    external = case.dataset.item_ids.external[8]
    page = screen("demo", own_workspace, guest="1", added=external)
    page = page.text_input(key=FIELD).input("Likes *ice*.").run()
    page = page.text_input(key="save-Guest").input("Mira").run()
    page = press(page, "Save this person")
    assert sound(page) and said(page, "persona") == ["Mira"] and not said(page, "words")
    assert personas_of(own_workspace).load("Mira").text == "Likes *ice*."
    assert FIELD not in [field.key for field in page.text_input]
    assert f"What is known of them: {plain('Likes *ice*.')}" in words(page)


def test_a_saved_person_is_replaced_when_asked_and_removed(
    screen: Open, own_workspace: Path, case: Showcase
) -> None:
    ids, shelf = case.dataset.item_ids.external, personas_of(own_workspace)
    shelf.save(Persona(name="Mira", data="demo", history=(ids[8],)))
    page = screen("demo", own_workspace, persona="Mira", added=ids[9])
    page = press(page, "Save this person")
    assert "or replace it" in page.error[0].value and shelf.load("Mira").history == (ids[8],)
    page = page.checkbox(key="replace-person").check().run()
    page = press(page, "Save this person")
    assert sound(page) and shelf.load("Mira").history == (ids[8], ids[9])
    page = press(page, "Remove for good")
    assert sound(page) and not shelf.every()[0] and not said(page, "persona")
    assert len(shown(page)) == 12


def test_a_history_that_is_too_long_to_be_kept_is_a_sentence(
    screen: Open, own_workspace: Path, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ui.demo.screen.MOST_ITEMS", 1)
    ids = case.dataset.item_ids.external
    page = screen("demo", own_workspace, guest="1", added=[ids[8], ids[9]])
    page = press(page, "Save this person")
    assert not page.exception and "1 items at most; this one has 2" in page.error[0].value
    assert not personas_of(own_workspace).every()[0]


def test_a_damaged_persona_is_named_and_the_rest_goes_on(screen: Open, own_workspace: Path) -> None:
    (own_workspace / "personas").mkdir()
    (own_workspace / "personas" / "bad.json").write_text("{")
    page = screen("demo", own_workspace)
    assert sound(page) and plain("bad.json") in page.warning[0].value and len(shown(page)) == 12


def test_a_new_item_gets_its_meanings_and_its_audience(
    screen: Open, own_workspace: Path, case: Showcase
) -> None:
    page = screen("demo", own_workspace, part="A new film")
    page = next(b for b in page.button if b.label == "Take an example").click().run()
    assert sound(page)
    told = " ".join(words(page))
    assert "Groups it joins in the graph" in told and "Films nearest to it" in told
    assert "people have it in their first 10" in [m.label for m in page.metric]
    assert any("nobody had this film" in info.value for info in page.info), "the plain one"
    assert not (own_workspace / "new_items").exists(), "nothing is saved unasked"
    page = next(b for b in page.button if b.label == "Keep it").click().run()
    kept = new_items_of(own_workspace).load("Untitled")
    assert sound(page) and kept == NewItem(name="Untitled", data="demo", text=case.example_text())


def test_a_kept_item_is_replaced_when_asked_and_removed(screen: Open, own_workspace: Path) -> None:
    shelf = new_items_of(own_workspace)
    shelf.save(NewItem(name="Untitled", data="demo", text="Something else."))
    page = press(screen("demo", own_workspace, part="A new film"), "Take an example")
    page = press(page, "Keep it")
    assert "or replace it" in page.error[0].value
    assert shelf.load("Untitled").text == "Something else."
    page = press(page.checkbox(key="replace-item").check().run(), "Keep it")
    assert sound(page) and shelf.load("Untitled").text != "Something else."
    page = press(page, "Remove it for good")
    assert sound(page) and not shelf.every()[0]


def test_columns_may_be_called_as_fields_are(
    screen: Open, own_workspace: Path, record: Record
) -> None:
    path = record.folder("dataset").relative_to(record.workspace) / "items.parquet"
    items = own_workspace / path
    odd = [pl.lit("Ice").alias(name) for name in ("text", "title-of", "item", "item-form")]
    pl.read_parquet(items).with_columns(odd).write_parquet(items)
    finish_again(items.parent)
    page = press(screen("demo", own_workspace, part="A new film"), "Take an example")
    assert sound(page) and page.text_area(key="new-text").value
    page.text_input(key=f"{ATTRIBUTE}text").input("Fog")
    page.text_input(key=f"{ATTRIBUTE}item").input("Ice")
    page = press(page, "Who would be shown it?")
    assert sound(page) and page.session_state[PLACED].given == {"text": "Fog", "item": "Ice"}


def test_an_item_of_other_data_is_left_where_it_is(screen: Open, demo_workspace: Path) -> None:
    page = screen("demo", demo_workspace, part="A new film")
    page.session_state[PLACED] = NewItem(name="Untitled", data="books", text="Ice and fog.")
    page.run()
    assert sound(page) and any("Your film goes here" in part for part in words(page))


def test_a_new_item_without_a_word_is_asked_for_one(screen: Open, demo_workspace: Path) -> None:
    page = screen("demo", demo_workspace, part="A new film")
    page = next(b for b in page.button if b.label == "Who would be shown it?").click().run()
    assert sound(page) and "a title" in page.warning[0].value


def test_on_a_projector_nothing_stands_beside(screen: Open, demo_workspace: Path) -> None:
    page = screen("demo", demo_workspace, projector="1")
    assert sound(page) and not page.title and len(shown(page)) == 12
    assert "Leave" in [button.label for button in page.button]


def test_an_address_of_other_data_shows_somebody_all_the_same(
    screen: Open, demo_workspace: Path, case: Showcase
) -> None:
    odd = {"user": "nobody", "removed": "x", "added": "<b>", "why": "y", "left": "no recommender"}
    page = screen("demo", demo_workspace, **odd)
    assert sound(page) and plain(case.people[case.typical()]) in words(page)
    assert len(shown(page)) == 12


def test_an_empty_workspace_offers_to_build_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("demo", empty_workspace)
    assert [one.value for one in page.title] == ["Demo"]
    assert sound(page) and "Build the demo" in [button.label for button in page.button]


def test_a_damaged_model_gets_a_sentence(screen: Open, own_workspace: Path, record: Record) -> None:
    best_one = default_pair(record)[0]
    assert best_one is not None
    (
        own_workspace
        / "artifacts"
        / "train"
        / record.cells[best_one]["train"]
        / "weights.safetensors"
    ).unlink()
    page = screen("demo", own_workspace)
    assert not page.exception
    assert any("damaged" in part.value for part in (*page.error, *page.info))


def test_without_a_graph_what_is_measured_is_said_and_nothing_of_a_graph(
    screen: Open, own_workspace: Path
) -> None:
    import json

    path = own_workspace / "runs" / "demo.json"
    content = json.loads(path.read_text())
    content["keys"] = {name: content["keys"][name] for name in ("dataset", "split")}
    content["cells"] = [c for c in content["cells"] if c["enhancer"] == "none"]
    content["experiment"]["grid"]["enhancers"] = ["none"]
    path.write_text(json.dumps(content))
    shutil.rmtree(own_workspace / "artifacts" / "graph")
    page = screen("demo", own_workspace)
    assert sound(page) and "has no graph" in page.info[0].value
    assert len(shown(page)) == 12
    said_of = [part for part in words(page) if part.startswith(("Without “", "No single item"))]
    assert len(said_of) == 12 and not any("In the graph" in part for part in words(page))
