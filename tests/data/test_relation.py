"""One kind of edges as CSR arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.relation import Relation

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
