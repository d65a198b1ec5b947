import numpy as np
import pytest

from data.errors import DataError
from graph.build.growth import find_sharers, insert_item, insert_user, update_codes


def edges(csr):
    return list(zip(csr.sources.tolist(), csr.targets.tolist(), csr.times.tolist(), strict=True))


def assert_sorted(csr):
    for source in range(len(csr)):
        assert (np.diff(csr.times[csr.offsets[source] : csr.offsets[source + 1]]) >= 0).all()


def test_a_new_user_has_its_edges_and_changes_no_other(small):
    grown = insert_user(small, [2, 0], items=[3, 0], times=[40, 10])
    new = small.n_users
    assert grown.n_users == new + 1 and grown.user_item.of(new).tolist() == [0, 3]
    assert grown.user_codes[new].tolist() == [2, 0]
    added = set(edges(grown.item_user)) - set(edges(small.item_user))
    assert added == {(3, new, 40), (0, new, 10)}
    assert len(edges(grown.item_user)) == len(edges(small.item_user)) + 2
    assert edges(grown.user_item)[: len(edges(small.user_item))] == edges(small.user_item)
    assert_sorted(grown.item_user)
    assert_sorted(grown.user_item)
    assert small.n_users == len(small.user_codes) == new


def test_a_new_item_without_a_clock_comes_last(small):
    grown = insert_item(small, [1, 1], users=[4, 2])
    new, last = small.n_items, small.user_item.times.max()
    assert grown.item_user.of(new).tolist() == [4, 2]
    assert grown.user_item.of(4)[-1] == grown.user_item.of(2)[-1] == new
    assert sorted(set(edges(grown.user_item)) - set(edges(small.user_item))) == [
        (2, new, last + 2),
        (4, new, last + 1),
    ]
    assert_sorted(grown.user_item)


def test_insertion_equals_building_with_the_user_in_it(small):
    """Cut the last user off and insert it again."""
    from dataclasses import replace

    from data.relation import Relation

    cut = small.n_users - 1
    stop = small.user_item.offsets[cut]
    fewer = Relation(
        small.user_item.offsets[:-1],
        small.user_item.targets[:stop],
        small.n_items,
        small.user_item.times[:stop],
    )
    without = replace(
        small,
        n_users=cut,
        user_codes=small.user_codes[:cut],
        user_item=fewer,
        item_user=fewer.transpose(),
    )
    times = small.user_item.times[stop:]
    again = insert_user(without, small.user_codes[cut], small.user_item.of(cut), times)
    for name in ("user_item", "item_user"):
        assert edges(getattr(again, name)) == edges(getattr(small, name))


def test_a_new_node_needs_no_interactions(small):
    grown = insert_user(small, np.array([0, 0], dtype=np.int32))
    assert grown.user_item.of(small.n_users).size == 0
    assert edges(grown.item_user) == edges(small.item_user)


def test_other_codes_move_a_node_to_other_factors(small):
    moved = update_codes(small, "item", 2, [1, 0])
    assert moved.item_codes[2].tolist() == [1, 0]
    others = np.arange(small.n_items) != 2
    np.testing.assert_array_equal(moved.item_codes[others], small.item_codes[others])
    assert moved.user_codes is small.user_codes
    with pytest.raises(DataError, match="no user 7"):
        update_codes(small, "user", 7, [0, 0])


def test_who_shares_most_factors_comes_first_then_whose_text_is_most_alike():
    codes = np.array([[0, 1], [2, 2], [0, 3], [5, 1], [0, 1]])
    near, shared = find_sharers(codes, np.array([0, 1]), np.array([0.1, 1.0, 0.2, 0.9, 0.3]))
    assert near.tolist() == [4, 0, 3, 2]
    assert shared.tolist() == [2, 2, 1, 1]


def test_what_does_not_fit_gets_a_sentence(small):
    with pytest.raises(DataError, match="a user has 2 codes from 0 to 2"):
        insert_user(small, [0])
    with pytest.raises(DataError, match="from 0 to 1"):
        insert_item(small, [0, 2])
    with pytest.raises(DataError, match="no item 6"):
        insert_user(small, [0, 0], items=[1, 6])
    with pytest.raises(DataError, match="1 interactions and 2 times"):
        insert_user(small, [0, 0], items=[1], times=[1, 2])
