"""Ids, tables and their round trips."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from data.dataset import Dataset
from data.errors import DataError
from data.ids import IdMap


@given(st.lists(st.text(max_size=5), unique=True))
def test_numbers_and_ids_are_each_others_inverse(names):
    ids = IdMap(tuple(names))
    assert ids.numbers(names).tolist() == list(range(len(names)))
    assert [ids.external[ids.number(name)] for name in names] == names
    assert all(name in ids for name in names)
    assert len(ids) == len(names)


def test_an_id_that_stands_twice_is_named():
    with pytest.raises(DataError, match=r"The user 'b' stands twice"):
        IdMap(("a", "b", "c", "b", "a"), kind="user")


def test_an_unknown_id_is_named_beside_known_ones():
    with pytest.raises(DataError, match=r"no item 'q'.*'a', 'b'"):
        IdMap(("a", "b"), kind="item").number("q")
    assert "q" not in IdMap(("a", "b"))
    with pytest.raises(DataError, match=r"the nearest are 'user-41', 'user-1'"):
        IdMap(("other", "user-1", "user-41"), kind="user").number("user-4l")


def test_frame_joins_ids_to_numbers():
    frame = IdMap(("x", "y")).frame("item_id", "item")
    assert frame.rows() == [("x", 0), ("y", 1)]
    assert frame.schema == {"item_id": pl.String, "item": pl.Int32}


def test_dataset_round_trip_keeps_lists_nulls_and_types(make_dataset, tmp_path):
    plain = make_dataset([[(0, 1), (1, 2)], [(1, 5)]], 2)
    items = plain.items.with_columns(
        pl.Series("genres", [["Drama", "War"], []], dtype=pl.List(pl.String)),
        pl.Series("year", [1995, None], dtype=pl.Int32),
    )
    dataset = Dataset("höhe", plain.users, items, plain.interactions)
    dataset.save(tmp_path)
    loaded = Dataset.load(tmp_path)
    assert loaded.name == "höhe"
    for table in ("users", "items", "interactions"):
        assert_frame_equal(getattr(loaded, table), getattr(dataset, table))
    assert loaded.user_ids == dataset.user_ids
    assert np.array_equal(loaded.item_ids.numbers(["i1", "i0"]), [1, 0])
