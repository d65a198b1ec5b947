"""Times of every kind that somebody may hold come to the same seconds, never to later ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest

from data.errors import DataError
from data.relation import Relation
from data.seconds import moments_of, seconds_of

NOON = 1_714_910_400
"""5 May 2024, 12:00 UTC."""
EAST = timezone(timedelta(hours=2))
AT = datetime(2024, 5, 5, 12)


@pytest.mark.parametrize(
    "times",
    [
        NOON, [NOON], np.array([NOON], dtype=np.uint32), NOON + 0.75, AT, [AT],
        AT.replace(tzinfo=UTC), AT.replace(hour=14, tzinfo=EAST), AT + timedelta(microseconds=9),
        *(np.datetime64(AT, unit) for unit in ("h", "s", "ms", "us", "ns")),
        np.array([AT, AT], dtype="datetime64[ns]")[:1] + np.timedelta64(5, "ns"),
        pl.Series([AT]), pl.Series([AT], dtype=pl.Datetime("ns")),
        pl.Series([AT.replace(tzinfo=UTC)]).dt.convert_time_zone("Europe/Rome"),
        "2024-05-05 12:00", ["2024-05-05T12:00:00Z"], np.array(["5 May 2024 12:00"]),
        pl.Series(["2024-05-05 12:00:00"]),
    ],
)  # fmt: skip
def test_all_that_say_noon_are_noon(times):
    found = seconds_of(times)
    assert found.dtype == np.int64 and found.tolist() == [NOON]


def test_columns_of_pandas_are_read_with_and_without_a_zone():
    pandas = pytest.importorskip("pandas")
    for times in (
        pandas.Series([AT]),
        pandas.Series([AT.replace(hour=14, tzinfo=EAST)]),
        pandas.DatetimeIndex([AT]),
        pandas.Timestamp(AT),
    ):
        assert seconds_of(times).tolist() == [NOON]
    with pytest.raises(DataError, match="Value 1 of times is NaT"):
        seconds_of(pandas.Series([AT, None]))
    with pytest.raises(DataError, match="is NaT"):
        seconds_of(pandas.NaT)


def test_what_is_before_1970_is_floored_too():
    assert seconds_of(np.datetime64(-1, "ns")).tolist() == [-1]
    assert seconds_of([-0.5, -1.5, 0.5]).tolist() == [-1, -2, 0]
    assert seconds_of([date(1969, 12, 31), date(1970, 1, 2)]).tolist() == [-86400, 86400]
    assert seconds_of(np.datetime64(1, "D")).tolist() == [86400]
    assert seconds_of(datetime(1969, 12, 31, 23, 59, 59, 500_000)).tolist() == [-1]


@pytest.mark.parametrize(
    ("times", "value"),
    [
        (np.array(["1970-01-01", "NaT"], dtype="datetime64[s]"), "1 of times is NaT"),
        ([1.0, np.nan], "1 of times is nan"), (np.inf, "0 of times is inf"), (1e30, "is 1e"),
        (["2024-05-01", "soon"], "1 of times is soon"), ([True], "is True"),
        ([AT, None], "1 of times is None"), (pl.Series([AT, None]), "1 of times is NaT"),
        ([object()], "0 of times is <object"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_a_sentence(times, value):
    with pytest.raises(DataError, match=f"Value .*{value}.*Give seconds since 1970, or a date"):
        seconds_of(times)


def test_none_are_none():
    assert seconds_of([]).tolist() == [] and seconds_of([]).dtype == np.int64


def test_edges_are_made_with_dates():
    days = np.array(["1970-01-03", "1970-01-02"], dtype="datetime64[ns]")
    edges = Relation.between(np.zeros(2, dtype=int), np.array([4, 2]), 1, 5, days)
    assert edges.moments.tolist() == [86400, 172800] and edges.targets.tolist() == [2, 4]


@pytest.mark.parametrize("given", [1_700_000_000_000, [5, 1.7e18], np.array([10**11 + 1])])
def test_milliseconds_are_no_seconds(given):
    with pytest.raises(DataError, match=r"too large for seconds since 1970\. Divide milliseconds"):
        moments_of(given)


def test_the_last_second_that_is_one():
    assert moments_of(10**11).tolist() == [10**11]
    always = np.iinfo(np.int64).max
    assert moments_of(always).tolist() == [always]
