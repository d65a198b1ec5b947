"""What the box offers fits the graph, and examples show nothing twice."""

import numpy as np
import pytest

from graph import HeteroGraph, Query
from graph.query.console import read_chain
from graph.query.suggest import suggest, suggest_calls

TEXTS = ["user", "user > item", "user > item:8 ", "user > item:8 l", "user > item:8 e", "user > "]


def shop(**more):
    edges = {"user": [0, 0, 1], "item": [0, 1, 1], **more}
    return HeteroGraph.of({"user": 2, "item": 2}, {("user", "buys", "item"): edges})


@pytest.mark.parametrize(
    ("more", "has", "has_not"),
    [
        ({}, "random_without_replacement", ("latest", "edge_weight")),
        ({"time": [1, 2, 3]}, "latest", ("edge_weight",)),
        ({"weight": np.ones(3)}, "edge_weight", ("latest",)),
    ],
)
def test_only_what_the_graph_has_is_offered(more, has, has_not):
    graph = shop(**more)
    for text in TEXTS:
        for word in suggest(text, graph.schema, graph):
            assert not any(one in text + word for one in has_not), (text, word)
    for text in ("g.V('user')", "g.V('user').outV('buys').sample(8)"):
        for word in suggest_calls(text, graph.schema, graph):
            assert not any(one in word for one in has_not)
            read_chain(text + word, graph.schema).check(graph)
    assert any(has in word for word in suggest("user > item:8", graph.schema, graph))
    short = next(word for word in suggest("user > item", graph.schema, graph) if ":8" in word)
    Query.parse("user > item" + short, graph.schema).check(graph)
