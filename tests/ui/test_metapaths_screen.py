"""The Metapaths screen without a browser."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from opening import Open, asked, open_tables, press, sound, words
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from app.experiment.drafts import save_own
from app.experiment.file import load_experiment
from app.experiment.metapaths import TRAINABLE, used_metapaths
from app.pipeline.records import keep_record, read_record
from graph.explore.atlas import Atlas
from graph.explore.paths import count_instances
from graph.latent import PAPER
from graph.query.query import Query


def test_the_paper_s_metapaths_are_counted(
    screen: Open, demo_workspace: Path, atlas: Atlas
) -> None:
    page = screen("metapaths", demo_workspace)
    assert sound(page)
    rows = page.dataframe[0].value
    assert list(rows["metapath"]) == list(PAPER)
    paths = [Query.parse(path, atlas.schema) for path in PAPER]
    assert list(rows["instances"]) == [count_instances(atlas.graph, path) for path in paths]


def test_a_path_grows_by_what_is_allowed(screen: Open, demo_workspace: Path) -> None:
    page = screen("metapaths", demo_workspace, metapath="")
    for kind, path, after in (
        ("user", "u", {"item", "user_factor"}),
        ("user_factor", "uU", {"user"}),
        ("user", "uUu", {"item", "user_factor"}),
        ("item", "uUui", {"user", "item_factor"}),
    ):
        page = page.button(key=f"extend-{kind}").click().run()
        assert sound(page) and asked(page, "metapath") == path
        offered = {b.key.removeprefix("extend-") for b in page.button if "extend-" in (b.key or "")}
        assert offered == after
    rows = page.dataframe[0].value
    assert rows["metapath"].iloc[-1] == "user > user_factor > user > item"
    assert rows["source"].iloc[-1] == "yours"
    page = press(page, "Back")
    assert asked(page, "metapath") == "uUu" and sound(page)
    page = press(page, "Clear")
    assert sound(page) and not asked(page, "metapath")


def test_the_address_can_hold_a_query(screen: Open, demo_workspace: Path, atlas: Atlas) -> None:
    text = "user -has_level_0-> user_factor > user"
    page = screen("metapaths", demo_workspace, metapath=text)
    rows = page.dataframe[0].value
    assert sound(page) and rows["metapath"].iloc[-1] == text
    counted = count_instances(atlas.graph, Query.parse(text, atlas.schema))
    assert rows["instances"].iloc[-1] == counted
    page = page.button(key="extend-item").click().run()
    assert sound(page) and asked(page, "metapath") == f"{text} > item"
    page = press(press(page, "Back"), "Back")
    assert sound(page) and asked(page, "metapath") == "user -has_level_0-> user_factor"
    page = screen("metapaths", demo_workspace, metapath="user > item:3")
    assert sound(page) and "a metapath takes all edges" in words(page)


def test_instances_between_two_nodes(screen: Open, demo_workspace: Path, atlas: Atlas) -> None:
    from graph.explore.paths import instances

    path = Query.parse("item > item_factor > item", atlas.schema)
    pair = next(
        (start, found[0][-1])
        for start in range(atlas.graph.size("item"))
        if (found := instances(atlas.graph, path, start, limit=1))
    )
    start, end = (atlas.key(("item", number)) for number in pair)
    page = screen("metapaths", demo_workspace, metapath="iIi", node=start, to=end)
    n = len(instances(atlas.graph, path, *pair))
    assert sound(page) and f"All {n} instances that join them" in words(page)
    page = open_tables(page, "instances")
    rows = next(one.value for one in page.dataframe if "2. Item factor" in one.value.columns)
    assert sound(page) and len(rows) == n
    assert set(rows["1. Item"]) == {atlas.names.title(("item", pair[0]))}
    page = screen("metapaths", demo_workspace, metapath="iIi", node=start)
    every = count_instances(atlas.graph, path, start=pair[0])
    assert f"Streams of all {every:,} instances" in words(page)
    page = open_tables(page, "streams")
    rows = next(one.value for one in page.dataframe if "step" in one.value.columns)
    assert sound(page) and rows[rows["step"] == 1]["instances"].sum() == every


def test_switching_one_off_makes_an_experiment(screen: Open, own_workspace: Path) -> None:
    page = screen("metapaths", own_workspace)
    page = page.toggle(key="use-item > user").set_value(False).run()
    assert sound(page) and "model.enhancer.metapaths" in words(page)
    page = press(page, "Save its settings")
    (saved,) = (own_workspace / "experiments").glob("*.toml")
    fresh = load_experiment(str(saved))
    assert sound(page) and "item > user" not in used_metapaths(fresh)
    assert len(used_metapaths(fresh)) == 3 and fresh.name == saved.stem
    (command,) = (part.value for part in page.code if "EXPERIMENT.toml" in part.value)
    by_sets, by_file = map(shlex.split, command.splitlines())
    assert by_sets[-4:-2] == ["--set", f"name={fresh.name}"]
    assert by_sets[-2:] == by_file[-2:] == ["--workspace", str(own_workspace)]
    assert by_file[1:-2] == ["run", str(saved)]


@pytest.mark.parametrize(
    ("enhancers", "told"),
    [
        ("['none','kar','grounded']", "here by the grounded graph."),
        ("['none','kar']", "There are none to switch in KAR."),
        ("['none']", "This experiment trains plain recommenders only."),
    ],
)
def test_what_learns_along_metapaths_is_told_from_what_does_not(
    screen: Open, own_workspace: Path, enhancers: str, told: str
) -> None:
    record = read_record("demo", own_workspace)
    other = load_experiment("demo", [f"grid.enhancers={enhancers}", "name=other"])
    keep_record(other, own_workspace, record.keys, record.cells)
    page = screen("metapaths", own_workspace, experiment="other")
    assert sound(page) and told in words(page)
    assert ("plain recommenders only" in words(page)) == (enhancers == "['none']")
    assert bool(page.toggle) == ("grounded" in enhancers)


def test_the_name_says_which_metapaths_are_left(screen: Open, own_workspace: Path) -> None:
    page, found = screen("metapaths", own_workspace), set()
    first, second = TRAINABLE[:2]
    page.toggle(key=f"use-{first}").set_value(False).run()
    found.add(name_field(page).value)
    page.toggle(key=f"use-{first}").set_value(True)
    page.toggle(key=f"use-{second}").set_value(False).run()
    found.add(name_field(page).value)
    page.toggle(key=f"use-{first}").set_value(False).run()
    found.add(name_field(page).value)
    assert sound(page) and len(found) == 3


@pytest.mark.parametrize("where", ["saved", "run"])
def test_another_experiment_of_the_name_is_replaced_only_when_asked(
    screen: Open, own_workspace: Path, where: str
) -> None:
    record = read_record("demo", own_workspace)
    other = record.experiment.model_copy(update={"name": "other"})
    file = own_workspace / "experiments" / "other.toml"
    if where == "saved":
        save_own(other, own_workspace)
    else:
        keep_record(other, own_workspace, record.keys, record.cells)
    page = screen("metapaths", own_workspace, experiment="demo")
    page = page.toggle(key="use-item > user").set_value(False).run()
    page = name_field(page).set_value("other").run()
    held = {button.label for button in page.button if button.disabled}
    assert sound(page) and {"Save its settings", "Train it"} <= held
    page = page.checkbox(key="metapath-replace-other").check().run()
    page = press(page, "Save its settings")
    assert sound(page) and "item > user" not in used_metapaths(load_experiment(str(file)))


def test_a_name_that_leaves_the_folder_is_refused(screen: Open, own_workspace: Path) -> None:
    page = screen("metapaths", own_workspace)
    page = page.toggle(key="use-item > user").set_value(False).run()
    page = name_field(page).set_value("../out").run()
    assert not page.exception and any("name" in error.value for error in page.error)
    assert not list(own_workspace.rglob("out*.toml"))


def name_field(page: AppTest) -> TextInput:
    """The field for the name of the new experiment."""
    (found,) = (one for one in page.text_input if one.label == "Name of the new experiment")
    return found


@pytest.mark.parametrize("path", ["x", "uI", "uiuiuiui", "<b>"])
def test_a_broken_link_says_so_and_shows_another_path(
    screen: Open, demo_workspace: Path, path: str
) -> None:
    page = screen("metapaths", demo_workspace, metapath=path)
    assert sound(page) and "Instead, this is" in page.warning[0].value
    assert asked(page, "metapath") == page.session_state["metapath"] == "iIi"
    page = press(page, "Back")
    assert sound(page) and not page.warning and asked(page, "metapath") == "iI"


def test_an_empty_workspace_offers_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("metapaths", empty_workspace)
    assert not page.exception
    assert "Build the demo" in [button.label for button in page.button]


def test_without_factors_it_says_what_is_missing(screen: Open, own_workspace: Path) -> None:
    for manifest in (own_workspace / "artifacts" / "factors-user").glob("*/manifest.json"):
        manifest.unlink()
    page = screen("metapaths", own_workspace)
    assert not page.exception and "Not finished yet" in [s.value for s in page.subheader]
