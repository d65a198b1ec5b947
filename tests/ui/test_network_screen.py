"""The Graph screen without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from opening import Open, asked, press, sound, words
from streamlit.testing.v1 import AppTest

from graph.explore.atlas import Atlas
from graph.explore.view import View, read_view
from graph.latent import latent_schema


def view(page: AppTest) -> View:
    return read_view(asked(page, "view") or "", latent_schema())


def node(page: AppTest) -> str | None:
    return asked(page, "node")


def test_an_overview_comes_first(screen: Open, demo_workspace: Path) -> None:
    page = screen("graph", demo_workspace)
    assert sound(page) and view(page) == View()
    assert "nodes show" in words(page) and "left out by the limits" in words(page)


def test_a_selected_node_is_where_it_starts(
    screen: Open, demo_workspace: Path, atlas: Atlas
) -> None:
    page = screen("graph", demo_workspace, node=atlas.key(("item", 3)))
    assert sound(page) and view(page).starts == (("item", 3),)
    assert "Neighbours" in [part.value for part in page.subheader]


def test_a_link_is_kept_as_it_is(screen: Open, demo_workspace: Path, atlas: Atlas) -> None:
    page = screen("graph", demo_workspace, node=atlas.key(("item", 3)), view="su1_h2_n5")
    assert sound(page) and view(page) == View(starts=(("user", 1),), hops=2, each=5)


def test_open_dismiss_undo_and_start_again(
    screen: Open, demo_workspace: Path, atlas: Atlas
) -> None:
    chosen = ("item", 3)
    page = screen("graph", demo_workspace, node=atlas.key(chosen))
    users = next(b for b in page.button if b.key == "open-user")
    page = users.click().run()
    assert view(page).expansions == ((chosen, "user"),)
    page = press(page, "Dismiss")
    assert view(page).dismissed == (chosen,) and node(page) is None
    page = press(page, "Undo")
    assert view(page).expansions == ((chosen, "user"),) and not view(page).dismissed
    page = press(page, "Start again")
    assert view(page) == View() and sound(page)


def test_search_selects_and_shows_what_was_hidden(
    screen: Open, demo_workspace: Path, atlas: Atlas
) -> None:
    page = screen("graph", demo_workspace, view="su1")
    title = atlas.names.title(("item", 40))
    page = page.text_input(key="graph-search").set_value(title.upper()).run()
    hit = next(b for b in page.button if b.key and b.key.startswith("hit-"))
    page = hit.click().run()
    assert node(page) == atlas.key(("item", 40))
    assert view(page).starts == (("user", 1), ("item", 40))
    page = page.text_input(key="graph-search").set_value("no such thing at all").run()
    assert "Nothing holds all these words" in words(page)


def test_a_path_begins_at_one_node_and_ends_at_the_next(
    screen: Open, demo_workspace: Path, atlas: Atlas
) -> None:
    page = screen("graph", demo_workspace, node=atlas.key(("user", 0)), view="su0")
    page = press(page, "Path to …")
    assert "click or search its other end" in words(page)
    page = page.text_input(key="graph-search").set_value(atlas.names.id(("user", 7))).run()
    page = next(b for b in page.button if b.key and b.key.startswith("hit-")).click().run()
    assert view(page).ends == (("user", 0), ("user", 7))
    assert "steps" in words(page)
    assert [b.key for b in page.button if b.key and b.key.startswith("path-")]
    (way,) = (one for one in page.get("page_link") if "between them" in one.proto.label)
    assert way.proto.label.startswith("All paths user > ")


def test_filters_and_limits_change_the_view(screen: Open, demo_workspace: Path) -> None:
    page = screen("graph", demo_workspace, view="su0_h2")
    page = page.button_group(key="graph-types").set_value(["user", "item"]).run()
    assert view(page).filters.types == ("user", "item") and "filtered out" in words(page)
    page = page.select_slider(key="graph-cap").set_value(50).run()
    assert view(page).cap == 50 and sound(page)
    page = page.number_input(key="graph-least").set_value(12).run()
    assert view(page).filters.degree == (12, None) and sound(page)
    page = page.button_group(key="graph-types").set_value([]).run()
    assert view(page).filters.types == () and sound(page)


@pytest.mark.parametrize("text", ["nonsense", "si99999", "h9", "s" * 9000])
def test_a_broken_link_says_so_and_offers_a_new_start(
    screen: Open, demo_workspace: Path, text: str
) -> None:
    page = screen("graph", demo_workspace, view=text)
    assert not page.exception and len(page.error) == 1
    assert "Traceback" not in page.error[0].value
    page = press(page, "Start again")
    assert sound(page) and view(page) == View()


@pytest.mark.parametrize("text", ["item:nobody", "item_factor:99-99", "film:1", "user:<b>"])
def test_a_node_that_is_not_there_is_nobody(screen: Open, demo_workspace: Path, text: str) -> None:
    page = screen("graph", demo_workspace, node=text)
    assert sound(page) and view(page) == View()


def test_an_empty_workspace_offers_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("graph", empty_workspace)
    assert not page.exception
    assert "Build the demo" in [button.label for button in page.button]


def test_without_the_graph_it_says_what_is_missing(screen: Open, own_workspace: Path) -> None:
    for manifest in (own_workspace / "artifacts" / "graph").glob("*/manifest.json"):
        manifest.unlink()
    page = screen("graph", own_workspace)
    assert not page.exception and "Not finished yet" in [s.value for s in page.subheader]


def test_a_damaged_graph_is_a_sentence(screen: Open, own_workspace: Path) -> None:
    for stored in (own_workspace / "artifacts" / "graph").glob("*/graph.safetensors"):
        stored.write_bytes(b"broken")
    page = screen("graph", own_workspace)
    assert not page.exception
    assert any("is damaged" in error.value for error in page.error)


def test_what_an_address_says_stays_text_in_the_error(screen: Open, demo_workspace: Path) -> None:
    hostile = "![x](https://evil.example/x.png) [log in](https://evil.example)"
    page = screen("graph", demo_workspace, view=hostile)
    (error,) = page.error
    assert not page.exception and "[x](" not in error.value and "[log in](" not in error.value
