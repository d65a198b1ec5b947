"""The publications themselves; skipped where they are not at hand."""

import polars as pl
import pytest

from data.errors import DataError
from data.loaders.load import load_dataset
from data.loaders.movielens import load_1m as load_ml_1m
from data.loaders.raw import BadRows, Reading
from data.loaders.source import Source
from data.settings import DataConfig
from data.split import leave_one_out
from data.statistics import measure


def folder_of(real_data, name):
    folder = real_data / name
    if not folder.is_dir():
        pytest.skip(f"no {name} in {real_data}")
    return folder


def load(folder, name, **choices):
    return load_dataset(DataConfig(name=name, source=folder, **choices), folder)


@pytest.fixture(scope="module")
def ml_1m_raw(real_data):
    bad_rows = BadRows("stop")
    raw = load_ml_1m(Reading(Source(folder_of(real_data, "movielens-1m")), bad_rows, 4))
    assert bad_rows.table().is_empty()
    return raw


def test_ml_1m_before_filtering(ml_1m_raw):
    positive = ml_1m_raw.ratings.filter(pl.col("weight") > 3)
    assert positive.height == 575_281
    assert ml_1m_raw.users.height == 6_040
    assert ml_1m_raw.items.height == 3_883
    # Table 1 of the paper: 6,038 users and 3,533 items
    assert positive["user_id"].n_unique() == 6_038
    assert positive["item_id"].n_unique() == 3_533


def test_ml_1m_prepared(real_data):
    loaded = load(folder_of(real_data, "movielens-1m"), "ml-1m")
    dataset = loaded.dataset
    assert loaded.bad_rows.is_empty()
    # four of the 6,038 users have fewer than five ratings above 3, nine in all
    assert (dataset.n_users, dataset.n_items) == (6_034, 3_533)
    assert dataset.interactions.height == 575_272
    assert loaded.left_out["users with fewer than 5 interactions"] == 4
    assert loaded.left_out["users without an interaction"] == 2
    numbers = measure(dataset, leave_one_out(dataset))
    assert numbers.history["min"] == 5
    assert numbers.parts == {"train": 563_204, "valid": 6_034, "test": 6_034}
    assert dataset.users.null_count().transpose().sum().item() == 0
    assert dataset.items.null_count().transpose().sum().item() == 0
    assert dataset.items.filter(pl.col("title") == "Toy Story (1995)").rows() == [
        ("1", "Toy Story (1995)", 1995, ["Animation", "Children's", "Comedy"])
    ]
    assert "City of Lost Children, The (1995)" in dataset.items["title"]
    first = dataset.interactions.filter(pl.col("user") == dataset.user_ids.number("1"))
    assert first["time"].is_sorted()
    assert first["time"][0] == 978_300_019


def test_ml_1m_low_ratings_are_refused_without_their_times(real_data):
    folder = folder_of(real_data, "movielens-1m")
    if Source(folder).find("ratings.dat"):
        pytest.skip("the complete ratings.dat is here")
    with pytest.raises(DataError, match="ratings above 3 only"):
        load(folder, "ml-1m", min_rating=3)


def test_ml_1m_enriched(real_data):
    folder_of(real_data, "movielens-1m-text")
    items = load(folder_of(real_data, "movielens-1m"), "ml-1m", enrich=True).dataset.items
    heat = items.row(by_predicate=pl.col("title") == "Heat (1995)", named=True)
    assert heat["directors"] == ["Michael Mann"]
    assert "Al Pacino" in heat["actors"]
    assert items["description"].null_count() < 100


@pytest.mark.parametrize(
    ("folder", "name", "counts"),
    [
        ("movielens-100k", "ml-100k", (938, 1_447, 55_361)),
        ("movielens-latest-small", "ml-latest-small", (604, 7_363, 61_702)),
        ("bookcrossing/users-sample", "book-crossing", (1_839, 16_285, 23_861)),
    ],
)
def test_the_others_load(real_data, folder, name, counts):
    dataset = load(folder_of(real_data, folder), name).dataset
    assert (dataset.n_users, dataset.n_items, dataset.interactions.height) == counts
    assert len(leave_one_out(dataset).test) == counts[0]


def test_ml_100k_positive_ratings_before_filtering(real_data):
    # published counts of the 100,000 ratings: 34,174 fours and 21,201 fives
    folder = folder_of(real_data, "movielens-100k")
    kept = load(folder, "ml-100k", min_history=3).dataset.interactions
    whole = load(folder, "ml-100k", min_rating=1, min_history=3).dataset.interactions
    assert whole.height == 100_000
    assert (whole["weight"] >= 4).sum() == 34_174 + 21_201
    assert 34_174 + 21_201 - kept.height < 2 * 943


def test_ml_10m_tags_prepared(real_data):
    loaded = load(folder_of(real_data, "movielens-10m"), "ml-10m-tags")
    dataset = loaded.dataset
    assert set(loaded.bad_rows["reason"]) == {"the tag is empty"} and loaded.bad_rows.height == 6
    assert (dataset.n_users, dataset.n_items) == (1_160, 7_517)
    assert dataset.interactions.height == 50_863
    assert (dataset.log.rows.height, dataset.log.n_queries) == (89_569, 14_302)
    assert any(";" in query for query in dataset.log.queries["query_id"])


def test_tags_of_ml_latest_small_prepared(real_data):
    dataset = load(folder_of(real_data, "movielens-latest-small"), "ml-latest-small-tags").dataset
    assert (dataset.n_users, dataset.n_items) == (604, 7_363)
    assert (dataset.log.rows.height, dataset.log.n_queries) == (3_597, 1_457)
    assert dataset.log.rows["user"].n_unique() == 56
