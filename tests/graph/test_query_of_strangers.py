"""Queries as people write them who know another language, and what a graph says of itself."""

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from graph import HeteroGraph, Query, Sampler
from graph.query.moments import read_moment
from graph.query.text import WORDS, QueryError
from graph.query.write import write
from graph.schema import NodeType, Schema

BUYS = ("user", "buys", "item")


@pytest.fixture(scope="module")
def shop():
    days = ["2024-01-14", "2024-01-15", "2024-01-15T00:00:01", "2024-02-01"]
    return HeteroGraph.of(
        {"item": {"id": [1, 2, 3, 4], "ok": [True, False, True, False], "price": [1, 2, 3, 4]}},
        {BUYS: {"user": ["a"] * 4, "item": [1, 2, 3, 4], "time": days, "rating": [5, 4, 3, 2]}},
    )


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("edge.time < '2024-01-15'", [1]),
        ("edge.time <= '2024-01-15'", [1, 2]),
        ("edge.time = '2024-01-15T00:00:01'", [3]),
        ("edge.time > '2024-01-15 00:00:00.5'", [3, 4]),
        ("edge.time > '2024-01-15T01:00:01+01:00'", [4]),
        ("edge.time in ('2024-01-14', '2024-02-01')", [1, 4]),
        ("edge.time >= 1706745600", [4]),
        ("ok = true", [1, 3]),
        ("ok != TRUE", [2, 4]),
        ("ok in (false)", [2, 4]),
        ("ok = 1", [1, 3]),
        ("price <> 2 AND Edge.rating > 2", [1, 3]),
        ("price IN (1, 4)", [1, 4]),
    ],
)
def test_which_items_meet_a_condition(shop, condition, kept):
    query = Query.parse(f"user > item where {condition}", shop.schema)
    assert Query.parse(str(query), shop.schema) == query
    assert (Sampler(shop, query).sample([0]).nodes["item"] + 1).tolist() == kept


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("edge.time < '15.01.2024'", "'15.01.2024' is no date; write one such as 2024-01-15"),
        ("edge.time < soon", "'soon' is no date"),
        ("ok = yes", "write true or false"),
        ("price > '2024-01-15'", "a date is in seconds since 1970 there"),
        ("price = '3'", "write it without quotes"),
    ],
)
def test_values_of_another_kind_get_a_sentence(shop, condition, sentence):
    query = Query.parse(f"user > item where {condition}", shop.schema)
    with pytest.raises(ConfigError, match=sentence):
        Sampler(shop, query).sample([0])


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("price = 1 or price = 3", r"Letter 29 .*joined by and alone; .* price in \(1, 2\)"),
        ("price BETWEEN 1 and 3", r"Letter 25 .*no 'BETWEEN'; write price >= 1 and price <= 3"),
        ("price is null", "no 'is'; a text that is missing is empty"),
        ("price not in (1)", "no 'not'; write != for every value"),
        ("not price = 1", "no not stands before a condition"),
        ("(price = 1)", "conditions have no brackets around them"),
        ("item.price = 1", r"leave item. out"),
        ("edge.time < 2024-01-15", "dates stand in quotes: write '2024-01-15'"),
    ],
)
def test_what_conditions_have_not_is_told_with_its_place(shop, condition, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Query.parse(f"user > item where {condition}", shop.schema)


def test_missing_numbers_meet_no_condition_but_being_unlike():
    graph = HeteroGraph.of({"item": {"id": [1, 2], "price": [1.0, None]}}, {})
    for condition, kept in (("!= 1", [1]), ("= 1", [0]), ("> 0", [0]), ("<= 9", [0])):
        query = Query.parse(f"item where price {condition}", graph.schema)
        assert Sampler(graph, query).seeds().tolist() == kept


def test_an_attribute_of_the_other_side_is_pointed_at(shop):
    for text, sentence in (
        ("rating > 3", r"no attribute 'rating'; did you mean 'edge.rating'\?"),
        ("edge.price > 3", "no attribute 'price'; item has it: write 'price' alone; they have"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            Query.parse(f"user > item where {text}", shop.schema).check(shop)


def test_an_attribute_that_is_missing_is_pointed_at_in_the_text(shop):
    text = "user > item:2 where price > 1 and edge.shop = x"
    with pytest.raises(QueryError, match=r"^Letter 40 of the query: The edges") as caught:
        Query.parse(text, shop.schema).check(shop)
    assert caught.value.pointer.endswith(f"\n{' ' * text.index('shop')}^")
    chain = shop.V("user").where("size = 3").values()
    with pytest.raises(ConfigError, match=r"^Nodes of type user have no attribute 'size'"):
        chain.check(shop)


def test_words_may_be_in_capitals(shop):
    loud = (
        "user SHUFFLE AS u > item:2 LATEST WHERE price > 1 AND price < 9 AS i > NOT item:1 INDUCED"
    )
    loud = loud.replace("> NOT item:1 ", "")
    query = Query.parse(loud, shop.schema)
    assert query == Query.parse(
        "user shuffle as u > item:2 latest where price > 1 and price < 9 as i induced", shop.schema
    )
    ends = Query.parse("-buys- AS e > TARGET", shop.schema)
    assert ends == Query.parse("-buys- as e > target", shop.schema)


@pytest.mark.parametrize("word", [*sorted(WORDS), "NOT", "Source", "WHERE"])
def test_a_type_may_be_called_as_a_word(word):
    schema = Schema((NodeType(word),))
    query = Query.along([word], schema)
    assert Query.parse(write(query.start, query.hops, False, schema), schema) == query


def test_dates_are_seconds():
    assert read_moment("2000-03-01") == 951868800 and read_moment("1970-01-01T00:00:00.25") == 0.25
    for text in ("2024-13-01", "20240101", "", "2024-01-01x"):
        with pytest.raises(ConfigError, match="is no date"):
            read_moment(text)


def test_one_id_is_one_node_and_numbers_are_found_among_texts():
    graph = HeteroGraph.of({}, {BUYS: {"user": ["ann", 1], "item": [12, 7]}})
    assert graph.numbers("user", "ann").tolist() == [0] and graph.numbers("item", 7).tolist() == [0]
    assert graph.numbers("user", [1, "1"]).tolist() == [1, 1]
    assert graph.numbers("user", np.array([1])).tolist() == [1]
    assert graph.numbers("item", ["12", np.int64(7)]).tolist() == [1, 0]
    for wrong in ("012", "x", [True, False], 13):
        with pytest.raises(DataError, match="There is no item"):
            graph.numbers("item", wrong)


def test_what_a_graph_a_sample_and_a_chain_are_is_said_in_a_line(shop):
    assert repr(shop) == "HeteroGraph(item 4, user 1; user -buys-> item 4)"
    sample = Sampler(shop, Query.parse("user > item:2 latest", shop.schema)).sample([0])
    assert repr(sample) == (
        "Sample('user > item:2 latest': 1 seed; user 1, item 2; user -buys-> item 2)"
    )
    assert repr(shop.V("user").outV("buys")) == "Chain('user > item')"
    assert repr(shop.V("user").outV("buys").sample(3)) == "Chain('user > item:3')"
