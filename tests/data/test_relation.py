"""One kind of edges as CSR arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.relation import Relation, order_of

EDGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 9)), max_size=40)


def relation(edges: list[tuple[int, int, int]]) -> Relation:
    sources, targets, times = np.array(edges, dtype=np.int64).reshape(-1, 3).T
    return Relation.between(sources, targets, 6, 4, times, times / 2)


def listed(edges: Relation) -> list[tuple[int, int, int, float]]:
    columns = (edges.sources, edges.targets, edges.moments, edges.weights)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(EDGES)
def test_edges_stand_by_source_and_time_and_turn_back(edges):
    found = relation(edges)
    rows = [(s, t, time, time / 2) for s, t, time in edges]
    assert listed(found) == sorted(rows, key=lambda row: (row[0], row[2]))
    assert found.degrees.tolist() == [sum(s == n for s, _, _ in edges) for n in range(6)]
    turned = found.transpose()
    assert (len(turned), turned.n_targets) == (4, 6)
    assert sorted((t, s, *rest) for s, t, *rest in listed(turned)) == sorted(rows)
    for target in range(4):
        own = slice(*turned.offsets[target : target + 2])
        assert np.all(np.diff(turned.moments[own]) >= 0)


@given(EDGES, st.lists(st.integers(0, 10), min_size=6, max_size=6))
def test_only_what_is_strictly_older_is_seen(edges, times):
    seen = relation(edges).before(np.array(times))
    assert sorted(listed(seen)) == sorted(
        (s, t, time, time / 2) for s, t, time in edges if time < times[s]
    )
    assert (len(seen), seen.n_targets) == (6, 4)


def test_edges_without_times_are_before_nothing():
    timeless = Relation.between(np.array([0]), np.array([0]), 1, 1)
    with pytest.raises(ValueError, match="no times"):
        timeless.before(np.array([5]))


@given(EDGES, st.data())
def test_numbers_lead_back_to_the_edges_themselves(edges, data):
    found = relation(edges)
    kept = data.draw(st.lists(st.booleans(), min_size=len(edges), max_size=len(edges)))
    part = found.only(np.array(kept, dtype=bool))
    for some in (found.transpose(), part, part.transpose(), part.transpose().transpose()):
        assert some.weights.tolist() == found.weights[some.numbers].tolist()
        assert some.moments.tolist() == found.moments[some.numbers].tolist()
    np.testing.assert_array_equal(part.targets, found.targets[part.numbers])
    np.testing.assert_array_equal(part.transpose().sources, found.targets[part.transpose().numbers])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-(2**62), 2**62)), max_size=30))
def test_the_order_is_that_of_numpy_however_far_apart_times_are(edges):
    sources, times = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    order, expected = order_of(sources, times), np.lexsort((times, sources))
    assert (np.arange(len(edges)) if order is None else order).tolist() == expected.tolist()
    bare = order_of(sources)
    expected = np.argsort(sources, kind="stable")
    assert (np.arange(len(edges)) if bare is None else bare).tolist() == expected.tolist()


def test_unsigned_keys_are_ordered_as_well():
    sources = np.array([3, 0, 3, 1], dtype=np.uint64)
    assert order_of(sources).tolist() == [1, 3, 0, 2]
