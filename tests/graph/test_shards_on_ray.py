"""Shards as Ray actors on a cluster of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sharded import BUYS, FIXED, SEEDS, TIMES, parsed, same, world

from data.errors import BackendError, ConfigError
from graph import Sampler
from graph.sample.shards import Shards, write_shards

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    """Two shards of the graph, on a cluster of two cores."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        folders = write_shards(world(), tmp_path_factory.mktemp("shards"), 2)
        with Shards.on_ray(folders) as opened:
            yield opened
        ray.shutdown()


@pytest.mark.parametrize("text", FIXED)
def test_actors_answer_as_the_whole_graph_does(shards, text):
    graph = world()
    query = parsed(graph, text)
    same(Sampler(graph, query).sample(SEEDS, TIMES), shards.sampler(query).sample(SEEDS, TIMES))


def test_actors_draw_as_shards_of_this_process_do(shards):
    graph = world()
    for text in ("user > item:3 in_degree > user:2", "user -trusts-> walk user:4"):
        query = parsed(graph, text)
        here = Shards.of(graph, 2).sampler(query).sample(SEEDS, TIMES, 3)
        same(here, shards.sampler(query).sample(SEEDS, TIMES, 3))


def test_an_actor_that_was_killed_is_named_and_can_be_started_again(shards):
    import ray

    sampler = shards.sampler(parsed(world(), "user > item:3 latest > user:2 edge_weight"))
    before = sampler.sample(SEEDS, TIMES, 5)
    ray.kill(shards.carrier._actors[1])
    with pytest.raises(BackendError, match=r"Shard 1 of 2 .* does not answer.*with restart\(1\)"):
        sampler.sample(SEEDS, TIMES, 5)
    shards.restart(1)
    same(before, sampler.sample(SEEDS, TIMES, 5))


def test_a_sentence_of_an_actor_arrives_as_it_is(shards):
    graph = world()
    sampler = shards.sampler(parsed(graph, "user > item"), most=3)
    with pytest.raises(ConfigError, match="at most 3 are expanded"):
        sampler.sample(np.arange(12))
    out = {BUYS: np.arange(150)}
    found = shards.sampler(parsed(graph, "user > item:2")).sample(SEEDS, TIMES, exclude=out)
    assert len(found.draws[0].nodes) == 0
