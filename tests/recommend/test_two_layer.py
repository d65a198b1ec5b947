"""Two layers of search: against a flat one over what the lists hold, and over all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from recommend.nearest import Nearest
from recommend.retrieval.alike import unit
from recommend.retrieval.clusters import Clusters, recall_of
from recommend.retrieval.two_layer import TwoLayers

ITEMS, USERS, QUERIES, ASKS = 3_000, 40, 12, 60


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, ...]:
    """Items of themes, users and queries near some; an ask is near the sum of both."""
    rng = np.random.default_rng(0)
    themes = rng.normal(size=(60, 16))
    items, users, queries = (
        unit(themes[rng.integers(60, size=n)] + 0.6 * rng.normal(size=(n, 16)))
        for n in (ITEMS, USERS, QUERIES)
    )
    who, what = rng.integers(USERS, size=ASKS), rng.integers(QUERIES, size=ASKS)
    asks = unit(users[who] + queries[what] + 0.05 * rng.normal(size=(ASKS, 16)))
    return items, users, queries, who, what, asks


def test_it_is_a_flat_search_of_what_the_two_lists_hold(world: tuple[np.ndarray, ...]) -> None:
    items, users, queries, who, what, asks = world
    layers = TwoLayers.of(users, queries, items, length=30)
    scores, numbers = layers.search(who, what, asks, k=20)
    for row in range(ASKS):
        held = set()
        for side, vector in ((users, who[row]), (queries, what[row])):
            held |= set(np.argsort(-(items @ side[vector]))[:30].tolist())
        best = sorted(held, key=lambda item: -float(items[item] @ asks[row]))[:20]
        assert numbers[row].tolist() == best
        np.testing.assert_allclose(scores[row], items[best] @ asks[row], rtol=1e-5)


def test_recall_grows_with_the_lists_up_to_a_flat_search(world: tuple[np.ndarray, ...]) -> None:
    items, users, queries, who, what, asks = world
    true = Nearest(items).search(asks, 100)[1]
    recall = [
        recall_of(TwoLayers.of(users, queries, items, m).search(who, what, asks, 100)[1], true)
        for m in (50, 200, 800, ITEMS)
    ]
    assert recall == sorted(recall) and recall[0] < 0.6 < 0.9 < recall[2]
    assert recall[-1] == 1.0


def test_lists_can_be_made_by_a_search_of_clusters(world: tuple[np.ndarray, ...]) -> None:
    items, users, queries, who, what, asks = world
    clusters = Clusters.fit(items, k=8, levels=2)
    every, few = (
        TwoLayers.of(
            users, queries, items, 100, lambda vectors, m, p=p: clusters.search(vectors, m, p)
        )
        for p in (64, 1)
    )
    flat = TwoLayers.of(users, queries, items, 100)
    assert (np.sort(every.of_users) == np.sort(flat.of_users)).all()
    assert (few.of_users == -1).any(), "few clusters hold fewer"
    scores, numbers = few.search(who, what, asks, 250)
    assert (numbers[:, -1] == -1).any() and np.isneginf(scores[numbers == -1]).all()
    assert np.isfinite(scores[numbers >= 0]).all()


def test_it_is_stored(world: tuple[np.ndarray, ...], tmp_path: Path) -> None:
    items, users, queries, who, what, asks = world
    layers = TwoLayers.of(users, queries, items, length=10)
    layers.save(tmp_path)
    for one, two in zip(
        layers.search(who, what, asks, 5),
        TwoLayers.load(tmp_path).search(who, what, asks, 5),
        strict=True,
    ):
        assert (one == two).all()


def test_lists_that_cannot_be_are_refused(world: tuple[np.ndarray, ...]) -> None:
    items, users, queries, *_ = world
    with pytest.raises(ConfigError, match="hold 0 items; it can be 1 to 3000"):
        TwoLayers.of(users, queries, items, 0)
    with pytest.raises(DataError, match="equally wide"):
        TwoLayers.of(users[:, :4], queries, items, 5)
