"""The graph in a graph database: what is written comes back, and Cypher counts as we do."""

from __future__ import annotations

import threading
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph.database import write
from graph.database.ask import AskError, Asking, ask
from graph.database.reader import POOL
from graph.database.statement import CALLED, REFUSED, check_reads
from graph.database.write import is_ours, read_database, write_database
from graph.explore.paths import count_instances
from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.schema import EdgeType, NodeType, Schema
from graph.values import Lists

pytest.importorskip("ladybug")
SHOP = Schema(
    (NodeType("user"), NodeType("item"), NodeType("Group", groups="item"), NodeType("naïve")),
    (
        EdgeType("user", "of", "item", reverse="rev", timed=True, title="sales"),
        EdgeType("item", "in", "Group", level=0),
        EdgeType("user", "in", "Group"),
        EdgeType("Group", "User", "Group"),
        EdgeType("naïve", "none", "item"),
    ),
)
NAMES = ("it's", 'a "quoted" `name`', "back\\slash\nline", "naïve → 家 🐞", "", "// no comment")


@pytest.fixture(scope="module")
def shop() -> HeteroGraph:
    rng = np.random.default_rng(0)

    def drawn(n: int, m: int, size: int, **more: np.ndarray) -> Relation:
        pairs = np.unique(rng.integers(0, n * m, size))
        cut = {name: values[: len(pairs)] for name, values in more.items()}
        return Relation.between(pairs // m, pairs % m, n, m, **cut)

    times = rng.integers(-(10**9), 10**9, 60)
    times[:2] = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    none = np.zeros(0, dtype=np.int64)
    edges = {
        ("user", "of", "item"): drawn(9, 12, 60, times=times, weights=rng.random(60)),
        ("item", "in", "Group"): drawn(12, 6, 30),
        ("user", "in", "Group"): drawn(9, 6, 20),
        ("Group", "User", "Group"): drawn(6, 6, 9),
        ("naïve", "none", "item"): Relation.between(none, none, 0, 12),
    }
    attributes = {
        "Group": {
            "label": NAMES,
            "Number": np.arange(6, dtype=np.int16),
            "order": rng.random((6, 3)).astype(np.float32),
            "tags": Lists.of((("a", "b"), (), ("c",), (), (), ("it's",))),
            "years": Lists.of([(1, 2), (), (3,), (), (), ()]),
        },
        "item": {"price": rng.random(12), "is sold": np.arange(12) % 2 == 0},
    }
    sizes = {"user": 9, "item": 12, "Group": 6, "naïve": 0}
    m = len(edges["user", "of", "item"].targets)
    of_edges = {
        ("user", "of", "item"): {"rating": rng.integers(1, 6, m), "From": ("here", "there") * m},
        ("user", "in", "Group"): {"since": np.arange(len(edges["user", "in", "Group"].targets))},
    }
    of_edges["user", "of", "item"]["From"] = of_edges["user", "of", "item"]["From"][:m]
    return HeteroGraph(SHOP, sizes, edges, attributes, of_edges)


@pytest.fixture(scope="module")
def database(shop: HeteroGraph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("it's [a] *folder*")
    return write_database(shop, folder / "shop.lbug", {"user": {"name": ("Ann",) * 9}})


def test_what_is_written_comes_back(shop, database):
    back = read_database(database)
    assert back.schema == shop.schema and back.sizes == shop.sizes
    for key, edges in shop.edges.items():
        for part in ("offsets", "targets", "times", "weights"):
            np.testing.assert_array_equal(getattr(back.edges[key], part), getattr(edges, part))
    owners = [(back.attributes[kind], about) for kind, about in shop.attributes.items()]
    owners += [(back.edge_attributes[key], about) for key, about in shop.edge_attributes.items()]
    for found, values in owners:
        for name, column in values.items():
            again = found[name]
            if isinstance(column, Lists):
                assert list(map(list, again)) == list(map(list, column))
            elif isinstance(column, np.ndarray):
                np.testing.assert_array_equal(again, column)
                assert again.dtype == column.dtype
            else:
                assert again == column
    assert back.attributes["user"] == {"name": ("Ann",) * 9}


@pytest.mark.parametrize(
    "path",
    [
        "user > item",
        "user > item > Group",
        "item > Group > item",
        "user > Group > item > user",
    ],
)
def test_cypher_counts_the_instances_that_we_count(shop, database, path):
    metapath = Query.parse(path, SHOP)
    ends = list(pairwise(enumerate(metapath.types)))
    nodes = ", ".join(f"(n{at}:`{kind}`)" for at, kind in enumerate(metapath.types))
    steps = ", ".join(f"(n{at})-[e{at}]-(n{at + 1})" for (at, _), _ in ends)
    apart = [f"id(e{at}) <> id(e{at + 1})" for at in range(len(ends) - 1)]
    where = f"WHERE {' AND '.join(apart)} " if apart else ""
    found = ask(database, f"MATCH {nodes}, {steps} {where}RETURN count(*)")
    assert found.rows[0][0] == count_instances(shop, metapath) > 0


def test_names_that_are_words_of_cypher_can_be_asked_for(database):
    found = ask(
        database,
        "MATCH (u:user)-[e:of]->(i:item)-[:`in`]->(g:`Group`) "
        "RETURN u, e.moment, e.time, g.label, i.`is sold` ORDER BY e.time LIMIT 50",
    )
    assert found.table.columns == ["u", "e.moment", "e.time", "g.label", "i.is sold"]
    assert found.table["u"][0] == "Ann" and set(found.table["g.label"]) <= set(NAMES)
    for moment, seconds in found.table.select("e.moment", "e.time").rows():
        known = abs(seconds) < 10**10
        assert (moment is not None) == known
        if known:
            assert (moment - np.datetime64(0, "s").item()).total_seconds() == seconds
    assert found.nodes[0][0] == "user"


def test_a_graph_in_a_table_of_another_name_is_found_by_its_comment(database):
    tables = ask(database, "CALL show_tables() RETURN name, type, comment").table
    assert set(tables["name"]) == {"user", "item", "Group", "naïve", "of", "in", "User_2", "none"}
    assert read_database(database).edges.keys() == {edge.key for edge in SHOP.edges}


def test_only_what_is_ours_is_replaced_and_only_by_what_is_ready(shop, tmp_path, monkeypatch):
    path = write_database(shop, tmp_path / "graph.lbug")
    before = path.read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as half_way:
        half_way.setattr(write, "_write_relation", stop)
        with pytest.raises(KeyboardInterrupt):
            write_database(shop, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    assert write_database(shop, path) == path and is_ours(path)
    for content in (b"", b"mine", before[:5000]):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="no database that AutoGraph wrote"):
            write_database(shop, path)
        assert path.read_bytes() == content


def test_what_the_dead_left_is_removed(shop, tmp_path):
    import os

    old = tmp_path / ".graph.lbug.1-2.part"
    young = tmp_path / ".graph.lbug.3-4.part"
    for folder in (old, young):
        folder.mkdir()
        (folder / "graph.lbug").write_bytes(b"half")
    os.utime(old, (0, 0))
    path = write_database(shop, tmp_path / "graph.lbug")
    assert {*tmp_path.iterdir()} == {path, young}


def test_nodes_that_were_deleted_there_are_missed(shop, tmp_path):
    import ladybug

    path = write_database(shop, tmp_path / "graph.lbug")
    with ladybug.Database(str(path)) as opened, ladybug.Connection(opened) as connection:
        connection.execute("MATCH (g:`Group` {number: 2}) DETACH DELETE g")
    with pytest.raises(DataError, match="Number them anew"):
        read_database(path)


def test_without_the_library_a_sentence_says_how_to_get_it(shop, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ladybug", None)
    with pytest.raises(ConfigError, match=r"pip install 'autograph-rec\[cypher\]'"):
        write_database(shop, tmp_path / "graph.lbug")
    with pytest.raises(ConfigError, match="pip install"):
        ask(tmp_path / "graph.lbug", "RETURN 1")


WRITES = (
    "CREATE (:user {number: 99})",
    "MATCH (u:user) SET u.name = 'x'",
    "MATCH (u:user) DETACH DELETE u",
    "MATCH (u:user) DELETE u",
    "MATCH (u:user) REMOVE u.name",
    "MERGE (:user {number: 99})",
    "MATCH (u:user) MERGE (:user {number: 99})",
    "COPY user FROM '/etc/passwd'",
    "COPY (MATCH (u:user) RETURN u.number) TO 'x.csv'",
    "LOAD FROM '/etc/passwd' RETURN *",
    "MATCH (u:user) LOAD FROM '/etc/passwd' RETURN *",
    "MATCH (u:user) WHERE u.number=1LOAD FROM '/etc/passwd' RETURN *",
    "MATCH (u:user) WHERE u.number=0xALOAD FROM '/etc/passwd' RETURN *",
    "MATCH (u:user)LOAD/**/FROM'/etc/passwd'RETURN*",
    "LOAD EXTENSION httpfs",
    "INSTALL httpfs",
    "UNINSTALL httpfs",
    "UPDATE httpfs",
    "FORCE INSTALL httpfs",
    "ATTACH 'x' AS x (dbtype lbug)",
    "DETACH x",
    "USE x",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "DROP TABLE user",
    "ALTER TABLE user ADD x INT64",
    "COMMENT ON TABLE user IS 'x'",
    "CREATE MACRO f(x) AS x + 1",
    "BEGIN TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "CHECKPOINT",
    "CALL threads=8",
    "CALL timeout=0",
    "CALL project_graph('g', ['user'], ['of'])",
    "CALL current_setting('home_directory') RETURN *",
    "CALL `project_graph`('g', ['user'], ['of'])",
    "CALL read_csv_serial('/etc/passwd') RETURN *",
    "RETURN 1; MATCH (u:user) RETURN u",
    "RETURN 1;; RETURN 2",
    "EXPLAIN COPY user FROM 'x'",
    "PROFILE LOAD FROM 'x' RETURN *",
    "",
    "//RETURN",
)


@pytest.mark.parametrize("statement", WRITES)
def test_what_does_more_than_read_is_refused(database, statement):
    for text in (
        statement,
        statement.lower(),
        f"/* MATCH */ {statement}",
        f"// a line\n{statement}",
        f"\n\t{statement} ;",
        statement.replace(" ", "\n/* ' */ "),
    ):
        with pytest.raises(ConfigError):
            Asking(database, text)


@pytest.mark.parametrize(
    "statement",
    [
        "MATCH (u:user) WHERE u.name = 'CREATE; LOAD FROM \\' \"x' RETURN u",
        'MATCH (u:user) WHERE u.name = "it\'s a COPY" RETURN u;',
        "MATCH (u:user) /* DELETE */ RETURN u.number // SET it",
        "MATCH (u:user) RETURN u.number AS `load`, 1 AS created, 2 AS offset_set",
        "optional match (u:user) return u",
        "UNWIND [1, 2] AS x WITH x RETURN x * 1.5e3",
        "CALL show_tables() RETURN *",
        "PROFILE MATCH (u:user) RETURN u",
    ],
)
def test_what_only_reads_is_answered(database, statement):
    assert check_reads(statement) == statement
    assert ask(database, statement).columns


@pytest.mark.parametrize(
    "statement", ["RETURN 'open", "RETURN `open", "RETURN /* x", "RETURN 'a\\q'"]
)
def test_texts_without_an_end_are_shown_by_a_caret(statement):
    with pytest.raises(ConfigError) as told:
        check_reads(statement)
    assert str(told.value).endswith(f"{statement}\n       ^")


def test_behind_the_list_of_words_the_process_can_open_nothing(database, tmp_path, monkeypatch):
    monkeypatch.setattr("graph.database.ask.check_reads", lambda statement: statement)
    secret, out = tmp_path / "secret.csv", tmp_path / "out.csv"
    secret.write_text("1,2\n")
    for statement in (
        f"LOAD FROM '{secret}' RETURN *",
        f"COPY (MATCH (u:user) RETURN u.number) TO '{out}'",
        "CREATE (:user {number: 99})",
    ):
        with pytest.raises(AskError, match="Cannot"):
            ask(database, statement)
    assert not out.exists()


def test_rows_time_memory_and_size_have_limits(database):
    cross = ask(database, "MATCH (a:item), (b:item), (c:item) RETURN a.number", rows=5)
    assert (len(cross.rows), cross.total, cross.cut) == (5, 12**3, True)
    for endless, why in (
        ("UNWIND range(1, 1000000000) AS x RETURN sum(x)", "memory"),
        ("RETURN repeat('x', 2000000000)", "memory"),
        (
            "UNWIND range(1,9000) AS a UNWIND range(1,9000) AS b UNWIND range(1,99) AS c "
            "RETURN sum(a * b % (c + 1))",
            "more than 0.5 seconds",
        ),
        (
            "UNWIND range(1, 40) AS x RETURN list_to_string(',', range(1, 200000))",
            "more than 32 MB",
        ),
    ):
        with pytest.raises(AskError, match=why):
            ask(database, endless, seconds=0.5 if "seconds" in why else 10)
    assert POOL < 2**30


def test_a_question_can_be_stopped_and_only_some_run_at_once(database, monkeypatch):
    slow = "UNWIND range(1,9000) AS a UNWIND range(1,9000) AS b RETURN sum(a * b % 7)"
    monkeypatch.setattr("graph.database.ask.TURN", 0.1)
    running = [Asking(database, slow, seconds=30) for _ in range(2)]
    with pytest.raises(AskError, match="Others ask"):
        Asking(database, "RETURN 1")
    monkeypatch.undo()
    threading.Timer(0.3, running[0].cancel).start()
    assert ask(database, "RETURN 1 AS one").rows == ((1,),), "it waits for its turn"
    for one in running:
        one.cancel()
        assert not one.running
        with pytest.raises(AskError, match="Stopped"):
            one.answer()
    assert ask(database, "RETURN 1 AS one").rows == ((1,),)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("MATCH (u:user)\nRETRUN u", "This cannot be read as Cypher from here on.\nRETRUN u\n^"),
        ("MATCH (u:nobody) RETURN u", "Table nobody does not exist."),
        ("MATCH (u:user) RETURN v", "Variable v is not in scope."),
    ],
)
def test_a_mistake_is_a_sentence(database, statement, said):
    with pytest.raises(AskError) as told:
        ask(database, statement)
    assert str(told.value) == said


def test_a_file_that_is_no_database_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="There is no database"):
        ask(tmp_path / "none.lbug", "RETURN 1")
    (tmp_path / "mine.lbug").write_bytes(b"mine")
    with pytest.raises(AskError, match="not a valid"):
        ask(tmp_path / "mine.lbug", "RETURN 1")


def test_the_lists_name_each_word_once():
    assert len({*REFUSED}) == len(REFUSED) and len({*CALLED}) == len(CALLED)


def test_values_of_every_type_are_answered(database):
    values = {
        "cast(7 AS INT128)": 7,
        "cast('9223372036854775808' AS INT128)": "9223372036854775808",
        "cast(1.5 AS DECIMAL(5, 2))": "1.50",
        "cast('2020-02-03' AS DATE)": "2020-02-03",
        "cast('2020-02-03 04:05:06' AS TIMESTAMP)": datetime(2020, 2, 3, 4, 5, 6),
        "cast('2020-02-03 04:05:06+00' AS TIMESTAMP_TZ)": datetime(2020, 2, 3, 4, 5, 6),
        "cast('2020-02-03 04:05:06' AS TIMESTAMP_NS)": datetime(2020, 2, 3, 4, 5, 6),
        "interval('2 days')": "2 days, 0:00:00",
        "cast('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' AS UUID)": (
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
        ),
        "cast(200 AS UINT8)": 200,
        "cast(-9 AS INT8)": -9,
        "cast(18446744073709551615 AS UINT64)": 2**64 - 1,
        "cast(0.5 AS FLOAT)": 0.5,
        "0.25": 0.25,
        "true": True,
        "'text'": "text",
        "null": None,
        "[1, 2]": "1, 2",
        "{a: 1, b: 'x'}": "a: 1, b: x",
        "map([1], ['x'])": "1: x",
        r"blob('\\xAA')": r"b'\xaa'",
    }
    for expression, expected in values.items():
        found = ask(database, f"RETURN {expression} AS one").table["one"][0]
        if isinstance(found, datetime):
            found = found.replace(tzinfo=None)
        assert found == expected, expression
    summed = ask(database, "MATCH (u:user) RETURN sum(u.number) AS whole").table
    assert summed["whole"].to_list() == [36]
