"""A graph of a log is walked, named and drawn as any other: its schema is a declaration."""

from __future__ import annotations

import polars as pl
import pytest

from data.columns import ITEM_ID, USER_ID
from data.dataset import INTERACTION_SCHEMA, Dataset, histories
from data.log import log_of
from graph.build.log import log_graph
from graph.explore.atlas import Atlas, picture
from graph.explore.overview import overview_of, statistics
from graph.explore.walked import walk
from graph.query.query import Query

CLOCK = 1_000_000_000
TAKEN = [
    *(("ann", "love", "a", 0), ("ann", "love", "b", 9), ("ann", "war", "c", 20)),
    *(("bob", "Love", "b", 4), ("bob", "love ", "d", 8), ("bob", "war", "c", 12)),
]


@pytest.fixture(scope="module")
def dataset():
    users, items = ("ann", "bob"), ("a", "b", "c", "d", "e")
    rows = [(users.index(u), items.index(i), CLOCK + t, 1.0) for u, _, i, t in TAKEN]
    given = pl.DataFrame(
        [(u, q, i, CLOCK + t) for u, q, i, t in TAKEN],
        schema=[USER_ID, "query", ITEM_ID, "time"],
        orient="row",
    )
    people = pl.DataFrame({USER_ID: users, "age": [30, 40], "town": ["Rome", None]})
    titles = ["Love Story", "Love and War", "War", "Love Again", "War Again"]
    goods = pl.DataFrame(
        {
            ITEM_ID: items,
            "title": titles,
            "genres": [["Drama"], ["Drama", "War"], ["War"], [], []],
            "time": [1, 2, 3, 4, 5],
        }
    )
    made = pl.DataFrame(rows, schema=INTERACTION_SCHEMA, orient="row")
    return Dataset("by hand", people, goods, made, log=log_of(given, people, goods))


@pytest.fixture(scope="module")
def atlas(dataset):
    past = histories(dataset.interactions, dataset.n_users)
    return Atlas.of(log_graph(dataset, past, dataset.log), dataset)


def found_by(atlas, text, start):
    """How many nodes a query leads to."""
    walked = walk(atlas, Query.parse(text, atlas.schema), [start], at=None, seed=0)
    return walked.size(walked.leaves[0])


def test_a_query_walks_it_and_names_what_it_finds(atlas):
    asked = Query.parse("user > query:5 topk > item:9 topk", atlas.schema)
    walked = walk(atlas, asked, [0], at=None, seed=0)
    found = walked.table(walked.leaves[0], 20)
    told = str(found.to_dicts())
    assert "love" in told and "Love and War" in told
    assert found_by(atlas, "item -found_by-> query > user", 2) == 2  # both asked for war


def test_nodes_are_called_by_their_words(atlas):
    love = atlas.graph.numbers("query", "love")[0]
    assert atlas.names.title(("query", int(love))) in {"love", "Love"}
    assert atlas.names.title(("item", 1)) == "Love and War"
    assert atlas.finder.find("war")


def test_it_is_drawn_and_counted(atlas):
    seen = picture(atlas, "su0_h2")
    assert {kind for kind, _ in seen.subgraph.nodes} == {"user", "query", "item"}
    assert overview_of(atlas.flat).nodes == {"user": 2, "query": 2, "item": 5}
    assert statistics(atlas.graph)["edges"]["user - query"] == 4


def test_what_users_and_items_are_stands_at_their_nodes(atlas):
    graph = atlas.graph
    assert graph.node_values("user", "age").tolist() == [30, 40]
    assert graph.node_values("user", "town") == ("Rome", "")
    assert graph.node_values("item", "genres")[1] == ("Drama", "War")
    # a column called like the time from which a node is there is none
    assert "time" not in graph.attributes["item"] and "attr_time" in graph.attributes["item"]
    assert graph.node_values("query", "words")[0] == ("love",)
    assert found_by(atlas, 'user > item where genres = "War"', 0) == 2
