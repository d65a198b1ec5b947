"""Numbers of a data set, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.split import leave_one_out
from data.statistics import gini, measure


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


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any))
def test_gini_is_half_the_relative_mean_difference(counts):
    values = np.array(counts, dtype=float)
    differences = np.abs(values[:, None] - values[None, :]).mean()
    assert gini(np.array(counts)) == pytest.approx(differences / (2 * values.mean()))
