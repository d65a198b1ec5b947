"""A person's own tables."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import ConfigError, DataError
from data.loaders.load import load_dataset
from data.loaders.times import read_times
from data.settings import DataConfig, FilesConfig


def load(files, **choices):
    config = DataConfig(name="files", files=files, min_history=3, **choices)
    return load_dataset(config, files.interactions.parent)


def seconds(times):
    """What a column of times is read as."""
    return read_times(pl.Series("time", times)).seconds.to_list()


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "sales.csv").write_text(
        "when;who;what;stars\n"
        "2024-05-03 10:00:00;ann;p3;2\n"
        "2024-05-01 10:00:00;ann;p1;5\n"
        '2024-05-02 10:00:00;ann;"p;2";4\n',
        encoding="utf-8",
    )
    (tmp_path / "people.csv").write_text("id;city;age;post\nann;Köln;41;02139\nbob;Rome;;00184\n")
    (tmp_path / "goods.csv").write_text(
        "code;label;about;tags;price;colour\n"
        "p1;Lamp;Lights a room;light / home;9.5;red\n"
        '"p;2";Chair;;;20;\n'
        "p3;007;Shaken;spy;1e3;blue\n"
    )
    return FilesConfig(
        interactions=tmp_path / "sales.csv",
        user="who",
        item="what",
        time="when",
        weight="stars",
        users=tmp_path / "people.csv",
        users_id="id",
        items=tmp_path / "goods.csv",
        items_id="code",
        title="label",
        description="about",
        list_columns=("tags",),
        list_separator="/",
        separator=";",
    )


def test_columns_are_mapped_and_typed(shop):
    dataset = load(shop).dataset
    assert dataset.users.rows(named=True) == [
        {"user_id": "ann", "city": "Köln", "age": 41, "post": "02139"}
    ]
    assert dataset.items.rows(named=True) == [
        {
            "item_id": "p1",
            "title": "Lamp",
            "description": "Lights a room",
            "tags": ["light", "home"],
            "price": 9.5,
            "colour": "red",
        },
        {
            "item_id": "p;2",
            "title": "Chair",
            "description": None,
            "tags": [],
            "price": 20.0,
            "colour": None,
        },
        {
            "item_id": "p3",
            "title": "007",
            "description": "Shaken",
            "tags": ["spy"],
            "price": 1000.0,
            "colour": "blue",
        },
    ]
    first = datetime(2024, 5, 1, 10, tzinfo=UTC).timestamp()
    assert dataset.interactions.rows() == [
        (0, 0, first, 5.0),
        (0, 1, first + 86_400, 4.0),
        (0, 2, first + 172_800, 2.0),
    ]


def test_a_rating_threshold_applies_only_if_given(shop):
    assert load(shop).dataset.n_items == 3
    with pytest.raises(DataError, match=r"2 have a rating of at least 4"):
        load(shop, min_rating=4)


def test_parquet_gives_the_same_as_csv(shop):
    folder = shop.interactions.parent
    parquet = {}
    for part in ("interactions", "users", "items"):
        path = getattr(shop, part)
        table = pl.read_csv(path, separator=";", schema_overrides={"post": pl.String})
        if part == "interactions":
            table = table.with_columns(pl.col("when").str.to_datetime())
        parquet[part] = folder / f"{part}.parquet"
        table.write_parquet(parquet[part])
    theirs, ours = load(shop).dataset, load(shop.model_copy(update=parquet)).dataset
    assert ours.interactions.equals(theirs.interactions)
    assert ours.users.equals(theirs.users)
    assert ours.items.rows() == theirs.items.rows()


def test_interactions_alone_are_enough(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("user_id,item_id\n7,b\n7,a\n7,c\n")
    dataset = load(FilesConfig(interactions=path)).dataset
    assert dataset.users.rows() == [("7",)]
    assert dataset.items.rows() == [("b",), ("a",), ("c",)]
    assert dataset.interactions.rows() == [(0, 0, 2, 1.0), (0, 1, 3, 1.0), (0, 2, 4, 1.0)]


def test_attributes_may_be_chosen(shop):
    chosen = shop.model_copy(update={"user_attributes": (), "item_attributes": ("price",)})
    dataset = load(chosen).dataset
    assert dataset.users.columns == ["user_id"]
    assert dataset.items.columns == ["item_id", "title", "description", "price"]


@pytest.mark.parametrize(
    "field", ["user", "item", "time", "weight", "users_id", "items_id", "title"]
)
def test_a_missing_column_is_named_beside_those_found(shop, field):
    with pytest.raises(DataError, match=r"has no column 'nope'; its columns are '\w+', '\w+'"):
        load(shop.model_copy(update={field: "nope"}))


def test_one_column_for_two_roles_is_refused(shop):
    with pytest.raises(ConfigError, match="one column twice"):
        load(shop.model_copy(update={"time": "who"}))


def test_a_missing_file_is_named(shop, tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*gone\.csv"):
        load(shop.model_copy(update={"users": tmp_path / "gone.csv"}))
    (tmp_path / "x.parquet").write_text("no parquet")
    with pytest.raises(DataError, match=r"x\.parquet is no Parquet file"):
        load(shop.model_copy(update={"items": tmp_path / "x.parquet"}))


def test_own_tables_and_the_name_files_belong_together(shop):
    with pytest.raises(ValidationError, match=r"data\.files"):
        DataConfig(name="files")
    with pytest.raises(ValidationError, match=r"data\.files"):
        DataConfig(name="demo", files=shop)


def test_settings_round_trip_as_json(shop):
    config = DataConfig(name="files", files=shop)
    assert DataConfig.model_validate_json(config.model_dump_json()) == config
    described = DataConfig.model_fields
    assert all(field.description for field in described.values())
    assert all(field.description for field in FilesConfig.model_fields.values())


@settings(deadline=None)
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)).map(
        lambda d: d.replace(microsecond=0)
    )
)
def test_a_moment_is_the_same_second_in_every_form(moment):
    expected = int(moment.replace(tzinfo=UTC).timestamp())
    forms = [
        str(moment),
        moment.isoformat(),
        moment.isoformat() + "Z",
        moment.isoformat() + "+00:00",
        str(expected),
        moment,
        moment.replace(tzinfo=UTC),
        expected,
    ]
    assert [seconds([form]) for form in forms] == [[expected]] * len(forms)
    if expected > 10**9:
        units = (10**3, 10**6, 10**9)
        assert [seconds([expected * unit]) for unit in units] == [[expected]] * len(units)


def test_times_of_other_zones_dates_and_nonsense():
    assert seconds(["1970-01-02T02:00:00+02:00"]) == [86_400]
    assert seconds([date(1970, 1, 2)]) == [86_400]
    assert seconds([1.9, float("nan"), None, -0.5]) == [1, None, None, -1]
    assert seconds(["12", "13", "soon", None]) == [12, 13, None, None]


@pytest.fixture
def clicks(tmp_path):
    """Three interactions of one user, and an item table to be written beside them."""
    path = tmp_path / "clicks.csv"
    path.write_text("user_id,item_id\nu,a\nu,b\nu,c\n")
    return FilesConfig(interactions=path, items=tmp_path / "items.csv")


def items_of(files, text, **choices):
    files.items.write_text(text)
    return load(files.model_copy(update=choices)).dataset.items


def test_blanks_around_ids_do_not_count(tmp_path):
    sales, goods = tmp_path / "sales.csv", tmp_path / "goods.csv"
    sales.write_text("user_id, item_id\nu, a\n u, b\nu,c \n")
    goods.write_text("item_id,price\na ,1\n b,2\nc,3\nc ,4\n")
    files = FilesConfig(interactions=sales, items=goods)
    with pytest.raises(DataError, match=r"goods\.csv:5: item_id c stands twice"):
        load(files)
    loaded = load(files, on_bad_row="skip")
    assert loaded.dataset.users.rows() == [("u",)]
    assert loaded.dataset.items.rows() == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize(
    ("header", "choices", "columns"),
    [
        ("item_id,name,title", {"title": "name"}, ["item_id", "title", "other_title"]),
        ("id,item_id,x", {"items_id": "id"}, ["item_id", "other_item_id", "x"]),
        ("item_id,name,line", {"title": "name"}, ["item_id", "title", "line"]),
        ("item_id,line,reason", {"items_id": "line"}, ["other_item_id", "item_id", "reason"]),
        ("item_id,title,other_title", {"title": "other_title"}, None),
        (
            "item_id,name,x",
            {"title": "name", "item_attributes": ("name", "item_id", "x", "x")},
            ["item_id", "title", "x"],
        ),
    ],
)
def test_columns_may_be_called_like_those_of_a_data_set(clicks, header, choices, columns):
    rows = "a,a,a\nb,b,b\nc,c,c\n"
    items = items_of(clicks, f"{header}\n{rows}", **choices)
    assert items.columns == (columns or ["item_id", "other_other_title", "title"])
    assert items.rows() == [("a", "a", "a"), ("b", "b", "b"), ("c", "c", "c")]


@pytest.mark.parametrize(
    "choices",
    [
        {"title": "item_id"},
        {"description": "item_id"},
        {"title": "name", "description": "name"},
    ],
)
def test_a_column_of_items_has_one_purpose(clicks, choices):
    with pytest.raises(ConfigError, match=r"one column twice among items_id, title and descr"):
        items_of(clicks, "item_id,name\na,A\nb,B\nc,C\n", **choices)


def test_interactions_may_have_a_column_called_line(clicks):
    clicks.interactions.write_text('user_id,line,item_id\nu,7,a\nu,8,"b"\nu,9,\nu,10,c\n')
    only = clicks.model_copy(update={"items": None})
    loaded = load(only, on_bad_row="skip")
    assert loaded.dataset.interactions["time"].to_list() == [2, 3, 5]
    assert loaded.bad_rows.rows() == [("clicks.csv", 4, "item_id is empty")]


LENGTH, LIST = pl.Series([timedelta(hours=1)] * 3), pl.Series([["x"]] * 3)


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("u", LIST, r"'u' of the type List\(String\)\. An id is a text or a number"),
        ("i", LENGTH, r"'i' of the type Duration.* An id is a text or a number"),
        ("t", LENGTH, r"'t' of the type Duration.* Make it seconds, dates or dates with time"),
        ("t", LIST, r"'t' of the type List\(String\)\. Make it seconds"),
        ("w", LENGTH, r"'w' of the type Duration.* Make it numbers"),
        ("n", LENGTH, r"'n' of the type Duration.* Make it text"),
        ("n", pl.Series([b"x"] * 3), r"'n' of the type Binary\. Make it text"),
    ],
)
def test_a_type_that_does_not_fit_is_told(tmp_path, column, values, said):
    table = pl.DataFrame({"u": [1, 1, 1], "i": ["a", "b", "c"], "t": [3, 2, 1], "w": [1, 2, 3]})
    table = table.with_columns(n=pl.col("i")).with_columns(values.alias(column))
    path = tmp_path / "all.parquet"
    table.write_parquet(path)
    files = FilesConfig(interactions=path, user="u", item="i", time="t", weight="w")
    with pytest.raises(DataError, match=rf"all\.parquet has a column {said}"):
        load(files.model_copy(update={"items": path, "items_id": "i", "title": "n"}))


def test_texts_are_text_whatever_they_were(clicks, tmp_path):
    table = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "name": [1984, 2001, None],
            "about": [["One", None, "two "], [], None],
            "price": [1, 2, 3],
        }
    )
    table.write_parquet(tmp_path / "items.parquet")
    update = {"items": tmp_path / "items.parquet", "title": "name", "description": "about"}
    items = load(clicks.model_copy(update=update)).dataset.items
    assert items["title"].to_list() == ["1984", "2001", None]
    assert items["description"].to_list() == ["One two", None, None]
    assert items["price"].to_list() == [1, 2, 3]
    assert items_of(clicks, "item_id,title\na,007\nb,8\nc,9\n")["title"].dtype == pl.String


def test_carriage_returns_alone_end_lines_where_the_header_shows_it(clicks):
    clicks.interactions.write_bytes(b"user_id,item_id\ru,a\ru,b\ru,c\r")
    assert items_of(clicks, "item_id\na\nb\nc\n").rows() == [("a",), ("b",), ("c",)]
    quoted = 'item_id,about\r\na,"one\rtwo"\r\nb,B\r\nc,C\r\n'
    clicks.items.write_bytes(quoted.encode())
    assert load(clicks).dataset.items["about"][0] == "one\rtwo"


def test_a_wrong_separator_is_told(clicks):
    clicks.interactions.write_text("user_id;item_id\nu;a\nu;b\nu;c\n")
    with pytest.raises(DataError, match=r"If ';' stands between them, say so in data\.files\.sep"):
        load(clicks)


FINER = {
    "milliseconds": [1_700_000_000_900 - 100 * k for k in range(6)],
    "fractions": [1_700_000_000.9 - 0.1 * k for k in range(6)],
    "written": [f"2024-05-01 10:00:00.{9 - k}" for k in range(6)],
    "moments": [datetime(2024, 5, 1, 10, 0, 0, 900_000 - 100_000 * k) for k in range(6)],
}


@pytest.mark.parametrize("times", FINER.values(), ids=FINER)
def test_order_within_a_second_is_kept(tmp_path, times):
    """The latest stands first in the file, and users and items are numbered as they stand there."""
    table = pl.DataFrame({"user_id": ["u"] * 6, "item_id": [f"i{k}" for k in range(6)], "t": times})
    table.write_parquet(tmp_path / "t.parquet")
    dataset = load(FilesConfig(interactions=tmp_path / "t.parquet", time="t")).dataset
    assert dataset.items["item_id"].to_list() == [f"i{k}" for k in range(6)]
    assert dataset.interactions["item"].to_list() == [5, 4, 3, 2, 1, 0]
    assert dataset.interactions["time"].n_unique() == 1


def test_equal_times_keep_the_order_of_the_rows(tmp_path):
    path = tmp_path / "days.csv"
    days = ("2024-05-02", "2024-05-01", "2024-05-01", "2024-05-02")
    rows = "".join(f"u,i{k},{day}\n" for k, day in enumerate(days))
    path.write_text(f"user_id,item_id,day\n{rows}")
    dataset = load(FilesConfig(interactions=path, time="day")).dataset
    assert dataset.interactions["item"].to_list() == [1, 2, 0, 3]


def test_what_is_no_time_is_null_in_both_readings():
    for values in ([1.5, float("inf"), None], ["2024-05-01", "soon", None]):
        found = read_times(pl.Series(values))
        assert found.seconds.is_null().to_list() == [False, True, True]
        assert found.fine.is_null().to_list() == [False, True, True]
    for values in (LENGTH, LIST):
        assert seconds(values) == [None] * 3
    assert seconds(pl.Series(["60", "120"], dtype=pl.Categorical)) == [60, 120]
