"""Who and what stays, in which order."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.columns import ITEM, ITEM_ID, TIME, USER, USER_ID
from data.errors import DataError
from data.preprocess import preprocess

ROWS = [
    ("b", "x", 5, 30),
    ("a", "y", 4, 20),
    ("a", "x", 3, 10),
    ("b", "y", 4, 10),
    ("a", "z", 5, 20),
    ("b", "x", 4, 20),
    ("c", "w", 5, 1),
    ("a", "x", 5, 40),
]


def test_threshold_repeats_order_and_drops(make_raw):
    dataset = preprocess(make_raw(ROWS), "hand-made", min_rating=4, min_history=2).dataset

    assert dataset.users[USER_ID].to_list() == ["b", "a"]
    assert dataset.items[ITEM_ID].to_list() == ["x", "y", "z"]
    rows = dataset.interactions.select(USER, ITEM, TIME).rows()
    assert rows == [(0, 1, 10), (0, 0, 20), (1, 1, 20), (1, 2, 20), (1, 0, 40)]


def test_the_earliest_of_repeats_stays_with_its_own_weight(make_raw):
    dataset = preprocess(make_raw(ROWS), "hand-made", min_rating=4, min_history=2).dataset
    b_saw_x = dataset.interactions.filter((pl.col(USER) == 0) & (pl.col(ITEM) == 0))
    assert b_saw_x.select(TIME, "weight").rows() == [(20, 4.0)]


def test_what_is_left_out_is_counted(make_raw):
    counts = preprocess(make_raw(ROWS), "hand-made", min_rating=4, min_history=2).left_out
    assert counts == {
        "interactions rated too low": 1,
        "repeated interactions": 1,
        "users with fewer than 2 interactions": 1,
        "interactions of these users": 1,
        "users without an interaction": 0,
        "items without an interaction": 1,
    }


def test_ties_in_time_keep_the_order_of_the_source(make_raw):
    items = [f"i{k}" for k in (5, 3, 9, 1, 7)]
    dataset = preprocess(make_raw([("u", i, 1, 77) for i in items]), "ties", 0, 3).dataset
    order = dataset.items[ITEM_ID][dataset.interactions[ITEM]].to_list()
    assert order == items


def test_nothing_left_says_what_was_there(make_raw):
    with pytest.raises(DataError, match=r"of 8 interactions 4 .*longest history is 2.*asks for 3"):
        preprocess(make_raw(ROWS), "hand-made", min_rating=5, min_history=3)
    with pytest.raises(DataError, match=r"the longest history is 0"):
        preprocess(make_raw(ROWS), "hand-made", min_rating=6, min_history=3)


ratings = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from("uvwxyz"), st.integers(1, 5), st.integers(0, 9)
    ),
    min_size=1,
    max_size=60,
)


@given(ratings)
def test_agrees_with_a_plain_loop(make_raw, rows):
    expected = defaultdict(list)
    for user, item, rating, time in sorted(rows, key=lambda row: row[3]):
        if rating >= 3 and item not in [seen for seen, _ in expected[user]]:
            expected[user].append((item, time))
    expected = {user: seen for user, seen in expected.items() if len(seen) >= 3}
    if not expected:
        with pytest.raises(DataError):
            preprocess(make_raw(rows), "drawn", 3, 3)
        return
    dataset = preprocess(make_raw(rows), "drawn", 3, 3).dataset
    found = defaultdict(list)
    for user, item, time, _ in dataset.interactions.rows():
        name = dataset.user_ids.external[user]
        found[name].append((dataset.item_ids.external[item], time))
    assert found == expected
    assert set(dataset.interactions[ITEM]) == set(range(dataset.n_items))


IMPORT_EACH_FIRST = """
import importlib, sys
for path in sys.argv[1:]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "data"]:
        del sys.modules[name]
    importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
"""


def test_every_module_can_be_the_first_that_is_imported():
    root = Path(__file__).resolve().parents[2]
    modules = sorted(path.relative_to(root).as_posix() for path in (root / "data").rglob("*.py"))
    assert "data/preprocess.py" in modules
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_FIRST, *modules],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
