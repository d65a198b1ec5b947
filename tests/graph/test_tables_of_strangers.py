"""Tables as people have them: ids that only look like numbers, odd columns, files in disorder."""

import datetime

import numpy as np
import polars as pl
import pytest

from data.errors import AutoGraphError, ConfigError, DataError
from graph import HeteroGraph, Query, Sampler, Table

BUYS = ("user", "buys", "item")


def write(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def of(edges, nodes=None, key=BUYS):
    return HeteroGraph.of(nodes or {}, {key: edges})


def ids(graph, kind):
    known = graph.attributes[kind]["id"]
    return known.tolist() if isinstance(known, np.ndarray) else list(known)


def test_ids_with_leading_zeros_are_different_nodes(tmp_path):
    graph = of(write(tmp_path, "e.csv", "user,item\na,0012\na,12\nb,00012\n"))
    assert ids(graph, "item") == ["0012", "12", "00012"]
    assert graph.relation(BUYS).of(0).tolist() == [0, 1]


def test_ids_are_texts_if_any_table_of_the_type_says_so(tmp_path):
    edges = write(tmp_path, "e.csv", "user,item\n1,0195153448\n2,12\n")
    listed = {"item": {"id": ["0195153448", "12"], "title": ["a", "b"]}}
    graph = of(edges, listed)
    assert ids(graph, "item") == ["0195153448", "12"] and ids(graph, "user") == [1, 2]
    assert graph.relation(BUYS).targets.tolist() == [0, 1]
    graph = of({"user": ["x"], "item": [12]}, {"item": write(tmp_path, "i.csv", "id\n012\n12\n")})
    assert graph.relation(BUYS).targets.tolist() == [1]


def test_ids_of_files_are_numbers_if_all_are_written_as_numbers(tmp_path):
    edges = write(tmp_path, "e.csv", "user,item,time\n10,-3,5\n9,4,6\n")
    graph = of(edges, {"item": {"id": [4, -3]}})
    assert ids(graph, "user") == [9, 10] and graph.attributes["user"]["id"].dtype == np.int64
    assert ids(graph, "item") == [4, -3]


def test_ids_as_fractions_do_not_become_one(tmp_path):
    text = "user,item\na,9007199254740993.0\na,9007199254740992.0\n"
    assert of(write(tmp_path, "e.csv", text)).sizes["item"] == 2
    with pytest.raises(DataError, match=r"row 2: item is .*does not hold every digit"):
        of({"user": ["a", "b"], "item": [1.0, 9007199254740993.0]})


def test_a_number_of_a_node_in_a_file_is_a_number(tmp_path):
    edges = write(tmp_path, "e.csv", "user,item\na,0\nb,2\n")
    assert of(edges, {"item": 3}).relation(BUYS).targets.tolist() == [0, 2]
    edges = write(tmp_path, "e.csv", "user,item\na,0\nb,x\n")
    with pytest.raises(DataError, match=r"row 2 of .*: item is 'x'. Nodes of type item are numb"):
        of(edges, {"item": 3})


def test_what_is_called_as_its_type_comes_before_what_is_called_as_usual():
    letters = {"to": ["z", "z"], "user": ["a", "b"], "mail": ["m", "n"]}
    graph = of(letters, key=("user", "reads", "mail"))
    assert ids(graph, "mail") == ["m", "n"]
    assert graph.edge_attributes["user", "reads", "mail"]["to"] == ("z", "z")
    days = {"user": ["a"], "date": ["2024-01-01"]}
    graph = of(days, key=("user", "on", "date"))
    assert ids(graph, "date") == ["2024-01-01"] and not graph.schema.edges[0].timed


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"user": [1], "user_id": [2], "item": [3]}, r"user, user_id. Say which .*source='user'"),
        ({"user": [1], "to": [2], "dst": [3]}, r"2 columns that could be their targets \(item\)"),
    ],
)
def test_two_columns_that_could_be_one_end_are_asked_for(columns, sentence):
    with pytest.raises(DataError, match=sentence):
        of(columns)


@pytest.mark.parametrize("unit", ["s", "m", "h", "D", "ms", "us", "ns"])
def test_times_of_any_unit_are_seconds_and_are_stored(tmp_path, unit):
    when = np.array(["2024-01-01", "2024-01-02"], dtype=f"datetime64[{unit}]")
    graph = of(
        {"user": ["a", "a"], "item": [1, 2], "time": when, "seen": when},
        {"user": {"id": ["a", "b"], "when": when}},
    )
    seconds = [1704067200, 1704153600]
    assert graph.relation(BUYS).moments.tolist() == seconds
    assert graph.edge_attributes[BUYS]["seen"].tolist() == seconds
    assert graph.attributes["user"]["when"].tolist() == seconds
    kept = Sampler(graph, Query.parse("user where when > 1704067200 > item", graph.schema)).seeds()
    assert kept.tolist() == [1]
    graph.save(tmp_path / "graph")
    loaded = HeteroGraph.load(tmp_path / "graph")
    assert loaded.attributes["user"]["when"].tolist() == seconds


ODD = {
    "none": [[1, None], [2], None],
    "texts": [["x", None], [], ["y"]],
    "days": [[datetime.date(1970, 1, 2)], [], [datetime.date(1970, 1, 3)]],
    "objects": np.array(["p", "q", None], dtype=object),
    "unicode": np.array(["p", "q", "r"]),
    "bytes": np.array([b"p", b"q", b"r"]),
    "masked": np.ma.MaskedArray([1, 2, 3], [False, True, False]),
    "polars": pl.Series([[1, None], [None], []]),
    "long": np.arange(3, dtype=np.longdouble),
}


def test_odd_columns_are_attributes_and_are_stored(tmp_path):
    graph = HeteroGraph.of({"item": {"id": [1, 2, 3], **ODD}}, {})
    graph.save(tmp_path / "graph")
    about = HeteroGraph.load(tmp_path / "graph").attributes["item"]
    assert [row.tolist() for row in about["none"]] == [[1], [2], []]
    assert list(about["texts"]) == [("x",), (), ("y",)]
    assert [row.tolist() for row in about["days"]] == [[86400], [], [172800]]
    assert about["objects"] == ("p", "q", "") and about["unicode"] == ("p", "q", "r")
    assert about["bytes"] == ("p", "q", "r")
    np.testing.assert_array_equal(about["masked"], [1, np.nan, 3])
    assert [row.tolist() for row in about["polars"]] == [[1], [], []]
    assert about["long"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (np.array(5), "column 'x' is one value, array"),
        ("abc", "column 'x' is one value, 'abc'"),
        (7, "column 'x' is one value, 7"),
        ([{"a": 1}, {"a": 2}, {"a": 3}], "the column 'x' holds Struct"),
        ([[{"a": 1}], [], []], "column 'x' has lists of dict"),
        (pl.Series([[[1]], [[2]], []]), "column 'x' holds List"),
        (np.zeros(3, dtype=complex), "column 'x' is an array of complex128"),
        (np.zeros(3, dtype=[("a", int)]), "column 'x' is an array of"),
    ],
)
def test_columns_that_are_no_attributes_get_a_sentence(column, sentence):
    with pytest.raises(DataError, match=sentence):
        HeteroGraph.of({"item": {"id": [1, 2, 3], "x": column}}, {})


def test_a_size_is_a_number():
    with pytest.raises(ConfigError, match="True is no number of nodes of type user"):
        of({"user": [0], "item": [1]}, {"user": True})


def test_the_files_of_movielens_are_read(tmp_path):
    """Its README: UserID::Gender::Age::Occupation::Zip-code, no header, titles in Latin-1."""
    users = write(tmp_path, "users.dat", "1::F::1::10::48067\n2::M::56::16::07072\n")
    movies = write(tmp_path, "movies.dat", "1::Toy, \"Story\"::Animation\n7::Misérables::Drama\n"
                   .encode("latin-1"))  # fmt: skip
    ratings = write(tmp_path, "ratings.dat", "1::7::5::978300760\n2::1::3::978302109\r\n")
    rated = ("user", "rates", "movie")
    plain = {"separator": "::"}
    graph = HeteroGraph.of(
        {
            "user": Table(users, columns=["id", "gender", "age", "job", "zip"], **plain),
            "movie": Table(movies, columns=["id", "title", "genres"], encoding="latin-1", **plain),
        },
        {rated: Table(ratings, columns=["user", "movie", "rating", "time"], **plain)},
    )
    assert ids(graph, "user") == [1, 2]
    assert graph.attributes["movie"]["title"] == ('Toy, "Story"', "Misérables")
    assert graph.relation(rated).moments.tolist() == [978300760, 978302109]
    assert graph.edge_attributes[rated]["rating"].tolist() == [5, 3]
    with pytest.raises(DataError, match=r"not written in utf-8\. Say how it is"):
        HeteroGraph.of({"movie": Table(movies, columns=["id", "title", "genres"], **plain)}, {})
    with pytest.raises(ConfigError, match="'latin-x' is no encoding"):
        HeteroGraph.of({"movie": Table(movies, encoding="latin-x", **plain)}, {})
    with pytest.raises(DataError, match="row 1 has 5 fields, and there are 2 columns, id, gender"):
        HeteroGraph.of({"user": Table(users, columns=["id", "gender"], **plain)}, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user,item,n\n1,2,3\n1,2,3,4\n", r"row 2 has 4 fields, and there are 3 columns, user, "
         "item, n. Put a value that holds the separator in quotes"),
        ("user,item,n\n1,2,3\n1,2,\n4,5\n", "row 3 has 2 fields, and there are 3 columns"),
        ("user,item,item\n1,2,3\n", "two columns are called 'item'"),
        ("user;item;n\n1;2;3\n1;2\n", "row 2 has 2 fields"),
        ("user:int64,item:decimal\n1,2\n", "its header says the type 'decimal', and the types a"),
        ("user:int64,item:int64,n:int64\n1,2\n", "row 1 has 2 fields"),
        ("user,item,time\na,x,31/12/2023\na,x,01/02/2024\na,y,13/14/2024\n", "row 3 of .*e.csv"),
        ("user,item,time\na,x,\na,x,01/02/2024\n",
         r"01/02/2024 in row 2 of .*e.csv, .*\. Write dates such as 2025-08-30, seconds since 197"),
    ],
)  # fmt: skip
def test_rows_in_disorder_are_named(tmp_path, text, sentence):
    with pytest.raises(AutoGraphError, match=sentence) as caught:
        of(write(tmp_path, "e.csv", text))
    assert "data.files" not in str(caught.value)


def test_a_quote_amid_a_text_is_a_letter_of_it(tmp_path):
    graph = of(write(tmp_path, "e.tsv", 'user\titem\tnote\n01\t2\t5" pipe\n3\t4\t\n'))
    assert graph.edge_attributes[BUYS]["note"] == ('5" pipe', "") and ids(graph, "user")[0] == "01"


def test_an_empty_last_field_is_no_short_row(tmp_path):
    graph = of(write(tmp_path, "e.csv", "user,item,n\n1,2,\n3,4,5\n"))
    np.testing.assert_array_equal(graph.edge_attributes[BUYS]["n"], [np.nan, 5])


def test_several_ids_a_row_are_to_be_taken_apart():
    for table in ({"user": [1], "item": [[1, 2]]}, pl.DataFrame({"user": [1], "item": [[1, 2]]})):
        with pytest.raises(DataError, match=r"'item' has several values.*frame.explode\('item'\)"):
            of(table)


@pytest.mark.parametrize("unit", [1_000, 1_000_000, 1_000_000_000])
@pytest.mark.parametrize("kind", [list, np.array])
def test_finer_units_than_seconds_are_told_by_size(unit, kind):
    seconds = [1_700_000_000, 1_700_147_600]
    some = kind([seconds[0] * unit, seconds[1]])
    graph = HeteroGraph.of({}, {BUYS: {"user": [1, 1], "item": [1, 2], "time": some}})
    assert graph.relation(BUYS).moments.tolist() == seconds
