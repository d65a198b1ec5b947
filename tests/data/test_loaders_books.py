"""Book-Crossing and Amazon in their publishers' formats."""

import gzip
import json

import pytest

from data.errors import DataError
from data.loaders.load import load_dataset
from data.settings import DataConfig

DUMP = {
    "BX-Users.csv": (
        '"User-ID";"Location";"Age"\n'
        '"1";"münchen, bavaria, germany";"33"\n'
        '"2";"nowhere, n/a, n/a";NULL\n'
        '"3";NULL;NULL\n'
    ),
    "BX-Books.csv": (
        '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S"\n'
        '"01X";"Tom &amp; \\"Huck\\"; a tale";"M. Twain";"1999";"A &amp; B";"http://i"\n'
        '"02";"Level 4\\";Jane Doe\\"";"2000";"DK";"http://i"\n'
        '"03";"Plain";"Someone";"0";"C";"http://i"\n'
    ),
    "BX-Book-Ratings.csv": (
        '"User-ID";"ISBN";"Book-Rating"\n'
        '"1";"03";"7"\n'
        '"1";"01X";"6"\n'
        '"1";"99";"10"\n'
        '"1";"02";"8"\n'
        '"2";"01X";"0"\n'
    ),
}


def load(folder, name, **choices):
    return load_dataset(DataConfig(name=name, source=folder, min_history=3, **choices), folder)


@pytest.fixture
def dump(tmp_path):
    for name, text in DUMP.items():
        (tmp_path / name).write_bytes(text.encode("cp1252"))
    return tmp_path


def test_the_dump_with_its_entities_escapes_and_hidden_separators(dump):
    loaded = load(dump, "book-crossing")
    assert loaded.dataset.users.rows() == [("1", "münchen, bavaria, germany", "germany", 33)]
    assert loaded.dataset.items.rows() == [
        ("01X", 'Tom & "Huck"; a tale', "M. Twain", 1999, "A & B"),
        ("02", "Level 4", "Jane Doe", 2000, "DK"),
        ("03", "Plain", "Someone", None, "C"),
    ]


def test_the_order_of_the_file_stands_for_time(dump):
    interactions = load(dump, "book-crossing").dataset.interactions
    assert interactions["item"].to_list() == [2, 0, 1]
    assert interactions["time"].to_list() == [2, 3, 5]


def test_ratings_of_unknown_books_are_listed_and_never_stop(dump):
    loaded = load(dump, "book-crossing")
    assert loaded.left_out["interactions rated too low"] == 1
    assert loaded.bad_rows.rows() == [
        ("BX-Book-Ratings.csv", 4, "item_id 99 is not in the item table")
    ]


def test_a_row_that_cannot_be_repaired_is_bad(dump):
    with (dump / "BX-Books.csv").open("a") as books:
        books.write('"04";"Short"\n')
    with pytest.raises(DataError, match=r"BX-Books\.csv:5: 2 fields instead of 6"):
        load(dump, "book-crossing")
    assert load(dump, "book-crossing", on_bad_row="skip").bad_rows["line"].to_list() == [5, 4]


def test_the_comma_form_gives_the_same(dump, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comma")
    (folder / "users.csv").write_text(
        'User-ID,Location,Age\n1,"münchen, bavaria, germany",33.0\n2,"nowhere, n/a, n/a",\n3,,\n'
    )
    (folder / "books.csv").write_text(
        "ISBN,Book-Title,Book-Author,Year-Of-Publication,Publisher\n"
        '01X,"Tom &amp; ""Huck""; a tale",M. Twain,1999,A & B\n'
        "02,Level 4,Jane Doe,2000,DK\n03,Plain,Someone,0,C\n"
    )
    (folder / "ratings.csv").write_text(
        "User-ID,ISBN,Book-Rating\n1,03,7\n1,01X,6\n1,99,10\n1,02,8\n2,01X,0\n"
    )
    dump_set, comma_set = load(dump, "book-crossing").dataset, load(folder, "book-crossing").dataset
    assert comma_set.items.equals(dump_set.items)
    assert comma_set.users.equals(dump_set.users)
    assert comma_set.interactions.equals(dump_set.interactions)


REVIEWS = [
    {"reviewerID": "A", "asin": "b2", "overall": 5.0, "unixReviewTime": 20, "helpful": [0, 1]},
    {"reviewerID": "A", "asin": "b1", "overall": 4.0, "unixReviewTime": 10, "reviewText": "é"},
    {"reviewerID": "A", "asin": "b3", "overall": 5.0, "unixReviewTime": 30},
    {"reviewerID": "A", "asin": "b4", "overall": 3.0, "unixReviewTime": 40},
    {"reviewerID": "A", "asin": "b9", "overall": 5.0, "unixReviewTime": 50},
]
META = [
    {
        "asin": "b1",
        "title": "It&#39;s",
        "categories": [["Books", "Sea"], ["Books", "Sea", "Ships"]],
    },
    {"asin": "b0", "title": "nobody reviewed it"},
    {"asin": "b2", "description": "Don't", "brand": "X", "related": {"also": ["b1"]}},
    {"asin": "b3", "title": None, "price": 9.5},
    {"asin": "b4", "title": "rated too low"},
]


@pytest.fixture
def amazon(tmp_path):
    reviews = "".join(json.dumps(review) + "\n" for review in REVIEWS)
    meta = "".join(repr(product) + "\n" for product in META)
    (tmp_path / "reviews_Books_5.json.gz").write_bytes(gzip.compress(reviews.encode()))
    (tmp_path / "meta_Books.json.gz").write_bytes(gzip.compress(meta.encode()))
    return tmp_path


def test_amazon_reviews_and_python_dictionaries(amazon):
    loaded = load(amazon, "amazon-books")
    assert loaded.dataset.items.rows() == [
        ("b1", "It's", None, ["Sea", "Ships"], None),
        ("b2", None, "Don't", [], "X"),
        ("b3", None, None, [], None),
    ]
    assert loaded.dataset.interactions.rows() == [(0, 0, 10, 4.0), (0, 1, 20, 5.0), (0, 2, 30, 5.0)]
    assert loaded.left_out["interactions rated too low"] == 1
    assert loaded.bad_rows["reason"].to_list() == ["item_id b9 is not in the item table"]


def test_amazon_metadata_never_runs_code(amazon):
    trap = amazon / "trap"
    line = f"{{'asin': 'b1', 'title': __import__('pathlib').Path({str(trap)!r}).touch()}}\n"
    (amazon / "meta_Books.json.gz").unlink()
    (amazon / "meta_Books.json").write_text(line)
    with pytest.raises(DataError, match=r"meta_Books\.json:1: no readable record of b1"):
        load(amazon, "amazon-books")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "no JSON record"),
        ("[1, 2]", "no JSON record"),
        ('{"reviewerID": "A", "asin": "b1", "overall": 5.0}', "no field 'unixReviewTime'"),
        (
            '{"reviewerID": "A", "asin": "b1", "overall": NaN, "unixReviewTime": 1}',
            "overall is nan, not what it should be",
        ),
        (
            '{"reviewerID": null, "asin": "b1", "overall": 1, "unixReviewTime": 1}',
            "reviewerID is None, not what it should be",
        ),
    ],
)
def test_a_bad_review_has_its_line_and_reason(amazon, line, reason):
    whole = load(amazon, "amazon-books").dataset
    (amazon / "reviews_Books_5.json.gz").unlink()
    lines = [json.dumps(review) for review in REVIEWS]
    (amazon / "reviews_Books_5.json").write_text("\n".join([lines[0], line, *lines[1:]]) + "\n")
    with pytest.raises(DataError, match=rf"reviews_Books_5\.json:2: {reason}"):
        load(amazon, "amazon-books")
    loaded = load(amazon, "amazon-books", on_bad_row="skip")
    assert loaded.bad_rows["line"][0] == 2
    assert loaded.dataset.interactions.equals(whole.interactions)


def test_a_cut_archive_is_told(amazon):
    path = amazon / "reviews_Books_5.json.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"Cannot read .*reviews_Books_5\.json\.gz"):
        load(amazon, "amazon-books")
