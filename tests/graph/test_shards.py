"""Samples from shards: the same as from the whole graph, whatever their number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sharded import BUYS, FIXED, ITEMS, SEEDS, TIMES, TRUSTS, USERS, parsed, same, world

from data.errors import BackendError, ConfigError, DataError
from graph import Query, Sampler
from graph.query.query import Start
from graph.sample.carriers import InProcess
from graph.sample.part import Part, Shard
from graph.sample.shards import Shards, write_shards
from graph.sample.strategies import STRATEGIES

P = 1e-4


@pytest.fixture(scope="module")
def graph():
    return world()


@pytest.mark.parametrize("n", [1, 2, 4, 20])
@pytest.mark.parametrize("text", FIXED)
def test_what_is_not_left_to_chance_is_the_same_from_any_number_of_shards(graph, text, n):
    query = parsed(graph, text)
    shards = Shards.of(graph, n)
    for times in (TIMES, None):
        whole = Sampler(graph, query).sample(SEEDS, times)
        assert sum(len(draws.nodes) for draws in whole.draws) > 10
        same(whole, shards.sampler(query).sample(SEEDS, times))


def test_edges_to_predict_are_on_no_sample_of_any_shard(graph):
    query = parsed(graph, "user > item:4 latest > user:3 latest")
    out = {BUYS: np.arange(0, 150, 3)}
    whole = Sampler(graph, query).sample(SEEDS, 99, exclude=out)
    found = Shards.of(graph, 3).sampler(query).sample(SEEDS, 99, exclude=out)
    same(whole, found)
    assert not np.isin(found.edges[BUYS].numbers, out[BUYS]).any()


def tally(sampler, seed: int, size: int) -> np.ndarray:
    """How often each node was drawn by the last hop, of a user at a time, many times over."""
    sample = sampler.sample(np.full(400, 5), 60, seed)
    return np.bincount(sample.draws[-1].nodes, minlength=size)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("user > item:3 random", ITEMS),
        ("user > item:3 edge_weight > user:2 edge_weight", USERS),
        ("user > item:3 in_degree > user:2 random", USERS),
        ("user > item:2 random_without_replacement > user:2 in_degree", USERS),
        ("user > not item:3 in_degree", ITEMS),
        ("user > not item:3", ITEMS),
        ("user -trusts|rev_trusts-> walk user:4", USERS),
    ],
)
def test_chance_has_the_same_distribution_from_any_number_of_shards(graph, text, size, n):
    query = parsed(graph, text)
    one = tally(Sampler(graph, query), 1, size)
    other = tally(Shards.of(graph, n).sampler(query), 2, size)
    both = np.stack([one, other])[:, (one + other) > 0]
    assert one.sum() == other.sum() and both.shape[1] > 2
    assert stats.chi2_contingency(both).pvalue > P


@pytest.mark.parametrize("by", [*STRATEGIES, "negatives", "negatives in_degree"])
def test_nothing_that_comes_later_has_any_influence_in_shards(by):
    hop = f"not item:3 {by[10:]}" if by.startswith("negatives") else f"item:3 {by} > user:2 {by}"
    drawn = []
    for seed in (1, 2):
        graph = world(from_then=60, seed=seed)
        sampler = Shards.of(graph, 3).sampler(parsed(graph, f"user > {hop}"))
        drawn.append(sampler.sample(np.repeat(SEEDS, 20), 60, 7).draws)
    for one, other in zip(*drawn, strict=True):
        assert len(one.nodes)
        np.testing.assert_array_equal(one.nodes, other.nodes)


@pytest.mark.parametrize("by", ["random", "in_degree"])
def test_negatives_of_shards_are_no_neighbours_that_their_seed_can_see(graph, by):
    query = parsed(graph, f"user > not item:4 {by}")
    seeds = np.repeat(SEEDS, 20)
    draws = Shards.of(graph, 3).sampler(query).sample(seeds, 40, 1).draws[0]
    buys = graph.relation(BUYS)
    for user, item in zip(seeds[draws.origins].tolist(), draws.nodes.tolist(), strict=True):
        row = slice(*buys.offsets[user : user + 2])
        assert item not in buys.targets[row][buys.moments[row] < 40]


def test_what_a_negative_must_not_be_is_known_to_all_shards(graph):
    query = parsed(graph, "user > not item:3")
    out = {BUYS: np.arange(0, 150, 2)}
    sample = Shards.of(graph, 4).sampler(query).sample(np.arange(USERS), 0, 3, exclude=out)
    buys, draws = graph.relation(BUYS), sample.draws[0]
    predicted = set(zip(buys.sources[::2].tolist(), buys.targets[::2].tolist(), strict=True))
    assert not predicted & set(zip(draws.origins.tolist(), draws.nodes.tolist(), strict=True))


@pytest.mark.parametrize(
    "text", ["-buys- > (source > item:2 latest, target)", "-rev_buys- > (source > user:2 latest)"]
)
@pytest.mark.parametrize("n", [1, 3])
def test_edges_are_seeds_of_shards_as_well(graph, text, n):
    query = parsed(graph, text)
    whole, sampler = Sampler(graph, query), Shards.of(graph, n).sampler(query)
    assert sampler.seeds().tolist() == whole.seeds().tolist() == list(range(150))
    seeds = np.array([149, 0, 7, 7, 80])
    for times in (None, 50):
        same(whole.sample(seeds, times), sampler.sample(seeds, times))
    with pytest.raises(DataError, match="number 150, which there is not"):
        sampler.sample(np.array([150]))


def test_seeds_that_meet_conditions_are_found_by_all_shards(graph):
    query = parsed(graph, "-buys- where stars >= 4 > source")
    whole = Sampler(graph, query).seeds()
    assert 10 < len(whole) < 140
    assert Shards.of(graph, 4).sampler(query).seeds().tolist() == whole.tolist()


def test_walks_go_from_shard_to_shard_along_edges(graph):
    query = parsed(graph, "user -trusts-> walk user:5")
    draws = Shards.of(graph, 3).sampler(query).sample(SEEDS, None, 2).draws[0]
    trusts, before = graph.relation(TRUSTS), SEEDS[draws.origins]
    for place in range(len(draws.nodes)):
        edge = draws.edges[place]
        source = before[place] if draws.steps[place] == 0 else draws.nodes[place - 1]
        assert (trusts.sources[edge], trusts.targets[edge]) == (source, draws.nodes[place])
    assert draws.steps.max() == 4 and (np.diff(draws.origins) >= 0).all()


def test_the_same_chance_gives_the_same_sample_and_another_another(graph):
    sampler = Shards.of(graph, 3).sampler(parsed(graph, "user > item:3 > user:3"))
    same(sampler.sample(SEEDS, TIMES, 8), sampler.sample(SEEDS, TIMES, 8))
    one, other = (sampler.sample(SEEDS, TIMES, seed).draws[1].nodes for seed in (8, 9))
    assert not np.array_equal(one, other)


def test_a_shard_holds_and_is_asked_of_its_own_nodes_alone(graph, monkeypatch):
    asked = []
    answer = Shard.answer

    def spy(shard, number, ask, seed):
        asked.append((seed[1], ask.nodes))
        return answer(shard, number, ask, seed)

    monkeypatch.setattr(Shard, "answer", spy)
    shards = Shards.of(graph, 3)
    shards.sampler(parsed(graph, FIXED[0])).sample(SEEDS, TIMES)
    assert {shard for shard, _ in asked} == {0, 1, 2}
    assert all((nodes % 3 == shard).all() for shard, nodes in asked)
    parts = [Part.of(graph, shard, 3).graph for shard in range(3)]
    for key in (BUYS, ("item", "rev_buys", "user")):
        for shard, part in enumerate(parts):
            assert (part.relation(key).sources % 3 == shard).all()
        assert sum(len(part.relation(key).targets) for part in parts) == 150
    assert all(len(part.edge_attributes[BUYS]["stars"]) < 150 for part in parts)


def test_a_shard_that_is_gone_is_named_and_can_be_started_again(graph, tmp_path):
    shards = Shards(InProcess(write_shards(graph, tmp_path, 3)), 3)
    sampler = shards.sampler(parsed(graph, "user > item:3 in_degree > user:2 latest"))
    before = sampler.sample(SEEDS, TIMES, 5)
    shards.carrier.stop(1)
    with pytest.raises(BackendError, match=r"Shard 1 of 3 .* does not answer.*with restart\(1\)"):
        sampler.sample(SEEDS, TIMES, 5)
    shards.restart(1)
    same(before, sampler.sample(SEEDS, TIMES, 5))
    with pytest.raises(ConfigError, match="no shard 3; they are 0 to 2"):
        shards.restart(3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user -trusts-> walk user:4 p=0.5", "Random walks with p or q need the whole graph"),
        ("user > (item:2 as i, not item:4 like i (genre .5) shared)", "Negatives that seeds share"),
    ],
)
def test_what_needs_the_whole_graph_is_refused(graph, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Shards.of(graph, 2).sampler(parsed(graph, text))


def test_in_degrees_without_what_is_to_be_predicted_are_refused(graph):
    sampler = Shards.of(graph, 2).sampler(parsed(graph, "user > item:2 in_degree"))
    with pytest.raises(ConfigError, match="In-degrees without the edges to predict"):
        sampler.sample(SEEDS, TIMES, exclude={BUYS: np.array([1])})


def test_hops_without_a_count_are_bounded_over_all_shards(graph):
    sampler = Shards.of(graph, 4).sampler(parsed(graph, "user > item"), most=20)
    with pytest.raises(ConfigError, match="at most 20 are expanded"):
        sampler.sample(np.arange(USERS))
    with pytest.raises(ConfigError, match="0 shards"):
        Shards.of(graph, 0)


def test_no_seeds_are_an_empty_sample(graph):
    sample = Shards.of(graph, 2).sampler(parsed(graph, FIXED[0])).sample(np.array([], dtype=int))
    assert all(len(draws.nodes) == 0 for draws in sample.draws)
    assert isinstance(sample.query, Query) and sample.query.start == Start("user")
