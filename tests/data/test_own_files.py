"""A person's own tables."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import ConfigError, DataError
from data.loaders import load_dataset
from data.loaders.times import seconds
from data.settings import DataConfig, FilesConfig


def load(files, **choices):
    config = DataConfig(name="files", files=files, min_history=3, **choices)
    return load_dataset(config, files.interactions.parent)


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
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda d: d.replace(microsecond=0))
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
    assert [seconds(pl.Series([form]))[0] for form in forms] == [expected] * len(forms)
    if expected > 10**9:
        assert seconds(pl.Series([expected * 1000]))[0] == expected


def test_times_of_other_zones_dates_and_nonsense():
    assert seconds(pl.Series(["1970-01-01T02:00:00+02:00"])).to_list() == [0]
    assert seconds(pl.Series([date(1970, 1, 2)])).to_list() == [86_400]
    assert seconds(pl.Series([1.9, float("nan"), None, -0.5])).to_list() == [1, None, None, -1]
    assert seconds(pl.Series(["12", "soon", None])).to_list() == [12, None, None]
