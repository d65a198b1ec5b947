"""MovieLens in its publishers' formats, on files small enough to check by eye."""

import gzip

import polars as pl
import pytest
import zstandard

from data.errors import DataError
from data.loaders.load import load_dataset
from data.settings import DataConfig


def load(folder, name="ml-1m", **choices):
    return load_dataset(DataConfig(name=name, source=folder, min_history=3, **choices), folder)


def test_ml_1m_codes_become_words_and_titles_keep_their_accents(ml_1m):
    dataset = load(ml_1m).dataset

    assert dataset.users.rows() == [
        ("1", "female", "under 18", "K-12 student", "48067"),
        ("2", "male", "56 or over", "self-employed", "70072"),
    ]
    assert dataset.users.columns == ["user_id", "gender", "age", "occupation", "zip"]
    assert dataset.items.rows() == [
        ("10", "Toy Story (1995)", 1995, ["Animation", "Children's", "Comedy"]),
        ("20", "Cité des enfants perdus, La (1995)", 1995, ["Adventure", "Sci-Fi"]),
        ("30", "Heat (1995)", 1995, ["Action"]),
    ]
    assert dataset.interactions.rows() == [
        (0, 0, 100, 4.0),
        (0, 1, 200, 5.0),
        (0, 2, 300, 5.0),
        (1, 2, 90, 5.0),
        (1, 0, 100, 4.0),
        (1, 1, 100, 4.0),
    ]


def test_a_lower_threshold_keeps_the_low_rating(ml_1m):
    dataset = load(ml_1m, min_rating=3).dataset
    assert dataset.n_items == 4
    assert dataset.interactions.rows()[0] == (0, 3, 50, 3.0)


@pytest.mark.parametrize(
    ("ending", "compress"), [(".zst", zstandard.ZstdCompressor().compress), (".gz", gzip.compress)]
)
def test_compressed_files_give_the_same(ml_1m, ending, compress):
    plain = load(ml_1m).dataset
    for path in list(ml_1m.iterdir()):
        path.with_name(path.name + ending).write_bytes(compress(path.read_bytes()))
        path.unlink()
    packed = load(ml_1m).dataset
    assert packed.interactions.equals(plain.interactions)
    assert packed.items.equals(plain.items)


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(ml_1m):
    plain = load(ml_1m).dataset
    ratings = ml_1m / "ratings.dat"
    ratings.write_bytes(ratings.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert load(ml_1m).dataset.interactions.equals(plain.interactions)


def test_ratings_above_three_stand_in_only_for_thresholds_above_three(ml_1m):
    (ml_1m / "ratings.dat").rename(ml_1m / "ratings_ge4.dat")
    assert load(ml_1m).dataset.n_items == 3
    with pytest.raises(DataError, match=r"ratings above 3 only.*min_rating is 3\b.*ratings\.dat"):
        load(ml_1m, min_rating=3)


def test_enrich_adds_text_and_people(ml_1m):
    beside = ml_1m.parent / "movielens-1m-text"
    beside.mkdir()
    (beside / "extended_movie.csv").write_text(
        "MovieID,Title,overview,director,actors\n"
        '10,Toy Story,"A doll, jealous,\nmeets a spaceman.",John Lasseter,Tom Hanks|Tim Allen\n'
        "30,Heat,,Michael Mann,\n"
    )
    items = load(ml_1m, enrich=True).dataset.items
    assert items.select("description", "directors", "actors").rows() == [
        (
            "A doll, jealous,\nmeets a spaceman.",
            ["John Lasseter"],
            ["Tom Hanks", "Tim Allen"],
        ),
        (None, [], []),
        (None, ["Michael Mann"], []),
    ]
    assert "description" not in load(ml_1m).dataset.items.columns


def test_enrich_without_the_file_is_told(ml_1m):
    with pytest.raises(DataError, match=r"no extended_movie\.csv"):
        load(ml_1m, enrich=True)


def test_ml_100k(tmp_path):
    (tmp_path / "u.genre").write_text("unknown|0\nAction|1\nDrama|2\n\n")
    (tmp_path / "u.user").write_text("7|24|M|technician|85711\n")
    (tmp_path / "u.item").write_text(
        "1|Émile (1990)|01-Jan-1990||http://x|0|1|1\n2|unknown||||1|0|0\n3|C (1991)||||0|0|1\n",
        encoding="latin-1",
    )
    (tmp_path / "u.data").write_text("7\t3\t5\t30\n7\t1\t4\t10\n7\t2\t4\t20\n")
    dataset = load(tmp_path, "ml-100k").dataset
    assert dataset.users.rows() == [("7", 24, "male", "technician", "85711")]
    assert dataset.items.rows() == [
        ("1", "Émile (1990)", 1990, ["Action", "Drama"]),
        ("2", "unknown", None, []),
        ("3", "C (1991)", 1991, ["Drama"]),
    ]
    assert dataset.interactions["item"].to_list() == [0, 1, 2]


def test_ml_latest(tmp_path):
    (tmp_path / "movies.csv").write_text(
        "movieId,title,genres\n"
        '5,"Vie, La (2001)",Drama|War\n'
        "6,Series (2006–2007),(no genres listed)\n"
        "7,No year,Comedy\n"
    )
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n9,7,3.5,3\n9,6,4.0,2\n9,5,5.0,1\n8,5,3.0,1\n"
    )
    dataset = load(tmp_path, "ml-latest-small").dataset
    assert dataset.users.rows() == [("9",)]
    assert dataset.items.rows() == [
        ("5", "Vie, La (2001)", 2001, ["Drama", "War"]),
        ("6", "Series (2006–2007)", 2006, []),
        ("7", "No year", None, ["Comedy"]),
    ]
    assert dataset.interactions["weight"].to_list() == [5.0, 4.0, 3.5]
    assert dataset.items.schema["genres"] == pl.List(pl.String)


def test_tags_of_ml_latest_are_what_users_asked_for_and_change_nothing_else(tmp_path):
    (tmp_path / "movies.csv").write_text(
        "movieId,title,genres\n5,A (2001),Drama\n6,B (2006),War\n7,C,Comedy\n8,D,Comedy\n"
    )
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n9,5,5,1\n9,6,4,2\n9,7,3.5,3\n9,8,1,4\n8,5,5,1\n"
    )
    (tmp_path / "tags.csv").write_text(
        "userId,movieId,tag,timestamp\n"
        "9,6,Dark,1200000010\n9,5,dark ,1200000000\n9,8,dark,1200000020\n8,5,dark,1200000000\n"
        '9,7,"sad, slow",1200000030\n9,7,  ,1200000031\n'
    )
    dataset = load(tmp_path, "ml-latest-small-tags").dataset
    bare = load(tmp_path, "ml-latest-small").dataset
    assert bare.log is None
    assert dataset.interactions.equals(bare.interactions) and dataset.items.equals(bare.items)
    assert dataset.log.queries.rows() == [("dark", "Dark"), ("sad, slow", "sad, slow")]
    # film 8 and user 8 are not in the data set
    assert dataset.log.rows.rows() == [
        (0, 0, 0, 0, 1200000000),
        (0, 0, 0, 1, 1200000010),
        (1, 0, 1, 2, 1200000030),
    ]
    dataset.save(tmp_path / "kept")
    again = type(dataset).load(tmp_path / "kept")
    assert again.log.rows.equals(dataset.log.rows)
    assert again.log.queries.equals(dataset.log.queries)


@pytest.mark.parametrize("mark", ["::", ";"])
def test_tags_of_ml_10m_may_hold_what_stands_between_fields(tmp_path, mark):
    rows = [("5", "A; or B (2001)", "Drama|War"), ("6", "C (2006)", "War"), ("7", "D", "Comedy")]
    (tmp_path / "movies.dat").write_text("".join(mark.join(row) + "\n" for row in rows))
    tags = [
        *(("9", "6", "fear; hate:: anger", "3"), ("9", "5", "Dark", "1"), ("9", "7", "dark", "2")),
        ("9", "5", "war", "4"),
    ]
    (tmp_path / "tags.dat").write_text("".join(mark.join(row) + "\n" for row in tags))
    dataset = load(tmp_path, "ml-10m-tags").dataset
    assert dataset.items["title"].to_list() == ["A; or B (2001)", "C (2006)", "D"]
    assert dataset.items["genres"].to_list()[0] == ["Drama", "War"]
    # a film that is tagged twice is an interaction once, at the first time
    assert dataset.interactions.rows() == [(0, 0, 1, 1.0), (0, 2, 2, 1.0), (0, 1, 3, 1.0)]
    assert dataset.log.queries["query_id"].to_list() == ["dark", "fear; hate:: anger", "war"]
    asked = [(query, item) for _, _, query, item, _ in dataset.log.rows.rows()]
    assert asked == [(0, 0), (0, 2), (1, 1), (2, 0)]
    (tmp_path / "tags.dat").write_text(f"9{mark}6{mark}dark\n9{mark}6{mark}dark{mark}5\n")
    with pytest.raises(DataError, match=r"tags\.dat:1: fewer than 4 fields between"):
        load(tmp_path, "ml-10m-tags")
