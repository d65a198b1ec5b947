"""Which column means what, and how a table begins."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from data.column_guess import guess_id, guess_interactions, guess_items, guess_lists, guess_log
from data.errors import DataError
from data.loaders.peek import peek


@pytest.mark.parametrize(
    ("header", "user", "item", "time", "weight"),
    [
        ("userId,movieId,rating,timestamp", "userId", "movieId", "timestamp", "rating"),
        ("User-ID,ISBN,Book-Rating", "User-ID", "ISBN", None, "Book-Rating"),
        (
            "unixReviewTime,overall,asin,reviewerID",
            "reviewerID",
            "asin",
            "unixReviewTime",
            "overall",
        ),
        ("timestamp,visitorid,event,itemid", "visitorid", "itemid", "timestamp", None),
        ("x,y", "x", "y", None, None),
    ],
)
def test_known_headers(header, user, item, time, weight):
    rows = pl.DataFrame({name: ["x"] for name in header.split(",")})
    expected = {"user": user, "item": item, "time": time, "weight": weight}
    assert guess_interactions(rows) == expected


def test_values_tell_where_names_do_not():
    rows = pl.DataFrame({"a": ["2024-05-01", "2024-05-02"], "b": ["x", "y"], "c": ["p", "q"]})
    assert guess_interactions(rows) == {"user": "b", "item": "c", "time": "a", "weight": None}


def test_no_column_stands_twice():
    found = guess_interactions(pl.DataFrame({"user_item_time": ["1"]}))
    assert sorted(name for name in found.values() if name) == ["user_item_time"]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("user_id,search_term,item_id,time,session", "user_id item_id time search_term session"),
        ("clicked,client,words,at", "client clicked at words None"),
        ("userId,movieId,tag,timestamp", "userId movieId timestamp tag None"),
        ("who,said,at,got", "who got at said None"),
    ],
)
def test_columns_of_a_log_are_told_by_names_those_of_interactions_and_values(header, found):
    values = {"at": "2024-05-01"}
    rows = pl.DataFrame({name: [values.get(name, "x")] for name in header.split(",")})
    beside = {"user": "client", "item": "clicked", "time": None}
    roles = ("user", "item", "time", "query", "ask")
    guess = guess_log(rows, beside)
    assert " ".join(str(guess[role]) for role in roles) == found


def test_items_are_found_by_their_ids():
    rows = pl.DataFrame({"n": ["1", "2"], "nr": ["p1", "p2"], "label": ["Lamp", "Chair"]})
    found = guess_items(rows, {"p2", "p9"}, "product")
    assert found == {"id": "nr", "title": "label", "description": None}
    assert guess_id(rows, set(), "product") == "n"


def test_lists_and_their_separator():
    rows = pl.DataFrame(
        {
            "title": ["Lamp, red", "Chair, big"],
            "genres": ["a|b", "c"],
            "text": ["Long words | " * 9, "More words"],
            "tags": ["x|y", None],
        }
    )
    assert guess_lists(rows.drop("text"), ["title"]) == (["genres", "tags"], "|")


def test_a_table_begins(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeffuser;item\r\n1;"a;b"\r\n2\r\n'.encode())
    found = peek(path)
    assert found.separator == ";" and found.rows.rows() == [("1", "a;b"), ("2", None)]


def test_latin_1_is_a_choice(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("user,item\nJosé,1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.csv:2 is not utf-8"):
        peek(path)
    assert peek(path, encoding="latin-1").rows["user"][0] == "José"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\x1f\x8brest", "gzip"),
        (b"PAR1rest", r"ending \.parquet"),
        ("user,item\n1,2\n".encode("utf-16"), "zero bytes"),
        (b"user,user\n1,2\n", "twice"),
        (b"user,,item\n1,2,3\n", "without a name"),
        (b"x," * 600 + b"y\n", "columns"),
    ],
)
def test_no_table(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        peek(path)


def test_a_damaged_parquet_file(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match="no Parquet file"):
        peek(path)


def test_a_letter_cut_at_the_end_of_what_is_read_is_no_error(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("user,item\n" + "é,é\n" * 100_000, encoding="utf-8")
    assert peek(path, 5).rows.height == 5


def test_lengths_of_time_are_no_times_and_no_ids():
    rows = pl.DataFrame({"id": ["a", "b"], "runs": [timedelta(minutes=90)] * 2})
    assert guess_id(rows, {"a"}, "item_id") == "id"
    assert guess_interactions(rows)["time"] is None


def test_a_table_with_carriage_returns_alone(tmp_path):
    (tmp_path / "old.csv").write_bytes(b"who,what\rann,lamp\rbob,chair\r")
    assert peek(tmp_path / "old.csv").rows.rows() == [("ann", "lamp"), ("bob", "chair")]
