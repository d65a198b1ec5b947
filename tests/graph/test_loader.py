"""Batches of samples: GLE's epochs, and the same ones however many are drawn ahead."""

import threading
from itertools import islice

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sample, Sampler, Schema
from graph.sample.loader import Loader

BUYS = ("user", "buys", "item")


def sampler(text: str = "user:4 > item:3") -> Sampler:
    rng = np.random.default_rng(0)
    schema = Schema(
        (NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item", timed=True),)
    )
    ends = rng.integers(0, 10, 80), rng.integers(0, 8, 80)
    bought = Relation.between(*ends, 10, 8, rng.integers(0, 50, 80))
    sizes = {"user": 10, "item": 8}
    graph = HeteroGraph(schema, sizes, {BUYS: bought}, {"user": {"vip": np.arange(10) % 2}})
    return Sampler(graph, Query.parse(text, schema))


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("sample")]


def test_epochs_are_in_order_or_shuffled_and_end_with_a_short_batch() -> None:
    loader = Loader(sampler())
    assert [len(one.seeds) for one in loader] == [4, 4, 2] and len(loader) == 3
    assert np.concatenate([one.seeds for one in loader]).tolist() == list(range(10))
    mixed = Loader(sampler(), shuffle=True)
    epochs = [np.concatenate([one.seeds for one in mixed]).tolist() for _ in range(2)]
    assert epochs[0] != epochs[1] and sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    dropped = Loader(sampler(), drop_last=True)
    assert [len(one.seeds) for one in dropped] == [4, 4] and len(dropped) == 2


def test_seeds_with_replacement_never_end() -> None:
    loader = Loader(sampler("user:7 random > item:2"))
    seeds = [one.seeds for one in islice(loader, 40)]
    assert all(len(one) == 7 for one in seeds)
    assert any(len(set(one.tolist())) < 7 for one in seeds)
    assert set(np.concatenate(seeds).tolist()) == set(range(10))
    with pytest.raises(TypeError):
        len(loader)


@pytest.mark.parametrize("ahead, workers", [(1, 1), (2, 1), (5, 3), (50, 2)])
def test_batches_are_the_same_however_many_are_drawn_ahead(ahead: int, workers: int) -> None:
    times = np.arange(10) * 5
    plain = Loader(sampler(), times=times, shuffle=True, seed=3, ahead=0)
    early = Loader(sampler(), times=times, shuffle=True, seed=3, ahead=ahead, threads=workers)
    for _ in range(2):
        for one, other in zip(plain, early, strict=True):
            assert one.seeds.tolist() == other.seeds.tolist()
            assert one.times is not None and one.times.tolist() == (5 * one.seeds).tolist()
            assert one.draws[0].nodes.tolist() == other.draws[0].nodes.tolist()
    assert not threads()


def test_an_error_comes_where_its_batch_would() -> None:
    def refuse(sample: Sample) -> int:
        if 5 in sample.seeds:
            raise DataError("user 5 is odd")
        return len(sample.seeds)

    made = iter(Loader(sampler(), values=refuse, ahead=3))
    assert next(made) == 4
    with pytest.raises(DataError, match="user 5 is odd"):
        next(made)
    assert not threads()


def test_whoever_stops_leaves_nothing_behind() -> None:
    begun = []

    def note(sample: Sample) -> int:
        begun.append(len(sample.seeds))
        return len(sample.seeds)

    loader = Loader(sampler("user:1 random > item:2"), values=note, ahead=2)
    for _ in loader:
        break
    assert not threads() and len(begun) <= 3
    held = iter(loader)
    next(held)
    assert threads()
    del held
    assert not threads()
    stopped = iter(loader)
    next(stopped)
    with pytest.raises(KeyboardInterrupt):
        stopped.throw(KeyboardInterrupt())  # type: ignore[attr-defined]
    assert not threads()


def test_seeds_are_those_that_the_query_allows_and_edges_to_predict_are_left_out() -> None:
    one = next(iter(Loader(sampler("user:9 where vip = 1 > item:2"))))
    assert one.seeds.tolist() == [1, 3, 5, 7, 9]
    rest = sampler("user > item")
    own = rest.graph.relation(BUYS).offsets
    loader = Loader(
        rest, batch=5, exclude=lambda places: {BUYS: np.arange(own[places[0]], own[places[0] + 1])}
    )
    for sample in loader:
        assert 0 not in sample.draws[0].origins and 1 in sample.draws[0].origins


def test_odd_numbers_are_sentences() -> None:
    with pytest.raises(ConfigError, match="batch is -1"):
        Loader(sampler(), batch=-1)
    with pytest.raises(DataError, match="3 times for 10 seeds"):
        Loader(sampler(), times=np.arange(3))
    assert list(Loader(sampler(), np.zeros(0, dtype=int), shuffle=False)) == []
