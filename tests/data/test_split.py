"""Leave-one-out, and what may be seen before the test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.split import Split, leave_one_out


def test_last_is_test_and_the_one_before_is_valid(make_dataset):
    dataset = make_dataset([[(0, 1), (1, 2), (2, 3), (3, 4)], [(3, 5), (2, 6), (1, 7)]], 4)
    split = leave_one_out(dataset)

    assert split.targets(dataset, "test").tolist() == [3, 1]
    assert split.targets(dataset, "valid").tolist() == [2, 2]
    assert split.train.tolist() == [0, 1, 4]
    assert split.as_of.tolist() == [2, 5]
    history = split.histories(dataset)
    assert [history.of(u).tolist() for u in range(2)] == [[0, 1], [3]]
    assert history.lengths.tolist() == [2, 1]


def test_held_out_items_stay_unseen_although_they_carry_the_second_of_as_of(make_dataset):
    canary_valid, canary_test = 3, 4
    same_second = [(0, 9), (1, 9), (2, 9), (canary_valid, 9), (canary_test, 9)]
    dataset = make_dataset([same_second], 5)
    split = leave_one_out(dataset)

    assert split.as_of.tolist() == [9]
    seen = split.training(dataset)
    assert seen["item"].to_list() == [0, 1, 2]
    assert seen["time"].max() == dataset.interactions["time"].max() == split.as_of[0]


def test_a_short_history_names_the_user(make_dataset):
    with pytest.raises(DataError, match=r"User 'u1' has 2 interactions.*min_history"):
        leave_one_out(make_dataset([[(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2)]], 3))


def test_a_user_without_interactions_is_named_and_no_users_at_all_are_told(make_dataset):
    with pytest.raises(DataError, match=r"User 'u1' has 0 interactions"):
        leave_one_out(make_dataset([[(0, 1), (1, 2), (2, 3)], []], 3))
    with pytest.raises(DataError, match=r"There are 0 interactions"):
        leave_one_out(make_dataset([], 3))


@given(st.lists(st.integers(3, 8), min_size=1, max_size=6))
def test_every_interaction_is_in_exactly_one_part(make_dataset, lengths):
    dataset = make_dataset([[(k, k) for k in range(n)] for n in lengths], 8)
    split = leave_one_out(dataset)
    rows = np.concatenate([split.train, split.valid, split.test])
    assert sorted(rows.tolist()) == list(range(sum(lengths)))
    assert len(split.valid) == len(split.test) == len(lengths)


def test_round_trip(make_dataset, tmp_path):
    split = leave_one_out(make_dataset([[(0, 1), (1, 2), (2, 3), (3, 4)]], 4))
    split.save(tmp_path)
    loaded = Split.load(tmp_path)
    for part in ("train", "valid", "test", "as_of"):
        assert np.array_equal(getattr(loaded, part), getattr(split, part))
        assert getattr(loaded, part).dtype == np.int64
