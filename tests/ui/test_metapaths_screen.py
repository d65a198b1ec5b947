"""The Metapaths screen without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from opening import Open, asked, press, sound, words

from app.atlas import Atlas
from app.experiment_file import load_experiment
from app.metapath_switch import used_metapaths
from graph.count import count_instances
from graph.metapath import PAPER, Metapath


def test_the_paper_s_metapaths_are_counted(
    screen: Open, demo_workspace: Path, atlas: Atlas
) -> None:
    page = screen("metapaths", demo_workspace)
    assert sound(page)
    rows = page.dataframe[0].value
    assert list(rows["metapath"]) == [str(path) for path in PAPER]
    assert list(rows["instances"]) == [count_instances(atlas.graph, path) for path in PAPER]


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


def test_instances_between_two_nodes(screen: Open, demo_workspace: Path, atlas: Atlas) -> None:
    from graph.instances import instances

    path = Metapath.parse("item > item_factor > item")
    pair = next(
        (start, found[0][-1])
        for start in range(atlas.graph.n_items)
        if (found := instances(atlas.graph, path, start, limit=1))
    )
    start, end = (atlas.key(("item", number)) for number in pair)
    page = screen("metapaths", demo_workspace, metapath="iIi", node=start, to=end)
    n = len(instances(atlas.graph, path, *pair))
    assert sound(page) and f"All {n} instances that join them" in words(page)
    page = screen("metapaths", demo_workspace, metapath="iIi", node=start)
    every = count_instances(atlas.graph, path, start=pair[0])
    assert f"Streams of all {every:,} instances" in words(page)


def test_switching_one_off_makes_an_experiment(screen: Open, own_workspace: Path) -> None:
    page = screen("metapaths", own_workspace)
    page = page.toggle(key="use-item > user").set_value(False).run()
    assert sound(page) and "model.enhancer.metapaths" in words(page)
    page = press(page, "Save its settings")
    saved = own_workspace / "experiments" / "demo-3-metapaths.toml"
    fresh = load_experiment(str(saved))
    assert sound(page) and "item > user" not in used_metapaths(fresh)
    assert len(used_metapaths(fresh)) == 3 and fresh.name == "demo-3-metapaths"


def test_a_name_that_leaves_the_folder_is_refused(screen: Open, own_workspace: Path) -> None:
    page = screen("metapaths", own_workspace)
    page = page.toggle(key="use-item > user").set_value(False).run()
    page = page.text_input(key="metapath-experiment").set_value("../out").run()
    assert not page.exception and any("name" in error.value for error in page.error)
    assert not list(own_workspace.rglob("out*.toml"))


@pytest.mark.parametrize("path", ["x", "uI", "uiuiuiui", "<b>"])
def test_a_broken_link_says_so(screen: Open, demo_workspace: Path, path: str) -> None:
    page = screen("metapaths", demo_workspace, metapath=path)
    assert not page.exception and len(page.error) == 1


def test_an_empty_workspace_offers_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("metapaths", empty_workspace)
    assert not page.exception
    assert "Build the demo" in [button.label for button in page.button]


def test_without_factors_it_says_what_is_missing(screen: Open, own_workspace: Path) -> None:
    for manifest in (own_workspace / "artifacts" / "factors-user").glob("*/manifest.json"):
        manifest.unlink()
    page = screen("metapaths", own_workspace)
    assert not page.exception and "Not finished yet" in [s.value for s in page.subheader]
