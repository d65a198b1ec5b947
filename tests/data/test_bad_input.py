"""Each bad input gets its sentence: what, where, how to mend."""

import pytest

from data.catalogue import CATALOGUE
from data.errors import ConfigError, DataError
from data.loaders.load import load_dataset
from data.settings import DataConfig


def load(folder, name="ml-1m", **choices):
    return load_dataset(DataConfig(name=name, source=folder, min_history=3, **choices), folder)


def append(path, line):
    with path.open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")


BAD_ROWS = [
    ("ratings.dat", "1::10::4", 8, r"3 fields instead of 4 between '::'"),
    ("ratings.dat", "1::10::4::5::6", 8, "5 fields instead of 4"),
    ("ratings.dat", "1::10::NaN::400", 8, "weight is NaN, not a number"),
    ("ratings.dat", "1::10::inf::400", 8, "weight is inf, not a number"),
    ("ratings.dat", "1::10::good::400", 8, "weight is good, not a number"),
    ("ratings.dat", "1::10::::400", 8, "weight is , not a number"),
    ("ratings.dat", "1::10::4::yesterday", 8, "time is yesterday, not a number"),
    ("ratings.dat", "77::10::4::400", 8, "user_id 77 is not in the user table"),
    ("ratings.dat", "1::99::4::400", 8, "item_id 99 is not in the item table"),
    ("users.dat", "1::M::25::3::1234", 3, "user_id 1 stands twice"),
    ("users.dat", "3::M::26::3::1234", 3, "age 26 is no code"),
    ("users.dat", "::M::25::3::1234", 3, "user_id is empty"),
    ("movies.dat", "10::Toy Story again::Drama", 5, "item_id 10 stands twice"),
]


@pytest.mark.parametrize(("name", "row", "line", "reason"), BAD_ROWS)
def test_a_bad_row_stops_with_file_line_reason_and_cure(ml_1m, name, row, line, reason):
    append(ml_1m / name, row)
    with pytest.raises(DataError, match=rf"{name}:{line}: {reason}.*--on-bad-row skip"):
        load(ml_1m)


@pytest.mark.parametrize(("name", "row", "line", "reason"), BAD_ROWS)
def test_a_bad_row_is_skipped_and_listed(ml_1m, name, row, line, reason):
    whole = load(ml_1m)
    assert whole.bad_rows.is_empty()
    append(ml_1m / name, row)
    loaded = load(ml_1m, on_bad_row="skip")
    ((file, where, why),) = loaded.bad_rows.rows()
    assert (file, where) == (name, line)
    assert reason.replace("'::'", "") in why.replace("'::'", "")
    assert loaded.dataset.interactions.equals(whole.dataset.interactions)
    assert loaded.dataset.users.equals(whole.dataset.users)


def test_the_first_bad_row_is_told_and_the_others_are_counted(ml_1m):
    for row in ("1::10", "2::10", "2::20"):
        append(ml_1m / "ratings.dat", row)
    with pytest.raises(DataError, match=r"ratings\.dat:8: .*\(2 more like it\)"):
        load(ml_1m)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file(ml_1m, content):
    (ml_1m / "movies.dat").write_bytes(content)
    with pytest.raises(DataError, match=r"movies\.dat is empty"):
        load(ml_1m)


def test_a_missing_file_says_what_the_folder_holds(ml_1m):
    (ml_1m / "users.dat").unlink()
    with pytest.raises(
        DataError, match=r"no users\.dat .* it holds movies\.dat, ratings\.dat.*--from"
    ):
        load(ml_1m)
    with pytest.raises(DataError, match="it is empty or no folder"):
        load(ml_1m / "nowhere")


def test_a_damaged_archive(ml_1m):
    (ml_1m / "movies.dat").rename(ml_1m / "movies.dat.gz")
    with pytest.raises(DataError, match=r"Cannot read .*movies\.dat\.gz \(BadGzipFile"):
        load(ml_1m)
    (ml_1m / "movies.dat.gz").rename(ml_1m / "movies.dat.zst")
    with pytest.raises(DataError, match=r"Cannot read .*movies\.dat\.zst \(ZstdError"):
        load(ml_1m)


@pytest.fixture
def latest(tmp_path):
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n5,A,X\n6,B,X\n7,C,X\n")
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n9,5,5,1\n9,6,5,2\n9,7,5,3\n"
    )
    return tmp_path


def test_an_unknown_encoding_names_line_and_byte(latest):
    with (latest / "movies.csv").open("ab") as movies:
        movies.write("8,Café,X\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"movies\.csv:5 is not utf-8: byte 0xe9 .*encoding"):
        load(latest, "ml-latest-small")


def test_a_missing_column_is_named_beside_those_found(latest):
    (latest / "ratings.csv").write_text("userId,movieId,stars,timestamp\n9,5,5,1\n")
    with pytest.raises(
        DataError, match=r"ratings\.csv has no column 'rating'; its columns are 'userId', 'movieId'"
    ):
        load(latest, "ml-latest-small")


def test_a_column_that_stands_twice(latest):
    (latest / "movies.csv").write_text("movieId,title,genres,title\n5,A,X,A\n")
    with pytest.raises(DataError, match=r"movies\.csv has more than one column 'title'"):
        load(latest, "ml-latest-small")


def test_lines_are_counted_through_quoted_fields_that_span_several(latest):
    (latest / "movies.csv").write_text(
        'movieId,title,genres\n5,"A\nin two lines",X\n6,B,X\n\n7,C\n'
    )
    with pytest.raises(DataError, match=r"movies\.csv:6: 2 fields instead of 3"):
        load(latest, "ml-latest-small")


def test_broken_quotes(latest):
    (latest / "movies.csv").write_text('movieId,title,genres\n5,"A"x,X\n6,B,X\n7,C,X\n')
    with pytest.raises(DataError, match=r"movies\.csv:2: broken quotes"):
        load(latest, "ml-latest-small")
    (latest / "movies.csv").write_text('movieId,title,genres\n5,A,X\n6,"B,X\n7,C,X\n')
    with pytest.raises(DataError, match=r"movies\.csv:3: a quote is opened and never closed"):
        load(latest, "ml-latest-small")


def test_a_user_with_too_short_a_history_is_dropped(ml_1m):
    append(ml_1m / "users.dat", "3::M::25::3::1234")
    append(ml_1m / "ratings.dat", "3::10::5::1")
    loaded = load(ml_1m)
    assert loaded.dataset.users["user_id"].to_list() == ["1", "2"]
    assert loaded.left_out["users with fewer than 3 interactions"] == 1
    with pytest.raises(DataError, match=r"history is 3, where data\.min_history asks for 4"):
        load_dataset(DataConfig(name="ml-1m", source=ml_1m, min_history=4), ml_1m)


def test_an_unknown_data_set_names_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match=r"no data set 'ml-2m'.*demo, ml-1m"):
        load(tmp_path, "ml-2m")


def test_every_card_is_complete():
    for name, card in CATALOGUE.items():
        assert card.name == name
        assert all((card.title, card.what, card.size, card.licence, card.publisher))
        assert set(card.checks) == {url.rsplit("/", 1)[-1] for url in card.urls}
        for check in card.checks.values():
            kind, _, digest = (check or "md5:" + "0" * 32).partition(":")
            assert len(digest) == {"md5": 32, "sha256": 64}[kind] and int(digest, 16) >= 0
    assert list(CATALOGUE) == [
        *("demo", "ml-1m", "ml-100k", "ml-latest-small", "ml-latest-small-tags", "ml-10m-tags"),
        *("book-crossing", "amazon-books"),
        *("amazon-beauty", "amazon-sports", "amazon-office", "gowalla", "files"),
    ]
