"""Graphs from tables of any kind: what becomes of ids, types and columns, and of odd rows."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import AutoGraphError, ConfigError
from graph.exchange.tables import Decoder, Table, hashed
from graph.hetero import HeteroGraph
from graph.schema import EdgeType, NodeType, Schema
from graph.values import Lists

BUYS, LIKES = ("user", "buys", "item"), ("item", "likes", "item")


def pairs(graph, key=BUYS):
    """Every edge by the ids of its ends."""
    relation = graph.relation(key)
    ends = [graph.attributes[kind]["id"] for kind in (key[0], key[2])]
    return [
        (ends[0][s], ends[1][t])
        for s, t in zip(relation.sources.tolist(), relation.targets.tolist(), strict=True)
    ]


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_two_csv_files_become_a_graph(tmp_path):
    users = write(tmp_path, "users.csv", "userId,age,city\nann,31,Rome\nbob,,Oslo\ncat,5,Rome\n")
    buys = write(
        tmp_path,
        "buys.csv",
        "userId,itemId,rating,timestamp,weight\nbob,9,4,30,1\nann,7,5,20,2\nann,9,3,10,0.5\n",
    )
    graph = HeteroGraph.of({"user": users}, {BUYS: buys})
    assert graph.schema.edge(BUYS).timed and dict(graph.sizes) == {"user": 3, "item": 2}
    assert pairs(graph) == [("ann", 9), ("ann", 7), ("bob", 9)]
    assert graph.edge_values(BUYS, "rating").tolist() == [3, 5, 4]
    assert graph.edge_values(("item", "rev_buys", "user"), "rating").tolist() == [5, 3, 4]
    relation = graph.relation(BUYS)
    assert relation.moments.tolist() == [10, 20, 30] and relation.weights.tolist() == [0.5, 2, 1]
    about = graph.attributes["user"]
    assert about["city"] == ("Rome", "Oslo", "Rome") and about["city"][0] is about["city"][2]
    np.testing.assert_array_equal(about["age"], [31, np.nan, 5])
    assert graph.numbers("item", [9, 7]).tolist() == [1, 0]


@pytest.mark.parametrize("form", ["dict", "polars", "parquet", "csv", "tsv", "folder"])
def test_the_same_graph_comes_from_whatever_holds_it(tmp_path, form):
    table = pl.DataFrame({"src": [5, 2, 5], "dst": ["b", "a", "a"], "stars": [1, 2, 3]})
    match form:
        case "dict":
            data = {column.name: column.to_list() for column in table}
        case "polars":
            data = table
        case "parquet":
            data = tmp_path / "edges.parquet"
            table.write_parquet(data)
        case "csv" | "tsv":
            data = tmp_path / f"edges.{form}"
            table.write_csv(data, separator="," if form == "csv" else "\t", include_bom=True)
        case _:
            data = str(tmp_path)
            table[:2].write_csv(tmp_path / "part-0.csv")
            table[2:].write_csv(tmp_path / "part-1.csv")
            write(tmp_path, "_SUCCESS", "")
    graph = HeteroGraph.of({}, {BUYS: data})
    assert pairs(graph) == [(2, "a"), (5, "b"), (5, "a")]
    assert graph.edge_values(BUYS, "stars").tolist() == [2, 1, 3]
    assert not graph.schema.edge(BUYS).timed and graph.relation(BUYS).times is None


def test_edges_of_numbers_need_no_ids():
    graph = HeteroGraph.of(
        {"user": 2, "item": 4}, {BUYS: {"source": np.array([1, 0]), "target": np.array([3, 2])}}
    )
    assert graph.relation(BUYS).targets.tolist() == [2, 3] and not graph.attributes


def test_columns_are_those_that_are_named():
    data = {"who": ["a", "b"], "what": [1, 2], "at": ["1.2.2024", "31.1.2024"], "n": [3, 4]}
    more = {"y": [0, 1], "x": [7, 8]}
    table = Table(
        {**data, **more}, source="who", target="what", time="at", weight="n", label="y",
        attributes=[],
    )  # fmt: skip
    graph = HeteroGraph.of({}, {BUYS: table})
    assert graph.edge_attributes[BUYS]["label"].tolist() == [0, 1]
    assert list(graph.edge_attributes[BUYS]) == ["label"]
    expected = [datetime(2024, 2, 1), datetime(2024, 1, 31)]
    days = [np.datetime64(one, "s").astype(int) for one in expected]
    assert graph.relation(BUYS).moments.tolist() == days
    assert graph.relation(BUYS).weights.tolist() == [3, 4]


def test_several_values_a_row_dates_and_vectors_are_attributes():
    users = {
        "id": [1, 2],
        "tags": [("a", "b"), ()],
        "vector": np.arange(6.0).reshape(2, 3),
        "time": [datetime(1970, 1, 2), datetime(1970, 1, 1)],
        "seen": pl.Series([[1], None], dtype=pl.List(pl.Int64)),
        "member": [True, False],
    }
    about = HeteroGraph.of({"user": users}, {}).attributes["user"]
    assert list(about["tags"]) == [("a", "b"), ()] and isinstance(about["tags"], Lists)
    assert about["vector"].shape == (2, 3) and about["time"].tolist() == [86400, 0]
    assert [row.tolist() for row in about["seen"]] == [[1], []]
    assert about["member"].tolist() == [True, False]


def test_a_schema_that_is_given_is_kept_and_checked():
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType(*BUYS, reverse="sold"),))
    data = {"user": [1], "item": [2]}
    graph = HeteroGraph.of({}, {BUYS: data}, schema)
    assert graph.schema is schema and graph.relation(("item", "sold", "user")).of(0).tolist() == [0]
    with pytest.raises(ConfigError, match="did you mean 'user -buys-> item'"):
        HeteroGraph.of({}, {("user", "buy", "item"): data}, schema)


GLE_NODES = "id:int64\tweight:float\tlabel:int32\tfeature:string\n" + "".join(
    f"{n}\t0.{n}\t{n % 2}\t{city}:{n}:s{n},t:1{n}:0.1:0.5\n"
    for n, city in enumerate(("shanghai", "beijing", "hangzhou", "shanghai"))
)
GLE_EDGES = (
    "src_id:int64\tdst_id:int64\tweight:float\tfeature:string\n"
    "0\t5\t0.215340\tred:0:s2:10:0.1:0.5\n"
    "0\t7\t0.933091\tgrey:0:s2:10:0.1:0.5\n"
    "0\t1\t0.362519\tblue:0:s2:10:0.1:0.5\n"
    "0\t9\t0.097545\tyellow:0:s2:10:0.1:0.5\n"
)


def test_a_header_of_gle_is_read_and_its_attributes_are_taken_apart(tmp_path):
    """The tables of graph-learn, "Data Sources", with a multi-valued text and a label more."""
    nodes = Table(
        write(tmp_path, "node_table", GLE_NODES).rename(tmp_path / "node_table.txt"),
        decoder=Decoder(
            attr_types=("string", "int", ("string", None, True), ("string", 10), "float", "float"),
            names=("city", "number", "words", "bucket", "a", "b"),
        ),
    )
    edges = Table(
        write(tmp_path, "edge_table.txt", GLE_EDGES),
        decoder=Decoder(attr_types=["string", "int", "string", "int", "float", "float"]),
    )
    graph = HeteroGraph.of({"user": nodes}, {BUYS: edges})
    about = graph.attributes["user"]
    assert about["id"].tolist() == [0, 1, 2, 3] and about["label"].tolist() == [0, 1, 0, 1]
    assert about["weight"].tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert about["city"] == ("shanghai", "beijing", "hangzhou", "shanghai")
    assert about["number"].tolist() == [0, 1, 2, 3] and about["b"].tolist() == [0.5] * 4
    assert list(about["words"]) == [(f"s{n}", "t") for n in range(4)]
    assert about["bucket"].tolist() == hashed([f"1{n}" for n in range(4)], 10).tolist()
    assert graph.edge_values(BUYS, "feature_0") == ("red", "grey", "blue", "yellow")
    assert graph.relation(BUYS).weights.tolist() == pytest.approx(
        [0.215340, 0.933091, 0.362519, 0.097545]
    )


@pytest.mark.parametrize("attributed", [True, False])
def test_a_decoder_tells_columns_by_their_place(tmp_path, attributed):
    text = "a:int64\tb:int64\tc:float\td:int32\te:int64\tf:string\n1\t2\t.5\t7\t99\tx:3\n"
    types = ["string", "int"] if attributed else []
    decoder = Decoder(weighted=True, labeled=True, timestamped=True, attr_types=types)
    table = Table(write(tmp_path, "a.txt", text), source="a", target="b", decoder=decoder)
    graph = HeteroGraph.of({}, {BUYS: table})
    assert graph.relation(BUYS).weights.tolist() == [0.5]
    assert graph.relation(BUYS).moments.tolist() == [99]
    about = graph.edge_attributes[BUYS]
    assert about["label"].tolist() == [7]
    assert about.get("feature_1", np.array([3])).tolist() == [3]
    assert set(about) == {"label"} | ({"feature_0", "feature_1"} if attributed else {"f"})


def test_tables_of_arrow_and_pandas_are_tables():
    table = pl.DataFrame({"user": ["a"], "item": [3], "stars": [5]})
    for data in (table.to_arrow(), pytest.importorskip("pandas").DataFrame(table.to_dict())):
        graph = HeteroGraph.of({}, {BUYS: data})
        assert pairs(graph) == [("a", 3)] and graph.edge_values(BUYS, "stars").tolist() == [5]


def test_ids_far_apart_are_found():
    ids = [5, -(2**60), 2**60]
    graph = HeteroGraph.of({"user": {"id": ids}}, {BUYS: {"user": ids[::-1], "item": [1, 2, 3]}})
    assert sorted(pairs(graph)) == [(-(2**60), 2), (5, 3), (2**60, 1)]


UNDIRECTED = {"source": [1, 2, 1, 2, 3, 1], "target": [2, 1, 3, 3, 3, 4], "n": [0, 1, 2, 3, 4, 5]}


def test_undirected_edges_of_one_type_stand_both_ways_and_once():
    """Six rows become nine: what is there both ways, and what leads back to itself, stands once.

    Source: graph-learn, docs/en/gl/graph/graph_object.md, section "Undirected edges".
    """
    graph = HeteroGraph.of({}, {LIKES: Table(UNDIRECTED, directed=False)})
    assert sorted(pairs(graph, LIKES)) == sorted(
        [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2), (3, 3), (1, 4), (4, 1)]
    )
    said = dict(zip(pairs(graph, LIKES), graph.edge_values(LIKES, "n").tolist(), strict=True))
    assert said[1, 2] == 0 and said[2, 1] == 1 and said[1, 3] == said[3, 1] == 2


def test_undirected_edges_at_two_times_are_two():
    data = {"source": [1, 2], "target": [2, 1], "time": [5, 6]}
    graph = HeteroGraph.of({}, {LIKES: Table(data, directed=False)})
    assert pairs(graph, LIKES) == [(1, 2), (1, 2), (2, 1), (2, 1)]
    assert graph.relation(LIKES).moments.tolist() == [5, 6, 5, 6]


def test_undirected_edges_between_two_types_are_walked_back_as_all_are():
    data = {"source": UNDIRECTED["source"], "target": UNDIRECTED["target"]}
    graph = HeteroGraph.of({}, {BUYS: Table(data, directed=False)})
    back = pairs(graph, ("item", "rev_buys", "user"))
    assert sorted(back) == sorted((t, s) for s, t in pairs(graph)) and len(back) == 6


SOUND = {"user": ["a", "b"], "item": ["x", "y"]}


@pytest.mark.parametrize(
    ("nodes", "edges", "sentence"),
    [
        ({"user": {"id": ["a"]}}, SOUND,
         r"edges user -buys-> item, row 2: user is 'b', which is none of the 1 nodes of type user"),
        ({"user": {"id": [1, 3, 1]}}, {"user": [1], "item": [2]},
         r"nodes of type user, row 3: the user 1 was there before, in row 1"),
        ({}, {**SOUND, "time": [1.0, np.nan]},
         r"edges user -buys-> item, row 2: time is nan, which is no time"),
        ({}, {**SOUND, "time": ["2024-05-01", "soon"]}, r"row 2: time is 'soon', which is no time"),
        ({}, {**SOUND, "weight": [1.0, np.inf]}, r"row 2: weight is inf, which is no number"),
        ({}, {"user": ["a", None], "item": [1, 2]}, r"row 2: user is empty. Give the row an id"),
        ({}, {"user": [1.5], "item": [1]}, r"row 1: user is 1.5, and an id is no fraction"),
        ({}, {"user": ["a"], "film": [1]},
         r"have no column of targets \(item\); there are user, film. Call it 'target', or say "
         r"which it is: Table\(…, target='…'\)"),
        ({"user": {"name": ["a"]}}, SOUND, r"no column of ids of user; there are name. Call"),
        ({}, {"user": ["a", "b"], "item": [1]}, "columns of several lengths: user 2, item 1"),
        ({"user": 2}, SOUND, r"row 1: user is 'a'. Nodes of type user are numbered"),
        ({"user": 2}, {"user": [0, 2], "item": [1, 1]},
         r"row 2: user is 2, which is none of the 2 nodes of type user. The numbers are 0 to 1"),
        ({}, Table(SOUND, target="itme"), r"have no column 'itme'; did you mean 'item'\?"),
        ({}, Table(SOUND, attributes=["stars"]), r"have no column 'stars'"),
        ({}, Table({**SOUND, "feature": ["1:2", "1"]}, decoder=Decoder(attr_types=["int", "int"])),
         r"row 2: feature is '1', 1 attributes between ':', and the decoder has 2 types"),
        ({}, Table({**SOUND, "feature": ["1", "x"]}, decoder=Decoder(attr_types=["int"])),
         r"row 2: feature holds 'x' where the decoder says int"),
        ({}, Table(SOUND, decoder=Decoder(attr_types=["int"])), "no column 'feature' for the deco"),
        ({}, Table(SOUND, decoder=Decoder(weighted=True, attr_types=["int"])),
         "the columns user, item; the decoder wants 2 of ids, then weight, feature"),
        ({}, 7, "are a int; give columns by name"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_gets_a_sentence(nodes, edges, sentence):
    with pytest.raises(AutoGraphError, match=sentence):
        HeteroGraph.of(nodes, {BUYS: edges})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"a.csv, of the edges user -buys-> item, is empty"),
        ("src_id:int64,dst_id:int64\n1,2\n1,x\n", "a.csv, row 2: dst_id is 'x', and the header"),
        ("user,item\n1,2\n1,2,3\n", "a.csv, of the edges user -buys-> item, cannot be read"),
        ("user,item,time\n1,2,3\n1,2,\n", "row 2 of .*a.csv: time is empty"),
    ],
)
def test_files_that_cannot_be_used_get_a_sentence(tmp_path, text, sentence):
    with pytest.raises(AutoGraphError, match=sentence):
        HeteroGraph.of({}, {BUYS: write(tmp_path, "a.csv", text)})


def test_files_that_are_not_there_or_unlike_each_other_get_a_sentence(tmp_path):
    with pytest.raises(AutoGraphError, match="which is not there"):
        HeteroGraph.of({}, {BUYS: tmp_path / "no.csv"})
    with pytest.raises(AutoGraphError, match="holds no file that ends in"):
        HeteroGraph.of({}, {BUYS: tmp_path})
    write(tmp_path, "a.csv", "user,item\n1,2\n")
    write(tmp_path, "b.csv", "user,film\n1,2\n")
    with pytest.raises(AutoGraphError, match="files of one folder have the same"):
        HeteroGraph.of({}, {BUYS: tmp_path})
    write(tmp_path, "b.csv", "user,item\n1,2\n5,\n")
    with pytest.raises(AutoGraphError, match=r"row 2 of .*b\.csv: item is empty"):
        HeteroGraph.of({}, {BUYS: tmp_path})


@pytest.mark.parametrize(
    ("types", "more", "sentence"),
    [
        (["double"], {}, "'double' is no type of an attribute"),
        ([("string", 0)], {}, "is no type of an attribute"),
        ([("int", 5)], {}, "Only texts are hashed"),
        (["int"], {"names": ("a", "b")}, "2 names for 1 attributes"),
    ],
)
def test_decoders_that_say_nothing_sound_get_a_sentence(types, more, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Decoder(attr_types=types, **more)


def test_types_that_are_none_get_a_sentence():
    with pytest.raises(ConfigError, match=r"\('user', 'item'\) names no type of edges"):
        HeteroGraph.of({}, {("user", "item"): SOUND})
    with pytest.raises(ConfigError, match="cannot be -1 nodes of type user"):
        HeteroGraph.of({"user": -1}, {})
    with pytest.raises(ConfigError, match="'buys it' cannot be the name"):
        HeteroGraph.of({}, {("user", "buys it", "item"): SOUND})


def test_a_typed_header_may_begin_with_the_mark_of_windows(tmp_path):
    path = write(tmp_path, "a.csv", "\ufeffsrc_id:int64,dst_id:string\r\n7,x\r\n")
    assert pairs(HeteroGraph.of({}, {BUYS: path})) == [(7, "x")]


VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3),
    st.datetimes(), st.lists(st.integers(0, 3), max_size=2), st.binary(max_size=2),
    st.just({"a": 1}),
)  # fmt: skip
NAME = st.sampled_from(
    ["user", "item", "id", "time", "weight", "label", "source", "x", "feature", ""]
)
COLUMNS = st.integers(0, 3).flatmap(
    lambda n: st.dictionaries(
        NAME,
        st.one_of(
            st.lists(VALUE, min_size=n, max_size=n),
            st.lists(st.integers(0, 3), min_size=n, max_size=n),
        ),
        max_size=6,
    )
)


@given(
    st.one_of(st.none(), COLUMNS, st.integers(-1, 3)),
    COLUMNS,
    st.booleans(),
    st.sampled_from([None, Decoder(("int",)), Decoder(("string",), weighted=True)]),
)
@settings(max_examples=200, deadline=None)
def test_whatever_stands_in_a_table_it_is_a_graph_or_a_sentence(nodes, edges, directed, decoder):
    table = Table({"user": [0], "item": [0], **edges}, directed=directed, decoder=decoder)
    for key in (BUYS, ("user", "knows", "user")):
        try:
            graph = HeteroGraph.of({} if nodes is None else {"user": nodes}, {key: table})
        except AutoGraphError as error:
            assert str(error).endswith((".", "?", ")"))
        else:
            assert graph.schema.types[0] == "user"


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"user,item\n", b"src_id:int64\tdst_id:int64\n"])
)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_stands_in_a_file_it_is_a_graph_or_a_sentence(tmp_path, rest, start):
    path = tmp_path / "a.csv"
    path.write_bytes(start + rest)
    try:
        HeteroGraph.of({}, {BUYS: path})
    except AutoGraphError as error:
        assert "a.csv" in str(error) or "user -buys-> item" in str(error)


def test_a_table_without_rows_is_a_graph_without_edges(tmp_path):
    empty = write(tmp_path, "a.csv", "user,item,time\n")
    graph = HeteroGraph.of({"user": {"id": [4, 5]}}, {BUYS: empty})
    assert graph.size("user") == 2 and graph.size("item") == 0
    assert len(graph.relation(BUYS).targets) == 0
