"""Samples as pictures, and pictures as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from data.relation import Relation
from graph.explore.atlas import Atlas, Picture, picture_of
from graph.hetero import HeteroGraph
from graph.query.query import Hop, Query, Start
from graph.sample.sample import Draws, Sample, SampledEdges
from graph.sample.sampler import Sampler
from graph.schema import EdgeType, NodeType, Schema

SCHEMA = Schema(
    (NodeType("user"), NodeType("item"), NodeType("genre", groups="item")),
    (EdgeType("user", "buys", "item"), EdgeType("item", "is", "genre")),
)
BUYS, IS = (edge.key for edge in SCHEMA.edges)
QUERY = Query(Start("user"), (Hop(0, "item", (BUYS,)), Hop(1, "genre", (IS,))))


@pytest.fixture
def atlas():
    edges = {
        BUYS: Relation.between(np.array([0, 0, 1]), np.array([0, 1, 1]), 2, 3),
        IS: Relation.between(np.array([0, 1, 2]), np.array([0, 0, 1]), 3, 2),
    }
    names = {"genre": {"label": ("<b>Noir</b> & more\x01", "Farce")}}
    return Atlas.of(HeteroGraph(SCHEMA, {"user": 2, "item": 3, "genre": 2}, edges, names))


def draws(origins, nodes):
    edges = np.arange(len(nodes))
    return Draws(np.array(origins), np.array(nodes), edges, np.zeros(len(nodes), dtype=np.int8))


@pytest.fixture
def sample():
    """User 0 with both items, whose one genre is drawn twice; a negative stands for nothing."""
    numbers = np.arange(2)
    return Sample(
        QUERY,
        seeds=np.array([0]),
        times=None,
        nodes={"user": np.array([0]), "item": np.array([1, 0]), "genre": np.array([0])},
        owners={},
        ages={},
        edges={
            BUYS: SampledEdges(np.array([0, 0]), np.array([1, 0]), numbers),
            IS: SampledEdges(np.array([1, 0]), np.array([0, 0]), numbers),
        },
        draws=(draws([0, 0, 0], [1, 0, -1]), draws([0, 1], [0, 0])),
        places=(np.array([0]), np.array([0, 1, -1]), np.array([0, 0])),
    )


def test_every_node_stands_once_beside_what_brought_it(atlas, sample):
    seen = picture_of(atlas, sample).subgraph
    assert seen.nodes == (("user", 0), ("item", 1), ("item", 0), ("genre", 0))
    assert seen.parents.tolist() == [-1, 0, 0, 1] and seen.named == 1
    joined = {tuple(sorted((seen.nodes[a], seen.nodes[b]))) for a, b in seen.edges.tolist()}
    assert joined == {
        (("item", 0), ("user", 0)),
        (("item", 1), ("user", 0)),
        (("genre", 0), ("item", 0)),
        (("genre", 0), ("item", 1)),
    }
    assert seen.counts["item"].total == 2


def test_what_has_no_room_is_counted(atlas, sample):
    from graph.explore.sketch import sketch

    seen = sketch(sample, atlas.flat, cap=2)
    assert len(seen.nodes) == 2 and len(seen.edges) == 1
    assert (seen.counts["item"].cap, seen.counts["genre"].cap) == (1, 1)


def test_a_picture_holds_whole_ways_rather_than_every_start(atlas):
    """Three users with an item each, the first two of them the same; no room for all."""
    from graph.explore.sketch import sketch

    numbers = np.arange(3)
    sample = Sample(
        Query(Start("user"), (Hop(0, "item", (BUYS,)),)),
        seeds=np.array([0, 1, 0]),
        times=None,
        nodes={"user": np.array([1, 0]), "item": np.array([2, 0])},
        owners={},
        ages={},
        edges={BUYS: SampledEdges(np.array([0, 1, 1]), np.array([0, 0, 1]), numbers)},
        draws=(draws([0, 1, 2], [2, 2, 0]),),
        places=(np.array([0, 1, 1]), np.array([0, 0, 1])),
    )
    assert sketch(sample, atlas.flat, cap=2).nodes == (("user", 1), ("item", 2))
    three = sketch(sample, atlas.flat, cap=3)
    assert three.nodes == (("user", 1), ("user", 0), ("item", 2)) and three.named == 2
    assert three.parents.tolist() == [-1, -1, 0]
    assert three.counts["item"].cap == 1 and three.counts["user"].cap == 0


def test_the_drawing_is_xml_with_names_of_any_letters(atlas, sample):
    drawn = ElementTree.fromstring(picture_of(atlas, sample).svg(atlas.names))
    texts = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "<b>Noir</b> & more\\u0001" in texts and "Genres" in texts
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}line"))) == 4


def test_nothing_is_drawn_as_nothing(atlas, sample):
    no = np.zeros(0, dtype=np.int64)
    none = Sample(Query(Start("user")), no, None, {"user": no}, {}, {}, {}, (), (no,))
    shown: Picture = picture_of(atlas, none)
    assert not shown.subgraph.nodes
    ElementTree.fromstring(shown.svg(atlas.names))


def test_nodes_of_several_hops_stand_apart_from_each_other():
    """Three buyers of ten items each, of which two share one, and a genre to every item."""
    buyers, items = np.repeat(np.arange(3), 10), np.arange(30)
    items[10], items[20] = 0, 11
    edges = {
        BUYS: Relation.between(buyers, items, 3, 30),
        IS: Relation.between(np.arange(30), np.arange(30), 30, 30),
    }
    graph = HeteroGraph(SCHEMA, {"user": 3, "item": 30, "genre": 30}, edges)
    found = Sampler(graph, "user > item > genre").sample(np.arange(3))
    places = np.array(list(picture_of(Atlas.of(graph), found).places.values()))
    gaps = np.sqrt(((places[:, None] - places[None]) ** 2).sum(-1)) + np.diag(
        np.full(len(places), 9e9)
    )
    even = np.sqrt(np.ptp(places, axis=0).prod() / len(places))
    assert np.median(gaps.min(1)) > 0.4 * even
