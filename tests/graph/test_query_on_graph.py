"""What a query says of itself in sentences, and whether a graph has what it names."""

from __future__ import annotations

import numpy as np
import pytest
from test_query import AROUND_EDGES, SHOP

from data.errors import ConfigError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.values import Lists

SAID = {
    "user:64 as u > item:16 latest as i > genre": [
        "Starts from 64 users a batch, in their order; called u.",
        "From each of u along both kinds of edges: 16 items, the latest first; called i.",
        "From each of i along is: all genres.",
    ],
    AROUND_EDGES: [
        "Starts from 64 edges user -buys-> item a batch, in an order of chance; called e.",
        "Goes to the source of each edge; called u.",
        "From each of u: 5 items that no edge leads to along both kinds of edges, at random by how "
        "many edges lead to them; called n.",
        "Goes to the target of each edge; called i.",
        "From each of i along is: all genres.",
    ],
    "user as u <-follows- user:3 topk where age > 3 and edge.weight < 2 without u via e induced": [
        "Starts from all users, in their order; called u.",
        "From each of u along follows backwards: 3 users, those of the heaviest edges where age > "
        "3 and edge.weight < 2, none of u; the edges called e.",
        "Adds all edges between the nodes that were found, as far as their seeds see them.",
    ],
    "user:2 random -follows-> walk user:1000 q=.5": [
        "Starts from 2 users a batch, drawn without end.",
        "From each user along follows: a random walk of 1,000 steps (p = 1, q = 0.5).",
    ],
    "user > (item:1 as i, not item:4 like i (genre .5) shared, any item:9)": [
        "Starts from all users, in their order.",
        "From each user along both kinds of edges: 1 items, at random, some perhaps twice; called "
        "i.",
        "From each user: 4 items that no edge leads to along both kinds of edges, at random, some "
        "perhaps twice, like i (50% of the same genre), the same for all seeds.",
        "From each user: 9 of all items, at random, some perhaps twice.",
    ],
}


@pytest.mark.parametrize("text", SAID)
def test_a_query_is_told_in_sentences(text):
    assert [line.says for line in Query.parse(text, SHOP).explain()] == SAID[text]


def test_how_many_a_hop_leads_to_at_most():
    query = Query.parse(
        "user:64 > (item:16 > genre, -follows-> walk user:10, user:2 > item:3)", SHOP
    )
    lines = query.explain()
    assert [(line.hop, line.origin, line.each, line.most) for line in lines] == [
        (0, None, 1, 64),
        (1, 0, 16, 64 * 16),
        (2, 1, None, None),
        (3, 0, 10, 640),
        (4, 0, 2, 128),
        (5, 4, 3, 384),
    ]


@pytest.fixture(scope="module")
def graph():
    schema = Schema(
        (NodeType("user"), NodeType("item")),
        (EdgeType("user", "buys", "item", timed=True), EdgeType("user", "likes", "item")),
    )
    ends = np.array([0, 1]), np.array([1, 0])
    edges = {
        ("user", "buys", "item"): Relation.between(*ends, 2, 2, times=np.array([3, 4])),
        ("user", "likes", "item"): Relation.between(*ends, 2, 2, weights=np.array([1.0, 2.0])),
    }
    about = {("user", "buys", "item"): {"stars": np.array([4, 5])}}
    return HeteroGraph(schema, {"user": 2, "item": 2}, edges, {"user": {"age": ends[0]}}, about)


@pytest.mark.parametrize(
    "text",
    [
        "user where age > 3 -buys-> item:2 latest where edge.stars > 3 and edge.time < 9",
        "item <-likes- user:2 topk where edge.weight >= 1 and age = 1",
        "user > item:3 latest",
        "-buys- where stars > 4 and time > 3 > source",
        "user > not item:1 node_weight",
    ],
)
def test_what_the_graph_has_passes(graph, text):
    Query.parse(text, graph.schema).check(graph)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user where agee > 3", "no attribute 'agee'; did you mean 'age'"),
        ("user > item where price > 3", "type item have no attribute 'price'; they have none"),
        ("user -buys-> item where edge.star > 3", "did you mean 'stars'? they have stars, time"),
        ("user > item where edge.stars > 3", "user -likes-> item have no attribute 'stars'"),
        ("-likes- where time > 3 > source", "have no attribute 'time'"),
        ("user > item:3 topk", "topk draws by weight, and user -buys-> item has no weights"),
        (
            "item <-likes- user:2 latest",
            "latest draws by time, and neither item -rev_likes-> user nor",
        ),
        ("user as u > item:1 as i > (user:1, any item:3 like i (price .5))", "no attribute 'price"),
    ],
)
def test_what_it_lacks_gets_a_sentence_before_anything_is_drawn(graph, text, sentence):
    query = Query.parse(text, graph.schema)
    with pytest.raises(ConfigError) as caught:
        query.check(graph)
    assert sentence in str(caught.value)
    with pytest.raises(ConfigError):
        Sampler(graph, query)


def test_a_query_of_another_graph_gets_a_sentence(graph):
    with pytest.raises(ConfigError, match="no type 'genre'"):
        Query.parse("genre", SHOP).check(graph)
    with pytest.raises(ConfigError, match="There are no edges user -follows-> user"):
        Query.parse("user -follows-> user", SHOP).check(graph)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("tags = war", [0, 2]),
        ("tags in (love, peace)", [0]),
        ("tags != war", [0]),
        ("tags < 'm'", [0]),
        ("age >= 2", [1, 2]),
        ("age in (1, 9223372036854775807)", [0]),
        ("age < 9223372036854775807", [0, 1, 2]),
        ("age = 2.5", []),
        ("name = 'a b'", [1]),
    ],
)
def test_which_nodes_meet_a_condition(condition, kept):
    people = people_with_everything()
    query = Query.parse(f"user where {condition}", people.schema)
    assert Sampler(people, query).seeds().tolist() == kept


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("tags = 3", "compares texts with numbers"),
        ("age = young", "compares texts with numbers"),
        ("age in (1, young)", "compares texts with numbers"),
        ("vector > 3", "vector has 2 numbers a row"),
    ],
)
def test_conditions_that_compare_nothing_get_a_sentence(condition, sentence):
    people = people_with_everything()
    query = Query.parse(f"user where {condition}", people.schema)
    with pytest.raises(ConfigError, match=sentence):
        Sampler(people, query).seeds()


def people_with_everything():
    """Three users with attributes of all kinds."""
    about = {
        "age": np.array([1, 2, 3], dtype=np.int32),
        "name": ("a", "a b", ""),
        "tags": Lists.of([("war", "love"), (), ("war",)]),
        "vector": np.zeros((3, 2), dtype=np.float32),
    }
    return HeteroGraph(Schema((NodeType("user"),)), {"user": 3}, {}, {"user": about})
