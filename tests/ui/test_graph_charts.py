"""Pictures of graphs and metapaths, as the plain options that ECharts gets."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from app.ui.graph.explorer import slots
from app.ui.graph.picture import colour_of, graph_view, legend_name, node_id, symbol_of
from app.ui.metapaths.charts import (
    flow_chart,
    instance_chart,
    overview_chart,
)
from data.domains import Domains
from graph.explore.atlas import Atlas, picture
from graph.explore.overview import overview_of
from graph.explore.paths import flow, instances
from graph.query.query import Query
from graph.schema import NodeType

HOSTILE = '<img src=x onerror=alert(1)>{b}{a|<script>"\n'


def types_of(atlas: Atlas, path: Query) -> list[NodeType]:
    return [atlas.schema.node(kind) for kind in path.types]


def drawn(atlas: Atlas, text: str, **more: Any) -> tuple[Any, dict[str, Any]]:
    seen = picture(atlas, text)
    titles = [atlas.names.title(node) for node in seen.subgraph.nodes]
    spec = graph_view(seen.subgraph, seen.places, titles, **more)
    json.dumps(spec, allow_nan=False)
    return seen.subgraph, spec["series"][0]


@pytest.mark.parametrize("text", ["", "si0_h2_c80", "pu0.u5", "sI0_h3_c1000", "si0_t-"])
def test_every_node_and_edge_is_drawn_once(atlas: Atlas, text: str) -> None:
    subgraph, series = drawn(atlas, text)
    assert [node["id"] for node in series["data"]] == [
        node_id(subgraph, node) for node in subgraph.nodes
    ]
    expected = {
        frozenset(node_id(subgraph, subgraph.nodes[end]) for end in (a, b))
        for a, b in subgraph.edges.tolist()
    }
    links = [frozenset((link["source"], link["target"])) for link in series["links"]]
    assert set(links) == expected and len(links) == len(expected)


def test_types_have_their_colours_and_shapes(atlas: Atlas) -> None:
    subgraph, series = drawn(atlas, "si0_h2")
    for node, (name, _) in zip(series["data"], subgraph.nodes, strict=True):
        category, kind = series["categories"][node["category"]], atlas.schema.node(name)
        assert category["itemStyle"]["color"] == colour_of(kind) == name
        assert category["symbol"] == symbol_of(kind)


def test_items_have_the_colour_of_their_domain_where_there_are_several(atlas: Atlas) -> None:
    of_item = np.arange(atlas.graph.size("item")) % 2
    domains = Domains(("books", "films"), of_item)
    seen = picture(atlas, "su0_h2_c200")
    titles = [atlas.names.title(node) for node in seen.subgraph.nodes]
    spec = graph_view(seen.subgraph, seen.places, titles, domains=domains)
    (series,) = spec["series"]
    counts: Counter[str] = Counter()
    for node, (name, number) in zip(series["data"], seen.subgraph.nodes, strict=True):
        look = series["categories"][node["category"]]
        expected = ("item", "circle", "teal", "rect")[2 * of_item[number] :][:2]
        if name != "item":
            kind = atlas.schema.node(name)
            expected = (colour_of(kind), symbol_of(kind))
        assert (look["itemStyle"]["color"], look["symbol"]) == tuple(expected)
        counts[look["name"]] += 1
    told = [line["name"] for line in spec["legend"]["data"]]
    assert all(name in told for name in counts)
    assert any(name.startswith("Items of films ") for name in told)
    assert not any(name.startswith("Items ") and " of " not in name for name in told)
    for name, n in counts.items():
        assert f" {n:,}" in name


def test_items_of_one_domain_are_drawn_as_ever(atlas: Atlas) -> None:
    assert atlas.domains is None
    _, series = drawn(atlas, "si0_h2", domains=None)
    assert len(series["categories"]) == len(atlas.schema.nodes)


def test_more_neighbours_make_a_larger_node(atlas: Atlas) -> None:
    subgraph, series = drawn(atlas, "su0_h2_c200")
    leaves = set(range(len(subgraph.nodes))) - set(subgraph.parents.tolist())
    for kind in atlas.schema.types:
        mine = [
            (node["value"], node["symbolSize"])
            for at, node in enumerate(series["data"])
            if at in leaves and subgraph.nodes[at][0] == kind
        ]
        assert [size for _, size in sorted(mine)] == sorted(size for _, size in mine)


def test_the_legend_counts_what_is_visible(atlas: Atlas) -> None:
    seen = picture(atlas, "si0_h2_n5")
    for kind in atlas.schema.nodes:
        visible = Counter(k for k, _ in seen.subgraph.nodes)[kind.name]
        name = legend_name(seen.subgraph, kind)
        assert name.startswith(f"{kind.plural} {visible:,}")
        total = seen.subgraph.counts[kind.name].total
        assert name.endswith(f"of {total:,}") == (total > visible)


def test_a_narrow_picture_counts_clicks_as_a_wide_one_and_names_few(atlas: Atlas) -> None:
    seen = picture(atlas, "")
    spec = graph_view(seen.subgraph, seen.places, [HOSTILE] * len(seen.subgraph.nodes))
    (wide,) = spec["series"]
    (narrow,) = spec["media"][0]["option"]["series"]
    assert [node["id"] for node in narrow["data"]] == [node["id"] for node in wide["data"]]
    assert [node["x"] for node in narrow["data"]] == [node["y"] for node in wide["data"]]
    assert sum(node["label"]["show"] for node in narrow["data"]) == 12
    assert spec["media"][0]["option"]["legend"]["top"] == "auto"


def test_names_are_in_no_template_of_html(atlas: Atlas) -> None:
    seen = picture(atlas, "si0")
    titles = [HOSTILE] * len(seen.subgraph.nodes)
    spec = graph_view(seen.subgraph, seen.places, titles)
    assert all(node["name"] == HOSTILE for node in spec["series"][0]["data"])
    del spec["series"][0]["data"], spec["media"][0]["option"]["series"][0]["data"]
    assert "<img" not in json.dumps(spec)
    assert "formatter" not in spec["tooltip"]
    assert spec["series"][0]["label"]["formatter"] == "{b}"


def test_the_path_stands_out(atlas: Atlas) -> None:
    subgraph, series = drawn(atlas, "pu0.u5")
    marked = [link for link in series["links"] if link.get("lineStyle", {}).get("width") == 4]
    assert len(marked) == len(subgraph.path) - 1 > 0


def test_a_click_counts_nodes_in_the_order_that_was_asked_for(atlas: Atlas) -> None:
    subgraph, plain = drawn(atlas, "si0_h2_c40")
    order = list(range(len(subgraph.nodes)))[::-1]
    _, turned = drawn(atlas, "si0_h2_c40", order=order, selected=3)
    assert [n["id"] for n in turned["data"]] == [n["id"] for n in plain["data"]][::-1]
    assert [n["id"] for n in turned["data"] if n.get("selected")] == [plain["data"][3]["id"]]


def test_names_of_small_nodes_show_when_asked_for(atlas: Atlas) -> None:
    _, few = drawn(atlas, "sI0_h3_c500")
    _, every = drawn(atlas, "sI0_h3_c500", all_names=True)
    hidden = [node for node in few["data"] if node.get("label", {}).get("show") is False]
    assert hidden
    assert not [node for node in every["data"] if node.get("label", {}).get("show") is False]


def test_slots_keep_what_stays() -> None:
    before = [("user", n) for n in range(6)]
    after = [("user", n) for n in (5, 1, 9, 3)]
    kept = slots(before, after)
    assert sorted(kept) == sorted(after)
    assert kept[1] == ("user", 1) and kept[3] == ("user", 3)
    assert slots([], after) == tuple(after)


def test_the_schema_shows_all_types_and_marks_the_path(atlas: Atlas) -> None:
    spec = overview_chart(overview_of(atlas.flat), ("item", "item_factor", "item"))
    json.dumps(spec, allow_nan=False)
    series = spec["series"][0]
    for size in spec["media"]:
        types = size["option"]["series"][0]["data"]
        assert [node["id"] for node in types] == list(atlas.schema.types)
    widths = [link["lineStyle"]["width"] for link in series["links"]]
    assert widths == [2, 2, 6]
    assert sum(link["value"] for link in series["links"]) == len(atlas.flat.targets) // 2


def test_streams_keep_names_apart_and_counts_together(atlas: Atlas) -> None:
    path = Query.parse("item > user > item > item_factor", atlas.schema)
    listed = instances(atlas.graph, path, 0, limit=500)
    streams = flow(listed, most=5)
    spec = flow_chart(streams, types_of(atlas, path), lambda node: "the same")
    json.dumps(spec, allow_nan=False)
    series = spec["series"][0]
    names = [node["name"] for node in series["data"]]
    assert len(set(names)) == len(names)
    assert {name.rstrip("\u200b") for name in names if "others" not in name} == {"the same"}
    for link in series["links"]:
        assert link["source"] in names and link["target"] in names
    last = {node["name"] for node in series["data"] if node["depth"] == 3}
    assert sum(link["value"] for link in series["links"] if link["target"] in last) == len(listed)


def test_instances_are_drawn_from_left_to_right(atlas: Atlas) -> None:
    path = Query.parse("user > item > item_factor > item", atlas.schema)
    listed = instances(atlas.graph, path, 0, limit=15)
    spec = instance_chart(listed, types_of(atlas, path), atlas.names.title)
    json.dumps(spec, allow_nan=False)
    series = spec["series"][0]
    at = {node["id"]: node["value"][0] for node in series["data"]}
    steps = {(f"{s}:{p[s]}", f"{s + 1}:{p[s + 1]}") for p in listed for s in range(3)}
    assert {(link["source"], link["target"]) for link in series["links"]} == steps
    assert all(at[target] - at[source] == 1 for source, target in steps)
