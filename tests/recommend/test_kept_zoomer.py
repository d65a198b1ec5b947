"""ZOOMER that answers from kept neighbours: the same answers, and no look at the graph."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from kept_zoomer import KeptZoomer
from test_neighbours import ByHand
from test_zoomer_regions import N_ITEMS, N_USERS, shuffled, zoomer_of

from data.errors import ConfigError
from recommend.zoom.recommender import Zoomer

USERS, QUERIES = np.arange(N_USERS), np.arange(N_USERS) % 2


@pytest.fixture(scope="module")
def whole() -> Zoomer:
    """Its regions take all neighbours that there are."""
    return zoomer_of(shuffled(False), neighbours=N_USERS + N_ITEMS)


@pytest.fixture
def blind(whole: Zoomer, monkeypatch: pytest.MonkeyPatch) -> Zoomer:
    """The same, whose graph nobody may look at."""

    def refuse(*_: object) -> None:
        raise AssertionError("the graph is read")

    monkeypatch.setattr(whole.network.regions, "forward", refuse)
    monkeypatch.setattr(Zoomer, "last", refuse)
    return whole


def test_answers_are_those_of_the_whole_model_where_nothing_changed(
    whole: Zoomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for attention in (("edge",), ("feature", "edge", "semantic")):
        before = whole.asking(USERS, QUERIES, attention=attention)
        made = KeptZoomer(whole, ByHand(), attention=attention, last=N_USERS + N_ITEMS)
        made.warm(USERS, set(QUERIES.tolist()))
        with monkeypatch.context() as blinded:
            blinded.setattr(Zoomer, "last", None)
            blinded.setattr(whole.network.regions, "forward", None)
            for some in (slice(None), slice(3, 4)):
                found = made.asking(USERS[some], QUERIES[some])
                np.testing.assert_allclose(found, before[some], atol=1e-5)
        assert made.kept.counts.misses == 0 and made.kept.counts.drawn == 0
    plain = whole.asking(USERS, QUERIES, attention=("edge",))
    assert np.abs(plain - before).max() > 1e-3


def test_a_miss_waits_for_nothing_and_the_next_ask_finds_it(whole: Zoomer) -> None:
    beside = ByHand()
    made = KeptZoomer(whole, beside, last=N_USERS + N_ITEMS)
    first = made.asking(USERS[:1], QUERIES[:1])
    assert np.isfinite(first).all() and beside.waiting
    beside.run()
    found = made.asking(USERS[:1], QUERIES[:1])
    wanted = whole.asking(USERS[:1], QUERIES[:1], attention=("edge",))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.abs(found - first).max() > 1e-4


def test_what_was_just_taken_is_heard_at_once(blind: Zoomer) -> None:
    made = KeptZoomer(blind, ByHand(), last=4)
    rows = {("user", "item"): [1, 2, 3, 4], ("query", "item"): [5, 6], ("user", "query"): [0]}
    made.kept._draw = lambda node: np.array(rows.get((node[0], node[2]), [0]))
    made.warm([0], [1])
    before = made.asking(np.array([0]), np.array([1]))
    made.took(0, 1, 9)
    heard = made.kept.get(("user", 0, "item"))
    assert heard is not None and heard.tolist() == [9, 1, 2, 3]
    assert np.abs(made.asking(np.array([0]), np.array([1])) - before).max() > 1e-4


def test_no_more_than_thirty_are_kept_of_a_node(whole: Zoomer) -> None:
    with ThreadPoolExecutor(1) as beside:
        made = KeptZoomer(whole, beside, last=2)
        made.asking(USERS, QUERIES)
        made.kept.settle(10)
        rows = [made.kept.get(node) for node in made.kept.nodes]
        made.kept.close()
    assert rows and all(row is not None and len(row) <= 2 for row in rows)
    assert made.kept.failures == ()


def test_two_hops_are_refused() -> None:
    with pytest.raises(ConfigError, match="reads 2 hops"):
        KeptZoomer(zoomer_of(shuffled(True), hops=2), ByHand())
