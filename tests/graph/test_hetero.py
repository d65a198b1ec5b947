"""Schemas of any types, and graphs of them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from data.errors import ArtifactError, AutoGraphError, ConfigError, DataError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.schema import EdgeType, NodeType, Schema
from graph.values import Lists

BUYS, LIKE = ("user", "buys", "item"), ("item", "like", "item")
SHOP = Schema(
    (NodeType("user"), NodeType("item", letter="x"), NodeType("genre", groups="item")),
    (
        EdgeType(*BUYS, timed=True, title="purchases"),
        EdgeType("item", "is", "genre"),
        EdgeType(*LIKE),
    ),
)


def relation(pairs, n, m, times=None, weights=None):
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    more = [None if column is None else np.array(column) for column in (times, weights)]
    return Relation.between(a, b, n, m, *more)


@pytest.fixture
def shop():
    edges = {
        BUYS: relation([(0, 1), (0, 2), (1, 2), (1, 2)], 2, 3, times=[5, 9, 2, 7]),
        ("item", "is", "genre"): relation([(0, 0), (2, 0), (2, 1)], 3, 2),
        LIKE: relation([(0, 2)], 3, 3, weights=[0.5]),
    }
    about = {"genre": {"id": ("war", "love")}, "item": {"price": np.array([1.0, 2.0, 3.0])}}
    return HeteroGraph(SHOP, {"user": 2, "item": 3, "genre": 2}, edges, about)


def test_what_is_not_said_of_a_type_is_filled_in():
    assert [node.title for node in SHOP.nodes] == ["User", "Item", "Genre"]
    assert [node.plural for node in SHOP.nodes] == ["Users", "Items", "Genres"]
    assert [node.letter for node in SHOP.nodes] == ["u", "x", "g"]
    assert [node.colour for node in SHOP.nodes] == [0, 1, 2]
    twins = Schema((NodeType("user"), NodeType("unit"), NodeType("n")))
    assert len({node.letter for node in twins.nodes}) == 3


def test_a_schema_says_what_is_next_to_what():
    assert SHOP.links == ("user - item", "item - genre", "item - item")
    assert SHOP.neighbours("item") == ("user", "genre", "item")
    assert SHOP.neighbours("genre") == ("item",)
    assert [edge.relation for edge in SHOP.between("genre", "item")] == ["is"]
    assert SHOP.group_of("item") == SHOP.node("genre") and SHOP.group_of("user") is None
    assert SHOP.title_of("user - item") == "purchases"
    assert SHOP.title_of("item - genre") == "Items and genres"
    assert SHOP.of_letters(SHOP.letters(("genre", "item"))) == ("genre", "item")


def test_a_schema_comes_back_from_json():
    assert Schema.read(json.loads(json.dumps(SHOP.as_json()))) == SHOP


@pytest.mark.parametrize("values", [{}, {"nodes": [{"kind": 1}], "edges": []}, {"nodes": 3}])
def test_json_of_something_else_gets_a_sentence(values):
    with pytest.raises(ConfigError, match="no schema of a graph"):
        Schema.read(values)


@pytest.mark.parametrize(
    ("nodes", "edges", "sentence"),
    [
        ([("user",), ("user",)], [], "type of node 'user' is declared twice"),
        ([("user", "", "", "u"), ("item", "", "", "u")], [], "letter 'u' is declared twice"),
        ([("user", "", "", "é")], [], "cannot stand for user"),
        ([("a user",)], [], "'a user' cannot be the name"),
        ([("user",), ("item",)], [("user", "buys", "itme")], "did you mean 'item'"),
        ([("user",)], [("user", "knows", "user")] * 2, "'user -knows-> user' is declared twice"),
        ([("user",)], [("user", "knows", "user", "knows")], "declared twice"),
        ([("a", "", "", "", -1, "b")], [], "a groups names 'b'"),
    ],
)
def test_bad_schemas_get_a_sentence(nodes, edges, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Schema(tuple(NodeType(*one) for one in nodes), tuple(EdgeType(*one) for one in edges))


def test_what_there_is_not_gets_the_nearest(shop):
    with pytest.raises(ConfigError, match="no type 'genres'; did you mean 'genre'"):
        SHOP.node("genres")
    with pytest.raises(ConfigError, match="no edges user -buy-> item; did you mean 'user -buys"):
        shop.relation(("user", "buy", "item"))


def test_every_relation_can_be_walked_both_ways(shop):
    assert shop.neighbours(("item", "rev_buys", "user"), 2).tolist() == [1, 1, 0]
    assert shop.neighbours(("genre", "rev_is", "item"), 0).tolist() == [0, 2]
    both = [(edge.relation, own) for edge, own, _ in shop.joining("item", "item")]
    assert both == [("like", True), ("like", False)]
    assert [own for _, own, _ in shop.joining("item", "user")] == [False]


def test_only_what_is_strictly_older_than_its_ends_is_seen(shop):
    seen = shop.before({"user": np.array([9, 7])})
    assert seen.relation(BUYS).targets.tolist() == [1, 2]
    assert seen.relation(("item", "rev_buys", "user")).of(2).tolist() == [1]
    assert seen.relation(LIKE) == shop.relation(LIKE)
    assert shop.before({"user": 9, "item": np.array([9, 5, 9])}).relation(BUYS).times.tolist() == [
        2,
        7,
    ]
    assert len(shop.before({}).relation(BUYS).targets) == 4


def test_a_fresh_process_loads_the_same_graph(shop, tmp_path):
    shop.save(tmp_path)
    again = HeteroGraph.load(tmp_path)
    assert again.schema == SHOP and again.sizes == shop.sizes
    assert again.attributes["genre"] == {"id": ("war", "love")}
    assert again.attributes["item"]["price"].tolist() == [1.0, 2.0, 3.0]
    for key in shop.edges:
        for name in ("offsets", "targets", "times", "weights"):
            here, there = (getattr(one.relation(key), name) for one in (shop, again))
            np.testing.assert_array_equal(here, there)
    code = (
        "import sys; from pathlib import Path; from graph import HeteroGraph;"
        "print(HeteroGraph.load(Path(sys.argv[1])).size('item'), 'torch' in sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == ["3", "False"]


@pytest.mark.parametrize(
    ("sizes", "edges", "attributes", "sentence"),
    [
        ({"user": 2}, {}, {}, "many nodes of type item"),
        ({"user": 2, "item": 3}, {}, {}, "no edges user -buys-> item; give"),
        (
            {"user": 2, "item": 3},
            {("user", "x", "item"): [(0, 0)]},
            {},
            "-x-> item; did you",
        ),
        ({"user": 2, "item": 4}, {BUYS: [(0, 0)]}, {}, "from 2 nodes to 3; the graph has 2 and 4"),
        ({"user": 2, "item": 3}, {BUYS: [(0, 0), (1, 3)]}, {}, "lead to node 3 in row 1"),
        ({"user": 2, "item": 3}, {BUYS: [(0, 0)]}, {"user": {"age": (1,)}}, "1 values for 2"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(sizes, edges, attributes, sentence):
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType(*BUYS),))
    given = {key: relation(pairs, 2, 3) for key, pairs in edges.items()}
    with pytest.raises(AutoGraphError, match=sentence):
        HeteroGraph(schema, sizes, given, attributes)


def test_times_that_are_promised_have_to_be_there():
    schema = Schema((NodeType("user"),), (EdgeType("user", "knows", "user", timed=True),))
    with pytest.raises(DataError, match="have no times"):
        HeteroGraph(schema, {"user": 2}, {("user", "knows", "user"): relation([(0, 1)], 2, 2)})


def plain(column):
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


ABOUT = {
    BUYS: {
        "stars": np.array([5, 4, 3, 2], dtype=np.int8),
        "why/how": ("gift", "self", "gift", "self"),
        "tags": Lists.of([("a",), (), ("b", "a"), ("c",)]),
        "seen": np.arange(8.0).reshape(4, 2),
    }
}


def with_edge_attributes(shop):
    return HeteroGraph(
        shop.schema,
        shop.sizes,
        shop.edges,
        {**shop.attributes, "user": {"years": Lists.of([(1999, 2001), ()])}},
        ABOUT,
    )


def test_attributes_of_edges_are_found_from_both_ends(shop):
    graph = with_edge_attributes(shop)
    back = ("item", "rev_buys", "user")
    assert graph.relation(back).numbers.tolist() == [0, 2, 3, 1]
    assert graph.edge_values(BUYS, "stars").tolist() == [5, 4, 3, 2]
    assert graph.edge_values(back, "stars").tolist() == [5, 3, 2, 4]
    assert graph.edge_values(back, "why/how") == ("gift", "gift", "self", "self")
    assert graph.edge_values(back, "tags")[1] == ("b", "a")
    assert graph.edge_values(back, "seen").tolist() == [[0, 1], [4, 5], [6, 7], [2, 3]]
    assert graph.edge_values(back, "time").tolist() == [5, 2, 7, 9]
    with pytest.raises(DataError, match="no attribute 'star'; there is stars, why/how"):
        graph.edge_values(back, "star")
    with pytest.raises(DataError, match="no attribute 'age'; there is years"):
        graph.node_values("user", "age")


def test_a_part_of_a_graph_finds_the_attributes_of_its_edges(shop):
    seen = with_edge_attributes(shop).before({"user": np.array([9, 7])})
    assert seen.relation(BUYS).numbers.tolist() == [0, 2]
    assert seen.edge_values(BUYS, "stars").tolist() == [5, 3]
    assert seen.edge_values(("item", "rev_buys", "user"), "why/how") == ("gift", "gift")


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("both_ways", [False, True])
def test_all_attributes_come_back_from_a_file_or_through_a_map(shop, tmp_path, mapped, both_ways):
    graph = with_edge_attributes(shop)
    graph.save(tmp_path, both_ways=both_ways)
    again = HeteroGraph.load(tmp_path, mapped=mapped)
    assert len(again.edges) == (6 if both_ways else 3)
    for key in (BUYS, ("item", "rev_buys", "user"), LIKE):
        for name in ("offsets", "targets", "times", "weights", "numbers"):
            one, other = (getattr(each.relation(key), name) for each in (graph, again))
            np.testing.assert_array_equal(one, other)
    for name, column in ABOUT[BUYS].items():
        found = again.edge_attributes[BUYS][name]
        assert type(found) is type(column) and len(found) == 4
        assert plain(found) == plain(column)
    assert [row.tolist() for row in again.attributes["user"]["years"]] == [[1999, 2001], []]
    targets = again.relation(BUYS).targets
    assert targets.flags.writeable is (not mapped)


def test_a_reverse_that_is_given_is_numbered_whatever_the_order_of_what_is_equal(shop):
    back = relation([(1, 0), (2, 1), (2, 1), (2, 0)], 3, 2, times=[5, 2, 7, 9])
    edges = {**shop.edges, ("item", "rev_buys", "user"): back}
    graph = HeteroGraph(SHOP, shop.sizes, edges, {}, ABOUT)
    assert graph.edge_values(("item", "rev_buys", "user"), "stars").tolist() == [5, 3, 2, 4]
    other = relation([(1, 0), (2, 1), (2, 1), (2, 0)], 3, 2, times=[5, 2, 7, 8])
    lying = HeteroGraph(SHOP, shop.sizes, {**edges, ("item", "rev_buys", "user"): other})
    with pytest.raises(DataError, match="not those of their reverse"):
        lying.relation(("item", "rev_buys", "user"))


def test_edges_that_stand_before_older_ones_get_a_sentence():
    schema = Schema((NodeType("user"),), (EdgeType("user", "knows", "user", timed=True),))
    sound = Relation(np.array([0, 1, 3]), np.array([0, 0, 1]), 2, np.array([9, 3, 4]))
    HeteroGraph(schema, {"user": 2}, {("user", "knows", "user"): sound})
    odd = Relation(np.array([0, 1, 3]), np.array([0, 0, 1]), 2, np.array([2, 4, 3]))
    with pytest.raises(DataError, match="not in the order of their times in row 2"):
        HeteroGraph(schema, {"user": 2}, {("user", "knows", "user"): odd})


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({BUYS: {"stars": np.arange(3)}}, "stars has 3 values for 4 edges user -buys-> item"),
        ({("item", "rev_buys", "user"): {"stars": np.arange(4)}}, "user -buys-> item, which the"),
    ],
)
def test_attributes_that_do_not_fit_their_edges_get_a_sentence(shop, about, sentence):
    with pytest.raises(DataError, match=sentence):
        HeteroGraph(SHOP, shop.sizes, shop.edges, {}, about)


def test_a_file_that_ends_early_is_damaged_also_when_it_is_mapped(shop, tmp_path):
    shop.save(tmp_path)
    file = tmp_path / "hetero.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ArtifactError, match="damaged"):
        HeteroGraph.load(tmp_path, mapped=True)


def test_nodes_are_found_by_what_they_are_called(shop):
    assert shop.numbers("genre", ["love", "war"]).tolist() == [1, 0]
    assert shop.numbers("item", np.array([2, 0])).tolist() == [2, 0]
    with pytest.raises(DataError, match="no genre 'hate' among 2; ids are such as 'war', 'love'"):
        shop.numbers("genre", ["hate"])
