"""Types may be called in any script, and there may be many of them."""

import re
from itertools import pairwise

import numpy as np
import pytest

from graph import HeteroGraph, Query, Sampler
from graph.exchange.folder import from_folder, to_folder
from graph.exchange.networks import from_networkx, to_networkx
from graph.explore.atlas import Atlas, picture
from graph.explore.view import Filters, View, read_view, view_text
from graph.schema import CODE, EdgeType, NodeType, Schema


@pytest.mark.parametrize(
    ("a", "b"), [("товар", "école"), ("用户", "商品"), ("é", "è"), ("العنصر", "user")]
)
def test_types_of_any_script_are_built_walked_and_stored(tmp_path, a, b):
    graph = HeteroGraph.of(
        {}, {(a, "покупает", b): {a: [1, 1, 2], b: [7, 8, 8], "цена": [1, 2, 3]}}
    )
    assert graph.sizes == {a: 2, b: 2}
    sample = Sampler(graph, Query.parse(f"{a} > {b} where edge.цена > 1", graph.schema)).sample([0])
    assert sample.nodes[b].tolist() == [1]
    graph.save(tmp_path / "graph")
    again = HeteroGraph.load(tmp_path / "graph")
    assert again.schema == graph.schema and again.sizes == graph.sizes
    assert again.edge_attributes[a, "покупает", b]["цена"].tolist() == [1, 2, 3]


def test_letters_are_those_of_the_name_as_far_as_these_are_of_addresses():
    types = ("café", "école", "e", "a", "c")
    letters = [node.letter for node in Schema(tuple(map(NodeType, types))).nodes]
    assert letters == ["c", "o", "e", "a", "b"]


def test_a_view_of_more_than_52_types_comes_back_from_its_text():
    types = tuple(f"t{n}" for n in range(120))
    edges = tuple(EdgeType(a, "to", b) for a, b in pairwise(types))
    schema = Schema(tuple(map(NodeType, types)), edges)
    codes = [node.letter for node in schema.nodes]
    assert len(set(codes)) == 120 and all(re.fullmatch(CODE, one) for one in codes)
    assert all(len(one) == 1 for one in codes[:52]) and codes[-1].startswith("~~")
    assert schema.of_letters(schema.letters(types)) == types
    assert Schema.read(schema.as_json()) == schema
    view = View(
        starts=(("t0", 5), ("t60", 7), ("t119", 1)),
        expansions=((("t60", 7), "t61"), (("t3", 2), "t4")),
        ends=(("t110", 3), ("t2", 4)),
        filters=Filters(types=("t1", "t99")),
    )
    assert read_view(view_text(view, schema), schema) == view


def test_a_graph_of_sixty_types_is_walked():
    names = [f"t{n}" for n in range(60)]
    edges = {(a, "to", b): {a: [1], b: [1]} for a, b in pairwise(names)}
    graph = HeteroGraph.of({}, edges)
    found = Sampler(graph, Query.parse("t57 > t58 > t59", graph.schema)).sample(np.array([0]))
    assert found.nodes["t59"].tolist() == [0]


def test_a_graph_of_any_script_is_drawn_and_saved_as_tables(tmp_path):
    key = "用户", "покупает", "школа"
    graph = HeteroGraph.of({}, {key: {"用户": ["ä", "b"], "школа": [1, 1]}})
    atlas = Atlas.of(graph)
    node = ("用户", 0)
    view = View(starts=(node,))
    drawn = picture(atlas, view_text(view, graph.schema)).svg(atlas.names)
    assert "ä" in drawn
    again = from_folder(to_folder(graph, tmp_path))
    assert again.relation(key).targets.tolist() == graph.relation(key).targets.tolist()
    assert from_networkx(to_networkx(graph)).schema == graph.schema
