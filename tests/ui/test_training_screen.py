"""The screen Train without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_jobs import FAILED, RUNNING, alive, make_job
from opening import Open, words
from streamlit.testing.v1 import AppTest

from app.experiment.file import PAPER, PUBLISHED, SHIPPED, load_experiment, read_tree
from app.experiment.settings import BACKBONES, Cell
from app.pipeline.records import read_record
from app.ui.train.form import ROOM

START = "start-training"


def metrics(page: AppTest) -> dict[str, str]:
    return {one.label: str(one.value) for one in page.metric}


def badges(page: AppTest) -> list[str]:
    return [one.value for one in page.markdown if "-badge" in one.value]


def opened(page: AppTest, room: str) -> AppTest:
    """The page with another part of the form open."""
    page.session_state[ROOM] = room
    return page.run()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the screen would have started."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "app.ui.shared.jobs.start_experiment",
        lambda workspace, path, sets, **how: found.append((workspace, path, sets, how)),
    )
    return found


def test_a_first_visit_can_train_the_demo(
    screen: Open, empty_workspace: Path, started: list[tuple[Any, ...]]
) -> None:
    page = screen("train", empty_workspace)
    assert not page.exception and not page.error
    assert metrics(page) == {"Recommenders": "18", "To train": "18"}
    assert page.button(key=START).label == "Train 18 recommenders"
    page.button(key=START).click().run()
    assert started == [(empty_workspace, "demo", (), {"upto": None, "jobs": 2})]
    assert not (empty_workspace / "experiments").exists()


def test_what_is_finished_is_not_trained_again(screen: Open, demo_workspace: Path) -> None:
    page = screen("train", demo_workspace)
    assert not page.exception and not page.error
    assert page.selectbox(key="train-from").value == "demo (as it ran)"
    assert metrics(page) == {"Recommenders": "4", "To train": "0"}
    assert sum("finished" in badge for badge in badges(page)) == 4
    assert page.button(key=START).disabled


def test_a_change_is_shown_and_started_as_a_file_of_the_workspace(
    screen: Open, own_workspace: Path, started: list[tuple[Any, ...]]
) -> None:
    page = opened(screen("train", own_workspace), "Training")
    page.number_input(key="train.epochs").set_value(4)
    page.checkbox(key="backbone.mind").uncheck()
    page.text_input(key="name").set_value("mine")
    page.text_input(key="grid.seeds").set_value("0, 1").run()
    assert not page.exception and not page.error
    assert page.button(key=START).label == "Train 4 recommenders"
    assert sum("0 of 2" in badge for badge in badges(page)) == 2
    page.button(key=START).click().run()
    path = own_workspace / "experiments" / "mine.toml"
    assert started == [(own_workspace, str(path), (), {"upto": None, "jobs": 2})]
    saved = load_experiment(str(path))
    assert saved.train.epochs == 4
    assert (saved.grid.backbones, saved.grid.seeds) == (("sasrec",), (0, 1))


def test_the_command_and_the_file_say_what_is_set(screen: Open, empty_workspace: Path) -> None:
    page = opened(screen("train", empty_workspace), "Training")
    page.number_input(key="train.epochs").set_value(4)
    page.number_input(key="run-jobs").set_value(1)
    page.selectbox(key="run-upto").set_value("graph").run()
    codes = [one.value for one in page.code]
    assert any("autograph run demo --set train.epochs=4 --upto graph" in code for code in codes)
    assert any("epochs = 4" in code for code in codes)
    page.button(key="save-toml").click().run()
    assert load_experiment(str(empty_workspace / "experiments" / "demo.toml")).train.epochs == 4
    page.button(key="undo").click().run()
    assert page.number_input(key="train.epochs").value == 80
    assert page.button(key="save-toml").label == "Replace the saved one"


def test_the_address_fills_the_form(screen: Open, empty_workspace: Path) -> None:
    page = screen(
        "train",
        empty_workspace,
        **{"from": "ml-1m", "train.epochs": "9", "data.source": "/nowhere", "grid.seeds": "3"},
    )
    assert page.selectbox(key="train-from").value == "ml-1m"
    assert page.number_input(key="train.epochs").value == 9
    assert page.text_input(key="grid.seeds").value == "3"
    assert any("train\\.epochs\\=9" in one.value for one in page.caption)


def test_another_base_fills_the_form_anew(screen: Open, empty_workspace: Path) -> None:
    page = opened(screen("train", empty_workspace), "Training")
    page.number_input(key="train.epochs").set_value(3)
    page.checkbox(key="backbone.mind").uncheck().run()
    page.selectbox(key="train-from").set_value("ml-1m").run()
    assert page.number_input(key="train.epochs").value == read_tree("ml-1m")["train"]["epochs"]
    assert page.checkbox(key="backbone.mind").value
    page = opened(page, "Knowledge")
    assert page.selectbox(key="llm.item.backend").value == "replay"
    assert any("set data\\.source" in one.value for one in page.markdown)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("train.epochs", 0, "Has to be greater than 0"),
        ("grid.seeds", "0, x", "Has to be a whole number"),
        ("name", "../../etc", "digits, dot, hyphen and underscore, as etc does"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    key: str, value: Any, sentence: str, screen: Open, empty_workspace: Path
) -> None:
    page = opened(screen("train", empty_workspace), "Training")
    kind = page.number_input if isinstance(value, int) else page.text_input
    kind(key=key).set_value(value).run()
    assert not page.exception
    assert "before this can run" in page.error[0].value
    assert sum(sentence in one.value for one in page.markdown) == 2
    assert START not in {one.key for one in page.button}


def test_other_fields_appear_with_another_backend(screen: Open, empty_workspace: Path) -> None:
    page = opened(screen("train", empty_workspace), "Knowledge")
    page.selectbox(key="llm.item.backend").set_value("server").run()
    assert page.text_input(key="llm.item.model").value == ""
    assert any("Has to be given" in one.value for one in page.markdown)
    page.text_input(key="llm.item.model").set_value("m").run()
    assert not page.error
    assert metrics(page)["Recommenders"] == "18"


def test_what_nobody_looks_at_keeps_what_was_changed(screen: Open, empty_workspace: Path) -> None:
    """Parts of the form without a change are not drawn; those with one go on holding it."""
    page = opened(screen("train", empty_workspace), "Training")
    rate = page.number_input(key="train.learning_rate").value
    page.number_input(key="train.epochs").set_value(4)
    page.number_input(key="train.batch_size").set_value(0).run()
    for room in ("Data", "Knowledge"):
        page = opened(page, room)
        drawn = {one.key for one in page.number_input}
        assert "train.epochs" in drawn and "quantize.item.k" not in drawn
        assert any("**Training\\: Batch size** Has to be" in one.value for one in page.markdown)
    page.number_input(key="train.batch_size").set_value(64).run()
    told = next(one.value for one in page.caption if "Changed" in one.value)
    assert "train\\.epochs\\=4" in told and "train\\.batch\\_size\\=64" in told
    page = opened(page, "Training")
    assert page.number_input(key="train.epochs").value == 4
    assert page.number_input(key="train.learning_rate").value == rate
    page.number_input(key="train.epochs").set_value(80)
    page.number_input(key="train.batch_size").set_value(128).run()
    page = opened(page, "Data")
    assert "train.epochs" not in {one.key for one in page.number_input}
    assert not any("Changed" in one.value for one in page.caption)


def test_what_is_wrong_is_called_by_name_where_nobody_looks(
    screen: Open, empty_workspace: Path
) -> None:
    page = opened(screen("train", empty_workspace, **{"from": "ml-1m"}), "Training")
    assert any("**Data\\: Source** " in one.value for one in page.markdown)


def test_nothing_ticked_is_nothing_to_train(screen: Open, empty_workspace: Path) -> None:
    page = screen("train", empty_workspace)
    for name in ("none", "autograph", "fusion"):
        page.checkbox(key=f"enhancer.{name}").uncheck()
    page.run()
    assert not page.exception
    assert any("at least 1" in one.value for one in page.markdown)


def test_what_takes_no_enhancer_is_ticked_by_itself(
    screen: Open, empty_workspace: Path, started: list[tuple[Any, ...]]
) -> None:
    page = screen("train", empty_workspace)
    page.checkbox(key="backbone.item-knn").uncheck().run()
    assert page.button(key=START).label == "Train 17 recommenders"
    page.checkbox(key="backbone.item-knn").check().run()
    assert page.button(key=START).label == "Train 18 recommenders"
    names = [f"backbone.{name}" for name in BACKBONES if name != "item-knn"]
    for name in (*names, *(f"enhancer.{name}" for name in ("none", "autograph", "fusion"))):
        page.checkbox(key=name).uncheck()
    page.run()
    assert not page.exception and metrics(page) == {"Recommenders": "1", "To train": "1"}
    page.button(key=START).click().run()
    _, name, changes, _ = started[0]
    saved = load_experiment(name, changes)
    assert list(saved.grid) == [Cell("item-knn", "none", 0)]


def test_curves_of_the_chosen_experiment_are_drawn(screen: Open, demo_workspace: Path) -> None:
    page = screen("train", demo_workspace)
    (chart,) = page.get("echarts_chart")
    spec = json.loads(chart.proto.spec)
    assert len(spec["series"]) == 8


def curves(page: AppTest) -> list[set[str]]:
    """The recommenders of each chart on the page."""
    specs = [json.loads(chart.proto.spec) for chart in page.get("echarts_chart")]
    return [{line["name"] for line in spec["series"]} for spec in specs]


def test_curves_are_those_of_the_experiment_in_the_form(screen: Open, demo_workspace: Path) -> None:
    page = screen("train", demo_workspace, experiment="demo", name="unheard-of")
    assert not curves(page) and "Training curves of unheard\\-of" in words(page)
    assert "No curves yet" in words(page)


def test_a_recommender_at_which_a_job_is_shows_so_with_its_curve(
    screen: Open, own_workspace: Path
) -> None:
    cell = Cell("sasrec", "autograph", 0)
    folder = read_record("demo", own_workspace).folder("train", cell)
    (folder / "manifest.json").unlink()
    steps = [f"training {cell}", "training sasrec+none seed 0"]
    at_it = {"event": "progress", "step": steps[0], "done": 1, "total": 9}
    events = [{"event": "running"}, {"event": "planned", "steps": steps}, at_it]
    with alive(make_job(own_workspace, 1, events)):
        page = screen("train", own_workspace)
        assert not page.exception
        assert sum("training" in badge for badge in badges(page)) == 1
        assert curves(page) == [{"sasrec+autograph", "sasrec+none"}]
    page = screen("train", own_workspace)
    assert not any("training" in badge for badge in badges(page))


def test_the_screen_is_drawn_again_when_a_step_begins() -> None:
    from app.jobs.events import story_of
    from app.jobs.state import Job
    from app.ui.train.curves import steps_of

    def job(*events: dict[str, Any]) -> Job:
        lines = [{"at": float(at), **event} for at, event in enumerate(events)]
        steps = story_of(lines).steps
        about: dict[str, Any] = {"title": "", "words": (), "created": 0.0, "started": 1.0}
        about |= {"ended": None, "attempt": 1, "error": "", "exclusive": True}
        return Job("1", "run", state="running", steps=steps, folder=Path(), **about)

    before, epoch = steps_of([job(*RUNNING[:4])]), steps_of([job(*RUNNING[:5])])
    assert before != epoch and epoch == steps_of([job(*RUNNING)])


def test_a_failed_run_says_why_beside_the_way_to_begin_again(
    screen: Open, own_workspace: Path
) -> None:
    make_job(own_workspace, 1, FAILED)
    page = screen("train", own_workspace, **{"train.epochs": "4"})
    told = [one.value for one in page.error]
    assert len(told) == 1 and "The last run failed" in told[0] and "\\*column\\*" in told[0]
    assert not page.button(key=START).disabled


def test_nothing_changed_is_not_said_to_be_changed(screen: Open, own_workspace: Path) -> None:
    """A list that is not set and a field without a word are the same to whoever looks."""
    folder = own_workspace / "experiments"
    folder.mkdir()
    (own_workspace / "mine.csv").write_text("user,item\n1,2\n")
    text = 'name = "mine"\n[data]\nname = "files"\n[data.files]\n'
    text += f'interactions = "{own_workspace / "mine.csv"}"\nuser = "user"\nitem = "item"\n'
    (folder / "mine.toml").write_text(text)
    page = screen("train", own_workspace, **{"from": "mine (saved)"})
    assert not page.exception and page.text_input(key="name").value == "mine"
    assert "Changed" not in words(page)


def test_a_name_with_a_blank_is_answered_with_one_that_does(
    screen: Open, empty_workspace: Path
) -> None:
    page = screen("train", empty_workspace)
    page.text_input(key="name").set_value("My Shop").run()
    assert "My-Shop" in words(page).replace("\\", "") and "^[A-Za-z" not in words(page)


def test_markup_in_names_stays_text(screen: Open, empty_workspace: Path) -> None:
    page = screen("train", empty_workspace)
    page.text_input(key="note").set_value("<img src=x onerror=alert(1)> *bold*").run()
    assert not page.exception and not page.error
    told = [one.value for one in page.caption if "Changed" in one.value]
    assert "\\<img" in told[0] and "\\*bold\\*" in told[0]


def test_broken_files_are_left_out_or_told(screen: Open, own_workspace: Path) -> None:
    (own_workspace / "experiments").mkdir()
    (own_workspace / "experiments" / "broken.toml").write_text("grid = [")
    (own_workspace / "runs" / "torn.json").write_text('{"expe')
    page = screen("train", own_workspace, experiment="demo")
    assert not page.exception
    names = sorted(path.stem for path in SHIPPED.glob("*.toml") if path not in (PAPER, PUBLISHED))
    assert page.selectbox(key="train-from").options == [*names, "demo (as it ran)"]


def test_a_damaged_curve_gets_its_sentence(screen: Open, own_workspace: Path) -> None:
    for path in own_workspace.glob("artifacts/train/*/curve.parquet"):
        path.write_bytes(b"torn")
    page = screen("train", own_workspace)
    assert not page.exception
    assert any("damaged" in one.value for one in page.error)
