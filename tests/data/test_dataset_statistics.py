"""Numbers of a data set, worked out by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.columns import ITEM_ID, USER_ID
from data.log import log_of
from data.preprocess import Raw, preprocess
from data.split import leave_one_out
from data.statistics import DomainSize, LogSize, gini, measure, share_of_repeats


def test_counts_of_a_small_data_set(make_dataset):
    dataset = make_dataset(
        [[(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 1), (2, 2), (1, 3)], [(0, 5), (1, 6), (2, 7)]], 5
    )
    numbers = measure(dataset, leave_one_out(dataset))

    assert (numbers.users, numbers.items, numbers.interactions) == (3, 5, 10)
    assert numbers.density == pytest.approx(10 / 15)
    assert numbers.history == {"min": 3, "25 %": 3, "median": 3, "75 %": 3.5, "max": 4}
    assert numbers.parts == {"train": 4, "valid": 3, "test": 3}
    # training: item 0 three times, item 1 once; tests are the items 3, 1 and 2
    assert numbers.popularity == {"min": 0, "25 %": 0, "median": 0, "75 %": 1, "max": 3}
    assert numbers.cold_items == 3
    assert numbers.cold_targets == pytest.approx(2 / 3)
    assert numbers.head == pytest.approx(3 / 4)
    # pairs of (0, 0, 0, 1, 3) differ by 14 in all: 2 · 14 / 25, over twice the mean of 0.8
    assert numbers.gini == pytest.approx(0.7)
    assert dict(numbers.rows())["split"] == "train 4, valid 3, test 3"


def test_domains_are_counted_where_there_are_several(make_dataset):
    plain = make_dataset(
        [[(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 1), (2, 2), (0, 3)], [(1, 5), (3, 6), (1, 7)]], 4
    )
    assert measure(plain, leave_one_out(plain)).domains == ()
    names = pl.Series("domain", ["books", "films", "books", "films"])
    parted = replace(plain, items=plain.items.with_columns(names))
    numbers = measure(parted, leave_one_out(parted))
    assert numbers.domains == (DomainSize("books", 2, 2, 5), DomainSize("films", 2, 2, 5))
    assert dict(numbers.rows())["domain films"] == "2 items, 2 users, 5 interactions"
    assert dict(numbers.rows())["users in several domains"] == "1 of 3 (33%)"


def test_a_log_is_counted_where_there_is_one(make_dataset):
    plain = make_dataset([[(0, 1), (1, 2), (2, 3)], [(0, 1), (2, 2), (1, 3)]], 3)
    assert measure(plain, leave_one_out(plain)).log is None
    users, items = plain.users[USER_ID], plain.items[ITEM_ID]
    rows = [("lamps", 0, 1), ("lamps", 2, 2), ("chairs", 0, 3), ("LAMPS", 0, 4)]
    asked = pl.DataFrame(
        {
            USER_ID: [users[0]] * 4,
            "query": [query for query, _, _ in rows],
            ITEM_ID: [items[item] for _, item, _ in rows],
            "time": [1_000_000_000 + time for _, _, time in rows],
        }
    )
    numbers = measure(
        replace(plain, log=log_of(asked, plain.users, plain.items)), leave_one_out(plain)
    )
    assert numbers.log == LogSize(asks=2, queries=2, users=1, items=2, taken=3)
    told = "asks 2, queries 2, users who asked 1, items that were taken 2, times taken 3"
    assert dict(numbers.rows())["log"] == told


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any))
def test_gini_is_half_the_relative_mean_difference(counts):
    values = np.array(counts, dtype=float)
    differences = np.abs(values[:, None] - values[None, :]).mean()
    assert gini(np.array(counts)) == pytest.approx(differences / (2 * values.mean()))


def test_repeats_are_counted_in_the_data_and_in_the_source(make_dataset):
    once = make_dataset([[(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]], 3)
    again = make_dataset([[(0, 1), (1, 2), (0, 3)], [(0, 1), (1, 2), (2, 3)]], 3)
    assert share_of_repeats(once) == 0
    assert share_of_repeats(again) == pytest.approx(1 / 6)
    left_out = {"repeated interactions": 3, "interactions of these users": 3}
    numbers = measure(once, leave_one_out(once), left_out)
    assert numbers.repeats_of_source == pytest.approx(3 / 12)
    told = dict(numbers.rows())["interactions with an item that the user had before"]
    assert told == "0.00%; in the source 25.00%, where the first of them counts"
    assert measure(again, leave_one_out(again)).repeats_in_words == "16.67%"


def test_a_source_with_repeats_says_how_many():
    rows = {"user_id": list("aaaabbb"), "item_id": list("xyxzxyz"), "time": range(7)}
    ratings = pl.DataFrame(rows).with_columns(pl.lit(1.0).alias("weight"))
    users, items = pl.DataFrame({"user_id": ["a", "b"]}), pl.DataFrame({"item_id": list("xyz")})
    prepared = preprocess(Raw(users, items, ratings), "shop", 0, 3)
    dataset = prepared.dataset
    numbers = measure(dataset, leave_one_out(dataset), prepared.left_out)
    assert (numbers.repeats, numbers.repeats_of_source) == (0, pytest.approx(1 / 7))
