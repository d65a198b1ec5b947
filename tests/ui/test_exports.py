"""Exports on the page: the Demo of one, and the screen Serve, without a browser."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer
from made_jobs import RUNNING, alive, make_job
from opening import Open, press, sound, words

from app.cli.main import call
from app.cli.ui import Door
from app.jobs.commands import KINDS, check_words
from app.serve.cost import bodies, measure, start_fresh
from app.serve.desk import open_export
from app.ui.demo.strangers import WORDS
from app.ui.demo.such import FIELD
from app.ui.serve import about
from app.ui.serve import screen as serve
from app.ui.serve.trial import EXAMPLES, ask_here, ask_server, example_call
from app.ui.shared import visitors
from app.ui.shared.frame import plain
from data.columns import ITEM_ID, USER_ID
from data.errors import ArtifactError, ConfigError
from recommend.serve.arrays import write_export
from recommend.serve.clock import with_clock
from recommend.serve.folder import CARD, Content, write_folder
from recommend.serve.reader import Ask, Export

ROOT = Path(__file__).resolve().parents[2]
USERS, ITEMS = 6, 40
ABOUT: dict[str, Any] = {
    "experiment": "demo",
    "recommender": "sasrec+autograph seed 0",
    "data": {"name": "demo", "title": "Lantern", "licence": "free for all"},
    "test": {"figures": {"ndcg@10": 0.25}, "candidates": "all", "exclude_seen": True},
    "cautions": ["demo is a *control*."],
    "learnt_until": "2024-05-03",
}


def write(folder: Path, **more: Any) -> Export:
    """An export of a few people and films, with attributes."""
    rng = np.random.default_rng(3)
    items, users = rng.normal(size=(ITEMS, 4)), rng.normal(size=(USERS, 4))
    table = pl.DataFrame(
        {
            ITEM_ID: [f"i{n}" for n in range(ITEMS)],
            "title": [f"Film *{n}*" for n in range(ITEMS)],
            "year": [1980 + n for n in range(ITEMS)],
            "genres": [["even"] if n % 2 == 0 else ["odd", "rare"] for n in range(ITEMS)],
        }
    )
    people = pl.DataFrame(
        {USER_ID: [f"u{n}" for n in range(USERS)], "name": [f"Person {n}" for n in range(USERS)]}
    )
    had = [list(range(n, n + 3)) for n in range(USERS)]
    write_export(folder, items, users, had, table, people, about={**ABOUT, **more})
    return Export.open(folder)


@pytest.fixture
def export(empty_workspace: Path) -> Export:
    """An export in a workspace where nothing else is."""
    return write(empty_workspace / "exports" / "films")


@pytest.fixture
def alone(export: Export, monkeypatch: pytest.MonkeyPatch) -> Export:
    """The page was started for an export, and nothing else."""
    monkeypatch.setenv(visitors.EXPORT, str(export.folder))
    return export


@pytest.fixture
def lists(empty_workspace: Path) -> Iterator[Path]:
    """An export of lists, which cannot answer for a history."""
    folder = empty_workspace / "exports" / "lists"
    one = write(empty_workspace / "one")
    best = np.arange(ITEMS)[None].repeat(USERS, 0).astype(np.int32)
    arrays = {"lists": {"items": best, "scores": -best.astype(np.float32)}}
    told = {**ABOUT, "history": {"answered_by": "refused", "note": ""}}
    write_folder(folder, Content("lists", one.users, one.items, one.histories, arrays, {}, told))
    yield folder


def titles(page: Any) -> list[str]:
    """Of the list, in its order."""
    bold = [str(one.value) for one in page.markdown]
    return [one[2 : one.rindex("**")] for one in bold if one.startswith("**Film")]


def wanted(export: Export, ask: Ask) -> list[str]:
    (listing,) = export.recommend([ask])
    return [plain(one) for one in export.titles(listing.items)]


def test_the_demo_recommends_what_the_export_says(
    screen: Open, alone: Export, empty_workspace: Path
) -> None:
    page = screen("demo", empty_workspace, user="u2")
    assert sound(page)
    assert titles(page) == wanted(alone, Ask(user="u2"))
    told = words(page)
    assert "SASRec with the graph, of the experiment demo, exported on" in told
    assert "learnt from interactions until 3 May 2024" in told.replace("\\", "")
    assert "free for all" in told and "NDCG@10 0.2500" in told
    assert [one.value for one in page.warning] == [plain("demo is a *control*.")]


def test_conditions_are_on_attributes(screen: Open, alone: Export, empty_workspace: Path) -> None:
    page = screen("demo", empty_workspace, user="u2")
    page = page.multiselect(key=f"{FIELD}genres").set_value(["rare"]).run()
    page = page.slider(key=f"{FIELD}year").set_value((1990, 2000)).run()
    assert sound(page)
    such = {"genres": ["rare"], "year": {"least": 1990, "below": 2001}}
    found = wanted(alone, Ask(user="u2", where=such))
    assert titles(page) == found and len(found) == 5


def test_a_changed_history_is_asked_about(
    screen: Open, alone: Export, empty_workspace: Path
) -> None:
    page = screen("demo", empty_workspace, user="u2").button(key="out-4").click().run()
    assert sound(page)
    assert titles(page) == wanted(alone, Ask(user="u2", history=("i2", "i3")))
    assert "by the mean of its items" in words(page)
    assert sum("arrow_" in str(one.value) for one in page.markdown)


def test_a_stranger_has_the_history_that_is_picked(
    screen: Open, alone: Export, empty_workspace: Path
) -> None:
    page = press(screen("demo", empty_workspace), "New person")
    assert "Nothing to go on yet" in words(page) and titles(page) == []
    page = page.text_input(key="add-words").set_value("Film *7*").run()
    page = page.button(key="add-7").click().run()
    assert titles(page) == wanted(alone, Ask(history=("i7",)))


def test_who_is_not_in_it_is_said(screen: Open, alone: Export, empty_workspace: Path) -> None:
    page = screen("demo", empty_workspace, user="nobody")
    assert not page.error
    said = "There is no person ‘nobody’ in the export films."
    assert said in [one.value for one in page.warning]


def test_why_an_item_and_what_is_like_it(
    screen: Open, alone: Export, empty_workspace: Path
) -> None:
    page = screen("demo", empty_workspace, user="u2", removed="i4")
    history = ("i2", "i3")
    first = alone.recommend([Ask(user="u2", history=history)])[0].items[0]
    page = page.button(key=f"export-why-{first[1:]}").click().run()
    assert sound(page)
    said, why = words(page), alone.explain(first, "u2", history)
    assert why.rank == 1 and "**It stands at 1**" in said
    assert why.reasons and all(f"- {plain(one)}" in said for one in why.reasons)
    for one in why.moved[:3]:
        (title,) = alone.titles([one.without])
        assert f"Without {plain(title)} in the history it would stand at {one.rank}." in said
    for title in alone.titles(alone.similar(item=first, k=5).items):
        assert f"- {plain(title)} " in said


def test_arrows_tell_what_a_change_moved(
    screen: Open, alone: Export, empty_workspace: Path
) -> None:
    """Not that a history in a call is answered by other vectors than the person that had it."""
    page = screen("demo", empty_workspace, user="u2", removed="i4")
    assert sound(page)
    whole, known, now = (
        found.items
        for found in alone.recommend(
            [
                Ask("u2", ("i2", "i3", "i4"), ITEMS),
                Ask("u2", k=ITEMS),
                Ask("u2", ("i2", "i3"), 10),
            ]
        )
    )
    places = [(n, one) for n, one in enumerate(now) if one in whole]
    moves = [whole.index(one) - n for n, one in places]
    assert moves != [known.index(one) - n for n, one in places], "a person is answered otherwise"
    shown = re.findall(r"material/arrow_(up|down)ward: ([0-9]+)", words(page))
    assert [int(n) * (1 if to == "up" else -1) for to, n in shown] == [one for one in moves if one]
    assert "Arrows compare with the history as it was, read in the same way." in words(page)


@pytest.mark.parametrize("side", ["user", "item"])
def test_something_new_is_placed_by_words(
    screen: Open, alone: Export, empty_workspace: Path, side: str
) -> None:
    shown = "A new person, in words" if side == "user" else "A new film, in words"
    page = screen("demo", empty_workspace, **{"of-export": shown})
    assert sound(page) and "Where it is placed stands here" in words(page)
    page.multiselect(key=f"{WORDS}-{side}-genres").set_value(["rare"])
    page = press(page, "Place it")
    assert sound(page)
    placed = alone.newcomer(side, {"genres": ["rare"]}, k=8)  # type: ignore[arg-type]
    said = words(page)
    for one in alone.titles(placed.alike.items[:8]):
        assert f"- {plain(one)} " in said
    listed = placed.listing.items
    names = alone.titles(listed) if side == "user" else [f"Person {one[1:]}" for one in listed]
    assert names and all(f"1. {plain(one)} " in said for one in names)
    page.multiselect(key=f"{WORDS}-{side}-genres").set_value([])
    page.text_area(key=f"{WORDS}-{side}-text").set_value("qqq")
    page = press(page, "Place it")
    assert "nothing to take" in " ".join(one.value for one in page.error)


def test_lists_answer_for_those_they_know(screen: Open, lists: Path, empty_workspace: Path) -> None:
    page = screen("demo", empty_workspace, user="u2")
    assert sound(page)
    assert titles(page) == wanted(Export.open(lists), Ask(user="u2"))
    assert "Change their history" not in words(page)
    assert not [one for one in page.button if str(one.key).startswith("out-")]
    assert next(one for one in page.button if one.label == "New person").disabled
    page = screen("serve", empty_workspace)
    assert sound(page)
    assert "for people whom it knows alone" in words(page)


@pytest.mark.parametrize("path", ["demo", "serve"])
def test_damage_is_a_sentence(
    screen: Open, alone: Export, empty_workspace: Path, path: str
) -> None:
    with (alone.folder / "index.faiss").open("ab") as file:
        file.write(b"x")
    page = screen(path, empty_workspace)
    assert not page.exception
    assert ["damaged" in one.value for one in page.error] == [True]


def test_other_screens_need_a_workspace(screen: Open, alone: Export, empty_workspace: Path) -> None:
    page = screen("compare", empty_workspace)
    assert [one.value for one in page.info] == [
        "This page shows an export alone, and the screen Compare needs a workspace."
    ]
    assert not visitors.may_change()


def test_exports_stand_beside_trained_recommenders(screen: Open, own_workspace: Path) -> None:
    one = write(own_workspace / "exports" / "films", data={"name": "ml-1m", "title": "MovieLens"})
    page = screen("demo", own_workspace, part="From an export", user="u2")
    assert titles(page) == wanted(one, Ask(user="u2"))
    assert "of MovieLens, and the experiment demo is of Lantern" in words(page)


def test_the_line_to_copy_can_be_answered(
    screen: Open, export: Export, empty_workspace: Path
) -> None:
    page = screen("serve", empty_workspace)
    assert sound(page)
    command, line = (shlex.split(one.value) for one in page.code[:2])
    assert command[:3] == ["autograph", "serve", str(export.folder)]
    assert line[1] == f"http://127.0.0.1:{command[-1]}/recommend"
    status, answer = ask_here(open_export(export.folder), line[-1].encode())
    assert status == 200 and len(json.loads(answer)["items"]) == 5


def test_what_is_tried_is_answered_as_a_server_would(
    screen: Open, export: Export, empty_workspace: Path
) -> None:
    page = press(screen("serve", empty_workspace), "Ask")
    assert sound(page)
    call = example_call(export)
    found = json.loads(page.code[-1].value)
    (listing,) = export.recommend([Ask(user=call["user"], k=5)])
    assert [one["id"] for one in found["items"]] == list(listing.items)
    assert found["export"] == export.card["fingerprint"]
    assert "from this page's process" in words(page).replace("\\", "")
    page = page.text_area[0].set_value('{"user": "nobody"}').run()
    page = press(page, "Ask")
    assert not page.exception
    assert json.loads(page.code[-1].value)["error"]["field"] == "user"
    assert ":red-badge[404]" in words(page)


@pytest.mark.parametrize("of", list(EXAMPLES))
def test_every_example_can_be_answered(export: Export, of: str) -> None:
    opened = open_export(export.folder)
    status, answer = ask_here(opened, json.dumps(example_call(export, of)).encode())
    assert status == 200 and b'"error"' not in answer


def test_the_clock_changes_no_answer(export: Export) -> None:
    twin, clock = with_clock(export)
    asks = [Ask(user=f"u{n}", k=5) for n in range(USERS)] + [Ask(history=("i1",), k=5)]
    assert twin.recommend(asks) == export.recommend(asks)
    assert clock.reading_s > 0 < clock.search_s
    assert export._form is not twin._form


def test_what_is_measured_is_of_the_calls_given(export: Export) -> None:
    opened = open_export(export.folder)
    for of in ("user", "history"):
        cost = measure(opened, bodies(export, 20, of))  # type: ignore[arg-type]
        assert cost.n == 20
        assert 0 < cost.whole.median <= cost.whole.p99
        for part in (cost.reading, cost.search, cost.rest):
            assert 0 < part.p99 <= cost.whole.p99
    call = bodies(export, 1)[0]
    assert measure(opened, [call]).bytes == len(ask_here(opened, call)[1])


def test_a_fresh_process_says_what_it_holds(export: Export) -> None:
    cold = start_fresh(export.folder)
    assert 0 < cold.own < cold.held and cold.seconds > 0


def test_the_cost_is_shown(
    screen: Open, export: Export, empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = press(screen("serve", empty_workspace), "Measure it here")
    assert sound(page)
    rows = page.dataframe[0].value
    assert rows["part"].tolist()[::4] == ["Answer for somebody it knows", "Answer for a history"]
    assert (rows["p99_ms"] >= rows["median_ms"]).all()
    assert "fresh process had answered once" in words(page)


def test_an_export_is_made_by_a_job(
    screen: Open, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(serve, "start_once", lambda kind, words, title: asked.append((kind, words)))
    page = press(screen("serve", own_workspace), "Export")
    assert not page.exception
    ((kind, said),) = asked
    assert check_words(kind, said, KINDS) == said
    assert said[:2] == ("export", "demo") and said[2] in page.text_input[0].value.replace("-", "+")
    assert Path(said[3]).parent == own_workspace / "exports"


def test_an_export_that_is_there_stays_unless_somebody_says_so(
    screen: Open, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = screen("serve", own_workspace).text_input[0].value
    write(own_workspace / "exports" / usual)
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(serve, "start_once", lambda kind, words, title: asked.append(words))
    page = screen("serve", own_workspace)
    assert page.button(key="export").disabled
    page = press(page.checkbox[0].check().run(), "Export")
    assert asked[0][-1] == "--replace"


def test_a_server_is_a_job(
    screen: Open, export: Export, empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(serve, "start_once", lambda kind, words, title: asked.append((kind, words)))
    press(screen("serve", empty_workspace), "Start it as a job")
    ((kind, said),) = asked
    assert check_words(kind, said, KINDS) == said
    assert not KINDS[kind].exclusive, "it would hold up all training until it is stopped"
    folder = make_job(empty_workspace, 1, RUNNING, kind=kind, words=said, exclusive=False)
    monkeypatch.setattr(serve, "answers", lambda url: url.endswith(said[-1]))
    monkeypatch.setattr("app.ui.serve.trial.ask_server", lambda url, body: (200, b'{"items": []}'))
    with alive(folder):
        page = press(screen("serve", empty_workspace), "Ask")
    assert sound(page)
    assert "Stop the server" in [button.label for button in page.button]
    assert "from the server at" in words(page).replace("\\", "")


def test_who_listens_and_speaks_no_http_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        url = f"http://127.0.0.1:{there.getsockname()[1]}"

        def speak() -> None:
            for _ in range(2):
                one, _ = there.accept()
                with one:
                    one.sendall(b"SSH-2.0-any\r\n")

        Thread(target=speak, daemon=True).start()
        assert not serve.answers(url)
        with pytest.raises(ConfigError, match="does not answer"):
            ask_server(url, b"{}")


def test_a_viewer_tries_and_neither_exports_nor_starts(
    screen: Open, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(own_workspace / "exports" / "films")
    monkeypatch.setenv(visitors.VIEWER, "1")
    page = press(screen("serve", own_workspace), "Ask")
    assert sound(page) and '"items"' in page.code[-1].value
    for key in ("export", "start-server"):
        locked = page.button(key=key)
        assert locked.disabled and "sign in" in locked.help
    assert str(own_workspace) not in words(page)


def test_an_export_opens_without_torch(export: Export, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(ROOT / 'app' / 'page.py')!r}, default_timeout=60).run()\n"
        "assert not page.exception and not page.error\n"
        "print(page.title[0].value, len(page.button), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "AUTOGRAPH_EXPORT": str(export.folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    title, buttons, loaded = done.stdout.split()
    assert title == "Demo" and int(buttons) > 10 and loaded == "False"


def test_the_command_opens_an_export_alone(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors: list[Door] = []
    monkeypatch.setattr("app.cli.ui.serve", lambda workspace, door, browser: doors.append(door))
    with pytest.raises(ArtifactError, match="no such folder"):
        call(["ui", "--from-export", str(tmp_path / "nowhere")])
    assert not doors
    with suppress(typer.Exit):
        call(["ui", "--from-export", str(export.folder)])
    assert doors[0].settings[visitors.EXPORT] == str(export.folder)


def test_a_card_in_sentences() -> None:
    card = {**ABOUT, "form": "vectors", "history": {"answered_by": "backbone", "note": ""}}
    card |= {"sizes": {"users": 1200, "items": 5, "interactions": 7}}
    card |= {"made": "2026-01-02T03:04:05+00:00", "files": {"a": {"bytes": 1500}}}
    assert about.tell_export(card) == (
        "SASRec with the graph, of the experiment demo, exported on 2 January 2026, 03:04 UTC. It "
        "knows 1,200 people, 5 films and 7 interactions. It learnt from interactions until 3 May "
        "2024."
    )
    assert about.tell_answers(card).endswith("as the recommender itself does.")
    asks = {"answered_by": "kept", "noun": "meaning", "n": 1200, "note": "By edges alone."}
    told = about.tell_answers({**card, "asks": asks})
    assert told.endswith("(“for”), one of 1,200 meanings. By edges alone.")
    assert "for" not in about.tell_answers({**card, "asks": {"answered_by": "nothing"}}).split()
    assert about.tell_index(card)[0] == "none"
    assert about.size_in_words(about.bytes_of(card)) == "1.5 kB"
    assert "all films that the user has not had before" in about.tell_test(card)
    bare = {**card, "data": {"name": "arrays", "title": "arrays", "licence": ""}, "test": {}}
    assert about.tell_test(bare) == "" and about.nouns_of(bare).many == "items"
    assert "who may have the data" in about.tell_terms(bare)


def test_exports_are_listed_latest_first(
    empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.ui.shared.exports import exports

    monkeypatch.setenv("AUTOGRAPH_WORKSPACE", str(empty_workspace))
    folders = [write(empty_workspace / "exports" / name).folder for name in ("new", "old")]
    (empty_workspace / "exports" / "unfinished").mkdir()
    os.utime(folders[1] / CARD, (1, 1))
    assert list(exports()) == ["new", "old"]
