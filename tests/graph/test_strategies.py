"""How strategies draw: against the probabilities that they promise, with and without times."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from data.relation import Relation
from graph.sample.rows import Reach, Rows
from graph.sample.strategies import STRATEGIES
from graph.sample.tables import Alias, Arrivals

P = 1e-4
"""Seeds are fixed; a right strategy fails one of ten thousand choices of them."""


def edges(n: int = 8, m: int = 60, seed: int = 5) -> Reach:
    """Edges among few nodes, with times and weights that differ much."""
    rng = np.random.default_rng(seed)
    ends, times = rng.integers(0, n, (2, m)), rng.integers(0, 20, m)
    weights = rng.integers(0, 9, m).astype(np.float32)
    return Reach(Relation.between(*ends, n, n, times, weights))


def seen(reach: Reach, row: int, limit: int | None) -> np.ndarray:
    """Places of the edges of a row that can be seen, found one by one."""
    relation = reach.relation
    places = range(relation.offsets[row], relation.offsets[row + 1])
    return np.array([e for e in places if limit is None or relation.moments[e] < limit], dtype=int)


def weights_of(reach: Reach, name: str, row: int, limit: int | None) -> np.ndarray:
    """What the draws of a row are in proportion to."""
    relation, visible = reach.relation, seen(reach, row, limit)
    if name == "random":
        return np.ones(len(visible))
    if name == "edge_weight":
        return reach.weights[visible].astype(float)
    there = np.ones(len(relation.targets), bool) if limit is None else relation.moments < limit
    return np.bincount(relation.targets[there], minlength=8)[relation.targets[visible]]


@pytest.mark.parametrize("limit", [None, 12])
@pytest.mark.parametrize("name", ["random", "edge_weight", "in_degree"])
@pytest.mark.parametrize("count", [1, 3])
def test_draws_are_in_proportion(name: str, limit: int | None, count: int) -> None:
    reach = edges()
    for row in range(3):
        rows = np.full(1000, row)
        limits = None if limit is None else np.full(1000, limit)
        places, drawn = STRATEGIES[name](
            Rows.of(reach, rows, limits), count, np.random.default_rng(row)
        )
        assert np.array_equal(places, np.repeat(np.arange(1000), count))
        expected = weights_of(reach, name, row, limit)
        tally = np.array([(drawn == edge).sum() for edge in seen(reach, row, limit)])
        assert tally.sum() == 1000 * count and not tally[expected == 0].any()
        share = expected[expected > 0] / expected.sum()
        assert stats.chisquare(tally[expected > 0], share * tally.sum()).pvalue > P


@pytest.mark.parametrize("limit", [None, 12])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_subsets_are_all_as_likely(limit: int | None, count: int) -> None:
    reach, draws = edges(), 4000
    limits = None if limit is None else np.full(draws, limit)
    rows = Rows.of(reach, np.zeros(draws, dtype=int), limits)
    _, drawn = STRATEGIES["random_without_replacement"](rows, count, np.random.default_rng(2))
    tally = Counter(tuple(sorted(row)) for row in drawn.reshape(draws, count).tolist())
    subsets = list(combinations(seen(reach, 0, limit).tolist(), count))
    assert set(tally) <= set(subsets)
    assert stats.chisquare([tally[one] for one in subsets]).pvalue > P


@pytest.mark.parametrize("limit", [None, 3, 12])
@pytest.mark.parametrize("count", [1, 2, 4, 50])
def test_choices_are_those_of_plain_loops(limit: int | None, count: int) -> None:
    reach = edges(m=200)
    rows = np.array([3, 0, 3, 7, 5])
    limits = None if limit is None else np.full(5, limit)
    keys = {
        "latest": lambda edge: -edge,
        "full": lambda edge: edge,
        "topk": lambda edge: (-reach.weights[edge], edge),
    }
    for name, key in keys.items():
        places, drawn = STRATEGIES[name](
            Rows.of(reach, rows, limits), count, np.random.default_rng(0)
        )
        wanted = [sorted(seen(reach, row, limit).tolist(), key=key)[:count] for row in rows]
        assert drawn.tolist() == [edge for row in wanted for edge in row]
        assert places.tolist() == [at for at, row in enumerate(wanted) for _ in row]


def test_a_long_row_gives_its_heaviest_whatever_part_of_it_is_seen() -> None:
    rng = np.random.default_rng(1)
    weights = rng.permutation(5000).astype(np.float32)
    row = Relation.between(np.zeros(5000, int), np.arange(5000), 1, 5000, np.arange(5000), weights)
    for limit in (1, 40, 900, 4999):
        rows = Rows.of(Reach(row), np.array([0]), np.array([limit]))
        _, drawn = STRATEGIES["topk"](rows, 8, rng)
        assert drawn.tolist() == np.argsort(-weights[:limit])[:8].tolist()


def test_alias_tables_hold_the_weights() -> None:
    rng = np.random.default_rng(3)
    degrees = rng.integers(0, 9, 40)
    offsets = np.concatenate([[0], np.cumsum(degrees)])
    weights = rng.random(offsets[-1]) * rng.integers(0, 3, offsets[-1])
    alias = Alias.of(offsets, weights)
    for row in range(40):
        span = slice(offsets[row], offsets[row + 1])
        held = np.zeros(len(weights))
        np.add.at(held, np.arange(offsets[row], offsets[row + 1]), alias.kept[span])
        np.add.at(held, alias.others[span], 1 - alias.kept[span])
        total = weights[span].sum()
        assert alias.filled[row] == (total > 0)
        if total:
            assert np.allclose(held[span], weights[span] / total * degrees[row])
            assert np.isclose(held.sum(), degrees[row])


def test_in_degrees_at_a_time_are_counted() -> None:
    relation = edges(m=200).relation
    arrivals = Arrivals.of(relation)
    for limit in (1, 7, 30):
        there = relation.targets[relation.moments < limit]
        counts = np.bincount(there, minlength=8)
        limits = np.full(8, limit)
        assert np.array_equal(arrivals.degrees_at(np.arange(8), limits), counts)


def test_rises_add_up_to_powers_of_in_degrees() -> None:
    reach = edges(m=300)
    rises, sums = reach.doublings.rises, reach.doublings.sums
    for limit in (1, 6, 13, 30):
        there = reach.relation.moments < limit
        counts = np.bincount(reach.relation.targets[there], minlength=8)
        held = np.zeros(300)
        np.add.at(held, rises.targets[rises.moments < limit], np.diff(sums)[rises.moments < limit])
        expected = [int(2 ** np.ceil(np.log2(counts[target]))) for target in reach.relation.targets]
        assert held.tolist() == np.where(there, expected, 0).tolist()
