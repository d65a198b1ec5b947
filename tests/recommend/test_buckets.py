"""Differences a user and a bucket, beside independent computations."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from data.errors import DataError
from recommend.judge.buckets import bounds, in_buckets
from recommend.judge.compare import holm, mark, user_table
from recommend.judge.evaluate import Evaluation
from recommend.judge.metrics import METRICS


def evaluation(values, users=None):
    n = len(values)
    columns = {metric: np.asarray(values, float) for metric in METRICS}
    user = np.arange(n) if users is None else users
    about = {"user": user, "history": user + 3, "popularity": user % 2, "candidates": n}
    return Evaluation(pl.DataFrame({**about, **columns}), {"candidates": "all"})


def test_users_are_averaged_over_seeds_and_matched():
    ours = {0: evaluation([1, 0, 1]), 1: evaluation([0, 0, 1])}
    theirs = dict.fromkeys((0, 1), evaluation([0.3, 0.2, 0.1], np.array([2, 1, 0])))
    table = user_table(ours, theirs, "mrr")
    assert table["user"].to_list() == [0, 1, 2]
    assert table["ours"].to_list() == [0.5, 0, 1] and table["theirs"].to_list() == [0.1, 0.2, 0.3]
    assert table["difference"].to_list() == pytest.approx([0.4, -0.2, 0.7])
    assert table["history"].to_list() == [3, 4, 5]
    with pytest.raises(DataError, match="not judged on the same users"):
        user_table(ours, {0: evaluation([1, 0])}, "mrr")


def test_bounds_by_hand():
    assert bounds(np.array([], int)) == []
    assert bounds(np.array([3, 3])) == [(1, None)]
    assert bounds(np.array([0, 0])) == [(0, None)]
    assert bounds(np.repeat([0, 1, 5, 20], [2, 30, 30, 30])) == [(0, 0), (1, 4), (5, 9), (10, None)]
    assert bounds(np.repeat([1, 5, 20], [30, 29, 30])) == [(1, 4), (5, None)]


@given(st.lists(st.integers(0, 8000), max_size=80), st.integers(1, 20))
def test_every_value_is_in_one_bucket(values, least):
    values = np.array(values, int)
    found = bounds(values, least)
    inside = [
        ((values >= a) & (values <= (b if b is not None else values.max()))) for a, b in found
    ]
    if len(values):
        assert (np.sum(inside, 0) == 1).all()
    sizes = [int(held.sum()) for held, (low, _) in zip(inside, found, strict=True) if low > 0]
    assert len(sizes) < 2 or min(sizes) >= least


def test_a_bucket_is_a_paired_test_of_its_users():
    rng = np.random.default_rng(3)
    history = np.repeat([2, 7, 300], 40)
    users = pl.DataFrame({"history": history, "ours": rng.random(120) + (history > 100)})
    users = users.with_columns(theirs=pl.Series(rng.random(120)))
    table = in_buckets(users, "history")
    assert table["bucket"].to_list() == ["1–4", "5–9", "10 or more"]
    for row, value in zip(table.iter_rows(named=True), (2, 7, 300), strict=True):
        part = users.filter(history=value)
        reference = stats.ttest_rel(part["ours"], part["theirs"])
        assert row["users"] == 40 and row["p"] == pytest.approx(reference.pvalue)
        assert row["difference"] == pytest.approx(part["ours"].mean() - part["theirs"].mean())
        assert row["change"] == pytest.approx(
            100 * (part["ours"].mean() / part["theirs"].mean() - 1)
        )
        interval = reference.confidence_interval(0.95)
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert table["p_holm"].to_list() == pytest.approx(holm(table["p"].to_list()))


def test_one_user_in_a_bucket_has_no_interval():
    users = pl.DataFrame({"popularity": [0, 9], "ours": [1.0, 0.5], "theirs": [0.0, 0.5]})
    row = in_buckets(users, "popularity").row(0, named=True)
    assert row["bucket"] == "0" and row["low"] is None and row["p"] is None
    assert row["difference"] == 1 and row["change"] is None


def test_marks_say_below_which_p():
    found = [mark(p) for p in (None, 1.0, 0.05, 0.049, 0.01, 0.0099, 0.0009, 0.0)]
    assert found == ["", "", "", "*", "*", "**", "***", "***"]
