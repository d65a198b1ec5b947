"""A graph to split, and what to ask of it."""

from __future__ import annotations

import numpy as np

from graph import HeteroGraph, Query, Sample, Table
from graph.values import Lists

BUYS, TRUSTS = ("user", "buys", "item"), ("user", "trusts", "user")
USERS, ITEMS = 12, 9
TIMES = np.array([30, 60, 90, 90, 99, 200])
SEEDS = np.array([0, 3, 5, 6, 11, 2])


def world(from_then: int = 100, seed: int = 0) -> HeteroGraph:
    """Purchases with times, weights and attributes, and users who trust users.

    Args:
        from_then: When purchases begin to depend on the seed.
        seed: Of these.
    """
    rng, other = np.random.default_rng(4), np.random.default_rng(seed)
    bought = {
        "source": rng.integers(0, USERS, 150),
        "target": rng.integers(0, ITEMS, 150),
        "time": rng.integers(0, 100, 150),
        "weight": rng.integers(0, 5, 150),
        "stars": rng.integers(1, 6, 150),
        "words": Lists.of([("a",) * (n % 3) for n in range(150)]),
    }
    later = bought["time"] >= from_then
    for name, most in (("source", USERS), ("target", ITEMS), ("weight", 5)):
        bought[name] = np.where(later, other.integers(0, most, 150), bought[name])
    trust = {"source": rng.integers(0, USERS, 40), "target": rng.integers(0, USERS, 40)}
    items = Table({"genre": rng.integers(0, 3, ITEMS)}, id=None)
    return HeteroGraph.of({"user": USERS, "item": items}, {BUYS: bought, TRUSTS: trust})


FIXED = (
    "user > item:3 latest > user:2 latest > item:4 full",
    "user > item:4 topk > user:2 topk",
    "user -buys-> item where edge.stars >= 3",
    "user -trusts|rev_trusts-> user:5 full -buys-> item:2 latest",
    "user > (item:3 latest, user:2 full > item:2 topk)",
)


def parsed(graph: HeteroGraph, text: str) -> Query:
    return Query.parse(text, graph.schema)


def same(one: Sample, other: Sample) -> None:
    """Asserts that two samples hold the same."""
    for kind in one.nodes:
        for part in ("nodes", "owners", "ages"):
            a, b = (getattr(sample, part)[kind] for sample in (one, other))
            np.testing.assert_array_equal(a, b, part)
    assert set(one.edges) == set(other.edges)
    for key, edges in one.edges.items():
        for part in ("rows", "columns", "numbers", "times"):
            np.testing.assert_array_equal(getattr(edges, part), getattr(other.edges[key], part))
    for mine, its in zip(one.draws, other.draws, strict=True):
        for part in ("origins", "nodes", "edges", "kinds", "times", "steps"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(its, part), part)
