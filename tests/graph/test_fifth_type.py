"""A fifth type of nodes is a declaration: all that people look at takes it from the schema."""

from __future__ import annotations

import numpy as np
import pytest

from data.relation import Relation
from graph.explore.atlas import Atlas, picture
from graph.explore.export import as_network
from graph.explore.overview import count_neighbours, overview_of, statistics
from graph.explore.paths import count_instances, instances
from graph.explore.view import Filters, View, read_view, view_text
from graph.query.query import Query
from graph.schema import EdgeType, NodeType

GENRE = NodeType("genre", groups="item")
IS = EdgeType("item", "is", "genre")
OF = {0: [0], 1: [0, 1], 2: [1], 3: [0], 4: [1]}
"""Genres of items; item 5 has none."""


@pytest.fixture(scope="module")
def atlas(make_graph, make_dataset):
    four = make_graph(3).hetero
    pairs = np.array([(item, genre) for item, genres in OF.items() for genre in genres])
    edges = {IS: Relation.between(*pairs.T, four.size("item"), 2)}
    graph = four.extend(edges, {GENRE: 2}, {"genre": {"label": ("Film noir", "")}})
    return Atlas.of(graph, make_dataset([(0, 0, 0)], 7, 6), {"genre": [["heist"], []]})


def test_it_stands_among_the_neighbours_busiest_members_first(atlas):
    assert count_neighbours(atlas.flat, ("item", 1))["genre"] == 2
    busy = {item: len(atlas.graph.relation(("item", "of", "user")).of(item)) for item in (0, 1, 3)}
    _, targets = atlas.flat.around(atlas.flat.places([("genre", 0)]))
    near = [atlas.flat.node(place) for place in targets.tolist()]
    assert near == [("item", n) for n in sorted(busy, key=lambda item: (-busy[item], item))]
    assert atlas.flat.levels[atlas.flat.place(("genre", 0))] == -1


def test_metapaths_go_through_it(atlas):
    path = Query.parse("item > genre > item", atlas.schema)
    expected = {(0, 0, 1), (0, 0, 3)}
    assert set(instances(atlas.graph, path, 0)) == expected
    assert count_instances(atlas.graph, path) == 3 * 2 + 3 * 2
    long = Query.parse("genre > item -has_level_0-> item_factor", atlas.schema)
    assert count_instances(atlas.graph, long) == 6


def test_it_is_named_and_found(atlas):
    assert atlas.names.title(("genre", 0)) == "Film noir"
    assert atlas.names.title(("genre", 1)) == "Genre 1"
    assert atlas.finder.find("heist") == [("genre", 0)]
    assert atlas.node("genre:1") == ("genre", 1) and atlas.key(("genre", 1)) == "genre:1"


def test_views_of_it_can_be_written_down(atlas):
    view = View(starts=(("genre", 1),), filters=Filters(relations=("item - genre",)))
    view = view.expand(("item", 1), "genre")
    text = view_text(view, atlas.schema)
    assert text == "sg1_ei1g_r3" and read_view(text, atlas.schema) == view


def test_it_is_drawn_and_saved(atlas):
    seen = picture(atlas, "sg0_h2")
    assert {kind for kind, _ in seen.subgraph.nodes} >= {"genre", "item"}
    assert seen.subgraph.counts["genre"].shown == 2
    assert "item - genre" in seen.tables(atlas.names)[1]["relation"].to_list()
    assert "genre:0" in as_network(*seen.tables(atlas.names))
    assert {kind for kind, _ in picture(atlas, "c20").subgraph.nodes} >= {"genre", "item_factor"}


def test_it_is_counted(atlas):
    seen = overview_of(atlas.flat)
    assert seen.nodes["genre"] == 2
    assert [(one.source, one.level, one.edges) for one in seen.edges if one.target == "genre"] == [
        ("item", None, 6)
    ]
    figures = statistics(atlas.graph)
    assert figures["edges"]["item - genre"] == 6 and figures["isolated"]["genre"] == 0


def test_the_page_draws_it_in_a_colour_of_its_own(atlas):
    pytest.importorskip("streamlit")
    from app.ui.graph.picture import graph_view
    from app.ui.metapaths.charts import overview_chart

    seen = picture(atlas, "sg0_h2")
    titles = [atlas.names.title(node) for node in seen.subgraph.nodes]
    looks = graph_view(seen.subgraph, seen.places, titles)["series"][0]["categories"]
    assert looks[-1]["name"].startswith("Genres") and looks[-1]["symbol"] == "diamond"
    assert len({look["itemStyle"]["color"] for look in looks}) == len(looks)
    chart = overview_chart(overview_of(atlas.flat), ("item", "genre"))
    drawn = chart["media"][1]["option"]["series"][0]["data"]
    assert len({(one["x"], one["y"]) for one in drawn}) == len(drawn) == 5
