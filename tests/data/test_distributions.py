"""How interactions are spread, worked out by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.distributions import (
    cold_targets,
    has_clock,
    interaction_rows,
    length_bins,
    period,
    popularity,
    timeline,
    training_counts,
)
from data.settings import DataConfig, FilesConfig
from data.split import leave_one_out
from data.statistics import gini

DAY = 86_400
HISTORIES = [
    [(0, 0), (1, DAY), (2, 2 * DAY), (3, 5 * DAY)],
    [(0, 0), (2, DAY), (1, 3 * DAY)],
    [(0, 0), (1, DAY), (2, 2 * DAY)],
]


@pytest.fixture
def small(make_dataset):
    dataset = make_dataset(HISTORIES, 5)
    return dataset, leave_one_out(dataset)


def test_few_lengths_have_a_bin_each():
    bins = length_bins(np.array([3, 3, 4, 6]))
    assert bins.rows() == [(3, 3, 2), (4, 4, 1), (5, 5, 0), (6, 6, 1)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=60))
def test_bins_take_every_user_once(lengths):
    bins = length_bins(np.array(lengths))
    assert bins["users"].sum() == len(lengths) and bins.height <= 21
    assert (bins["first"][1:] == bins["last"][:-1] + 1).all()
    for first, last, users in bins.iter_rows():
        assert users == sum(first <= length <= last for length in lengths)


def test_popularity_by_hand():
    curve = popularity(np.array([1, 0, 3, 0]))
    assert curve.ranks.rows() == [(1, 3), (2, 1)]
    assert curve.shares.rows() == [(0, 0), (0.25, 0.75), (0.5, 1), (0.75, 1), (1, 1)]


def test_a_curve_stays_short_and_ends_at_the_whole():
    counts = np.random.default_rng(0).integers(0, 900, 5_000)
    curve = popularity(counts, points=40)
    assert curve.ranks.height <= 40 and curve.shares.height <= 41
    assert curve.ranks["interactions"][0] == counts.max()
    assert curve.shares.row(-1) == (1, 1)
    under = np.trapezoid(curve.shares["interactions"], curve.shares["items"])
    assert under == pytest.approx(0.5 + gini(counts) / 2, abs=1e-3)


def test_nobody_has_any():
    curve = popularity(np.zeros(3, dtype=int))
    assert curve.ranks.is_empty() and curve.shares["interactions"].sum() == 0


def test_cold_targets(small):
    dataset, split = small
    # training: user 0 has the items 0 and 1, the others item 0; tests are the items 3, 1 and 2
    assert training_counts(dataset, split).tolist() == [3, 1, 0, 0, 0]
    cold = cold_targets(dataset, split)
    assert (cold.targets, cold.unseen, cold.rare) == (3, 2, 1)


def test_every_day_is_there_and_every_interaction_counted(small):
    dataset, split = small
    step, counts = timeline(dataset, split)
    assert step == "day" and period(dataset) == (date(1970, 1, 1), date(1970, 1, 6))
    assert counts["start"].to_list() == [date(1970, 1, day) for day in range(1, 7)]
    assert counts["train"].to_list() == [3, 1, 0, 0, 0, 0]
    assert counts["valid"].to_list() == [0, 2, 1, 0, 0, 0]
    assert counts["test"].to_list() == [0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("days", "step"), [(89, "day"), (300, "week"), (1_000, "month"), (5_000, "quarter")]
)
def test_long_periods_are_counted_in_long_steps(make_dataset, days, step):
    dataset = make_dataset([[(0, 0), (1, DAY), (2, (days - 1) * DAY)]], 3)
    found, counts = timeline(dataset, leave_one_out(dataset))
    assert found == step and counts.height <= 92
    assert counts.select("train", "valid", "test").sum().row(0) == (1, 1, 1)


def test_times_beyond_all_dates_do_no_harm(make_dataset):
    dataset = make_dataset([[(0, -(10**15)), (1, 0), (2, 10**15)]], 3)
    step, counts = timeline(dataset, leave_one_out(dataset))
    assert step == "year" and counts.height == 9_999
    assert interaction_rows(dataset, leave_one_out(dataset)).height == 3


def test_rows_are_in_words(small):
    rows = interaction_rows(*small, clock=False)
    assert rows.row(3) == ("u0", "i3", 5 * DAY, 1.0, "test")
    assert rows.columns == ["user_id", "item_id", "order", "weight", "part"]
    assert interaction_rows(*small)["time"][1].isoformat() == "1970-01-02T00:00:00"


def test_who_has_a_clock(tmp_path, make_dataset):
    steps = make_dataset([[(0, 1), (1, 2), (2, 3)]], 3)
    dataset = make_dataset([[(0, 1_700_000_001), (1, 1_700_000_002), (2, 1_700_000_003)]], 3)
    files = FilesConfig(interactions=tmp_path / "x.csv")
    assert not has_clock(DataConfig(name="files", files=files), dataset)
    timed = files.model_copy(update={"time": "when"})
    assert has_clock(DataConfig(name="files", files=timed), dataset)
    assert not has_clock(DataConfig(name="files", files=timed), steps)
    assert has_clock(DataConfig(name="ml-1m"), dataset)
    assert not has_clock(DataConfig(name="book-crossing"), dataset)
