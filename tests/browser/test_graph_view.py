"""The picture of the graph in a real browser: clicks come back, and the view goes on."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlparse

import networkx as nx
import polars as pl
import pytest
from browsing import PageAt, downloaded, settled, shot
from playwright.sync_api import Page

from app.pipeline.records import read_record
from app.results.results import Results
from graph.explore.atlas import Atlas, Picture, picture
from graph.explore.flat import Node
from graph.explore.view import View, read_view, view_text
from graph.latent import latent_schema

SCHEMA = latent_schema()
START = "si0_h2_c120"


@pytest.fixture(scope="module")
def atlas(demo_workspace: Path) -> Atlas:
    return Results(read_record("demo", demo_workspace)).atlas


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def view_of(page: Page) -> View:
    return read_view(asked(page).get("view", ""), SCHEMA)


def pixel(page: Page, seen: Picture, node: Node) -> tuple[float, float]:
    """Where a node is drawn: ECharts fits all places into the frame of the series."""
    box = page.locator("[data-testid=stEChartsChart]").bounding_box()
    assert box is not None
    left, right, top, bottom = 84, 84, 68, 44
    xs, ys = zip(*seen.places.values(), strict=True)
    wide, high = box["width"] - left - right, box["height"] - top - bottom
    scale = min(wide / (max(xs) - min(xs)), high / (max(ys) - min(ys)))
    x, y = seen.places[node]
    return (
        box["x"] + left + wide / 2 + (x - (max(xs) + min(xs)) / 2) * scale,
        box["y"] + top + high / 2 + (y - (max(ys) + min(ys)) / 2) * scale,
    )


def click_node(page: Page, seen: Picture, node: Node) -> None:
    page.locator("[data-testid=stEChartsChart]").scroll_into_view_if_needed()
    page.wait_for_timeout(700)  # the picture moves into its place
    page.mouse.click(*pixel(page, seen, node))


def waits_for(page: Page, name: str, value: str | None) -> None:
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).get(name) === value",
        arg=[name, value],
    )
    settled(page)


def test_a_click_selects_and_the_picture_goes_on(
    page_at: PageAt, demo_workspace: Path, atlas: Atlas
) -> None:
    seen = picture(atlas, START)
    page = page_at(demo_workspace, f"graph?experiment=demo&view={START}", width=1920)
    chosen = seen.subgraph.nodes[seen.subgraph.parents.tolist().index(0)]
    click_node(page, seen, chosen)
    waits_for(page, "node", atlas.key(chosen))
    page.get_by_text(atlas.names.title(chosen), exact=True).first.wait_for()
    shot(page, "graph-selected")

    page.get_by_role("button", name="Items (").click()
    waits_for(page, "view", view_text(read_view(START, SCHEMA).expand(chosen, "item"), SCHEMA))
    assert asked(page)["node"] == atlas.key(chosen)

    page.get_by_role("button", name="Dismiss").click()
    page.wait_for_function("!new URLSearchParams(location.search).get('node')")
    settled(page)
    assert view_of(page).dismissed == (chosen,)
    page.get_by_text("dismissed").wait_for()

    page.get_by_role("button", name="Undo").click()
    waits_for(page, "view", view_text(read_view(START, SCHEMA).expand(chosen, "item"), SCHEMA))
    page.get_by_role("button", name="Start again").click()
    waits_for(page, "view", None)


def test_a_second_click_takes_the_selection_back(
    page_at: PageAt, demo_workspace: Path, atlas: Atlas
) -> None:
    seen = picture(atlas, START)
    page = page_at(demo_workspace, f"graph?experiment=demo&view={START}")
    one, other = seen.subgraph.nodes[0], seen.subgraph.nodes[1]
    for node in (one, other):
        click_node(page, seen, node)
        waits_for(page, "node", atlas.key(node))
    click_node(page, seen, other)
    waits_for(page, "node", None)
    click_node(page, seen, one)
    waits_for(page, "node", atlas.key(one))


def test_search_finds_what_does_not_show_and_brings_it_in(
    page_at: PageAt, demo_workspace: Path, atlas: Atlas
) -> None:
    page = page_at(demo_workspace, "graph?experiment=demo&view=su0")
    shown = look_nodes(atlas, "su0")
    hidden = next(n for n in range(atlas.graph.size("item")) if ("item", n) not in shown)
    title = atlas.names.title(("item", hidden))
    page.get_by_label("Search").first.fill(title)
    page.get_by_role("button", name=title).first.click()
    waits_for(page, "node", atlas.key(("item", hidden)))
    assert view_of(page).starts == (("user", 0), ("item", hidden))
    page.get_by_role("button", name="Path to …").wait_for()
    assert page.get_by_label("Search").first.input_value() == ""


def test_a_path_between_two_nodes(page_at: PageAt, demo_workspace: Path, atlas: Atlas) -> None:
    page = page_at(demo_workspace, "graph?experiment=demo&view=su0&node=user:" + user(atlas, 0))
    page.get_by_role("button", name="Path to …").click()
    page.get_by_text("click or search its other end").wait_for()
    settled(page)
    page.get_by_label("Search").first.fill(user(atlas, 5))
    page.get_by_role("button", name=atlas.names.title(("user", 5))).first.click()
    waits_for(page, "view", "su0_pu0.u5")
    page.get_by_text(re.compile(r"\d steps?$")).wait_for()
    shot(page, "graph-path")


def test_files_hold_what_is_visible(page_at: PageAt, demo_workspace: Path, atlas: Atlas) -> None:
    seen = picture(atlas, START)
    page = page_at(demo_workspace, f"graph?experiment=demo&view={START}")
    page.get_by_role("button", name="Save").click()
    read = {
        "GraphML": lambda data: nx.read_graphml(io.BytesIO(data)).number_of_nodes(),
        "GEXF": lambda data: nx.read_gexf(io.BytesIO(data)).number_of_nodes(),
        "Nodes as Parquet": lambda data: pl.read_parquet(data).height,
    }
    for name, count in read.items():
        download = downloaded(page, page.get_by_role("button", name=name))
        assert count(Path(download.path()).read_bytes()) == len(seen.subgraph.nodes)


def test_the_picture_is_saved_as_png(page_at: PageAt, demo_workspace: Path) -> None:
    from PIL import Image

    page = page_at(demo_workspace, f"graph?experiment=demo&view={START}", dark=True)
    page.locator("[data-testid=stEChartsChart]").hover()
    download = downloaded(page, page.get_by_role("button", name="Download as PNG"))
    saved = Image.open(download.path())
    assert saved.format == "PNG" and saved.width > 1000
    assert len(saved.convert("RGB").getcolors(10**6) or ()) > 50


def test_a_link_shows_the_same_and_a_broken_one_says_so(
    page_at: PageAt, demo_workspace: Path
) -> None:
    link = "graph?experiment=demo&view=sU0_h2_c40_tuUi"
    texts = [page_at(demo_workspace, link).get_by_text("nodes show").inner_text() for _ in range(2)]
    assert texts[0] == texts[1] and "40 of" in texts[0]
    page = page_at(demo_workspace, "graph?experiment=demo&view=si999999")
    page.get_by_text("no item 999999 in this graph").wait_for()
    page.get_by_role("button", name="Start again").click()
    page.wait_for_selector("[data-testid=stEChartsChart] canvas")


QUERY = quote("user:3 > item:4 latest > item_factor")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1920, True)])
def test_pictures_of_the_screens(
    page_at: PageAt, demo_workspace: Path, width: int, dark: bool
) -> None:
    for name, path in (
        ("graph-overview", "graph?experiment=demo"),
        ("graph-around", f"graph?experiment=demo&view={START}"),
        ("metapaths", "metapaths?experiment=demo"),
        ("query", f"query?experiment=demo&answer=Picture&query={QUERY}"),
    ):
        page = page_at(demo_workspace, path, width=width, dark=dark)
        page.wait_for_selector("[data-testid=stEChartsChart] canvas")
        shot(page, f"{name}-{width}-{'dark' if dark else 'light'}")


def look_nodes(atlas: Atlas, text: str) -> tuple[Node, ...]:
    return picture(atlas, text).subgraph.nodes


def user(atlas: Atlas, number: int) -> str:
    return atlas.names.id(("user", number))
