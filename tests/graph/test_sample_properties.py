"""What holds for every sample: its edges exist, are old enough, and belong to their seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sample, Sampler, Schema
from graph.sample.assemble import distinct
from graph.sample.pairs import Pairs
from graph.sample.strategies import INDEPENDENT, STRATEGIES
from graph.sample.tables import cumulate, fallen, guide_to

BUYS, BOUGHT = ("user", "buys", "item"), ("item", "rev_buys", "user")
SCHEMA = Schema(
    (NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item", timed=True),)
)
P = 1e-4


@st.composite
def shops(draw: st.DrawFn) -> HeteroGraph:
    n_users, n_items, m = (draw(st.integers(1, most)) for most in (6, 6, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    bought = Relation.between(
        rng.integers(0, n_users, m),
        rng.integers(0, n_items, m),
        n_users,
        n_items,
        rng.integers(0, 10, m),
        rng.random(m).astype(np.float32),
    )
    return HeteroGraph(SCHEMA, {"user": n_users, "item": n_items}, {BUYS: bought})


def check(graph: HeteroGraph, sample: Sample, out: set[int]) -> None:
    """Every property of a disjoint sample."""
    bought = graph.relation(BUYS)
    for kind, nodes in sample.nodes.items():
        pairs = list(zip(sample.owners[kind].tolist(), nodes.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)
    assert sample.nodes["user"][: len(sample.seeds)].tolist() == sample.seeds.tolist()
    assert sample.owners["user"][: len(sample.seeds)].tolist() == list(range(len(sample.seeds)))
    for edges in sample.edges.values():
        owners = sample.owners["user"][edges.rows]
        assert owners.tolist() == sample.owners["item"][edges.columns].tolist()
        users, items = sample.nodes["user"][edges.rows], sample.nodes["item"][edges.columns]
        assert bought.sources[edges.numbers].tolist() == users.tolist()
        assert bought.targets[edges.numbers].tolist() == items.tolist()
        assert not out & set(edges.numbers.tolist())
        assert len(set(zip(owners.tolist(), edges.numbers.tolist(), strict=True))) == len(owners)
        if sample.times is not None:
            assert (bought.moments[edges.numbers] < sample.times[owners]).all()
            assert edges.times is not None
            assert edges.times.tolist() == bought.moments[edges.numbers].tolist()
    for number, drawn in enumerate(sample.draws):
        origin = sample.places[sample.query.hops[number].origin][drawn.origins]
        types = sample.query.types
        kinds = types[sample.query.hops[number].origin], types[number + 1]
        place = sample.places[number + 1]
        assert sample.nodes[kinds[1]][place].tolist() == drawn.nodes.tolist()
        whose = sample.owners[kinds[0]][origin], sample.owners[kinds[1]][place]
        assert whose[0].tolist() == whose[1].tolist()
        assert drawn.origins.tolist() == sorted(drawn.origins.tolist())


@settings(deadline=None, max_examples=120)
@given(shops(), st.data())
def test_every_edge_exists_and_is_old_enough_and_belongs_to_its_seed(
    graph: HeteroGraph, data: st.DataObject
) -> None:
    by = data.draw(st.sampled_from(sorted(STRATEGIES)))
    counts = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    seeds = np.array(data.draw(st.lists(st.integers(0, graph.size("user") - 1), max_size=6)), int)
    times = data.draw(st.sampled_from([None, "some"]))
    stand = None if times is None else np.arange(len(seeds)) * 2 + 1
    m = len(graph.relation(BUYS).targets)
    out = set(data.draw(st.lists(st.integers(0, m - 1), max_size=5)))
    induced = data.draw(st.sampled_from(["", " induced"]))
    text = f"user > item:{counts[0]} {by} > user:{counts[1]} {by}{induced}"
    sampler = Sampler(graph, Query.parse(text, SCHEMA))
    sample = sampler.sample(seeds, stand, 1, {BUYS: np.array(sorted(out), int)} if out else None)
    check(graph, sample, out)
    again = sampler.sample(seeds, stand, 1, {BUYS: np.array(sorted(out), int)} if out else None)
    assert all(
        a.nodes.tolist() == b.nodes.tolist() for a, b in zip(sample.draws, again.draws, strict=True)
    )
    if induced:
        seen = {
            (owner, edge)
            for owner in range(len(seeds))
            for edge in range(m)
            if edge not in out
            and (stand is None or graph.relation(BUYS).moments[edge] < stand[owner])
            and has(sample, "user", owner, graph.relation(BUYS).sources[edge])
            and has(sample, "item", owner, graph.relation(BUYS).targets[edge])
        }
        edges = sample.edges[BUYS]
        owners = sample.owners["user"][edges.rows].tolist()
        assert sorted(zip(owners, edges.numbers.tolist(), strict=True)) == sorted(seen)


def has(sample: Sample, kind: str, owner: int, node: int) -> bool:
    return bool(((sample.owners[kind] == owner) & (sample.nodes[kind] == node)).any())


@settings(deadline=None, max_examples=40)
@given(shops(), st.sampled_from(["latest", "topk", "full"]))
def test_batches_can_be_cut_anywhere(graph: HeteroGraph, by: str) -> None:
    sampler = Sampler(graph, Query.parse(f"user > item:2 {by} > user:3 {by}", SCHEMA))
    seeds = np.arange(graph.size("user"))
    whole = sampler.sample(seeds, 6)
    for seed in seeds:
        alone = sampler.sample(seeds[[seed]], 6)
        part = whole.subgraph().of(seed)
        assert part.numbers[BUYS].tolist() == alone.edges[BUYS].numbers.tolist()
        assert part.nodes["item"].tolist() == alone.nodes["item"].tolist()


@given(st.lists(st.integers(0, 2**62), max_size=50), st.integers(1, 30))
def test_distinct_is_what_numpy_finds_by_sorting(keys: list[int], most: int) -> None:
    array = np.array([key % most if key % 2 else key for key in keys], dtype=np.int64)
    firsts, inverse = distinct(array)
    assert firsts.tolist() == sorted(np.unique(array, return_index=True)[1].tolist())
    assert array[firsts][inverse].tolist() == array.tolist()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=60))
def test_edges_of_a_pair_are_found(ends: list[tuple[int, int]]) -> None:
    sources, targets = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    relation = Relation.between(sources, targets, 5, 7)
    pairs = Pairs.of(relation)
    which, places = pairs.find(np.arange(35))
    begins, ends_ = pairs.firsts[places], pairs.firsts[places + 1]
    found = {
        pair: pairs.order[begin:end].tolist()
        for pair, begin, end in zip(which.tolist(), begins, ends_, strict=True)
    }
    codes = relation.sources * 7 + relation.targets
    assert list(found) == np.unique(codes).tolist()
    assert all(places == np.flatnonzero(codes == pair).tolist() for pair, places in found.items())


@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e9)), min_size=1, max_size=60),
    st.integers(0, 10**6),
)
def test_what_a_number_falls_on_is_what_a_search_finds(weights: list[float], seed: int) -> None:
    rng, m = np.random.default_rng(seed), len(weights)
    sums = cumulate(np.array(weights))
    begins = rng.integers(0, m, 50)
    lengths = rng.integers(1, m - begins + 1)
    low, high = sums[begins], sums[begins + lengths]
    sought = np.where(rng.random(50) < 0.2, low, low + rng.random(50) * (high - low))
    found = fallen(sums, guide_to(sums), begins, lengths, sought)
    expected = np.searchsorted(sums, sought, side="right") - 1
    assert found.tolist() == np.clip(expected, begins, begins + lengths - 1).tolist()


def row(weights: list[float], targets: list[int], arrivals: list[int]) -> HeteroGraph:
    """User 0 buys some items at time 0, which others buy as often as `arrivals` says."""
    users = [0] * len(targets) + [1 + k for n in arrivals for k in range(n)]
    items = targets + [item for item, n in enumerate(arrivals) for _ in range(n)]
    heavy = np.array(weights + [1.0] * sum(arrivals))
    n_users = 1 + max(arrivals)
    ends = np.array(users), np.array(items)
    bought = Relation.between(*ends, n_users, len(arrivals), np.zeros(len(users), int), heavy)
    return HeteroGraph(SCHEMA, {"user": n_users, "item": len(arrivals)}, {BUYS: bought})


@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("by", sorted(INDEPENDENT))
def test_what_is_to_be_predicted_is_as_if_it_were_not_there(by: str, limit: int | None) -> None:
    graph = row([1.0, 2.0, 3.0, 900.0], [0, 1, 2, 2], [4, 0, 2])
    out = {BUYS: np.array([3, 4])}
    sampler = Sampler(graph, Query.parse(f"user > item:2 {by}", SCHEMA))
    drawn = sampler.sample(np.zeros(3000, int), limit, 7, out).draws[0].nodes
    worth = {"random": [1, 1, 1], "edge_weight": [1, 2, 3], "in_degree": [4, 1, 3]}[by]
    tally = np.bincount(drawn, minlength=3)
    assert stats.chisquare(tally, np.array(worth) / sum(worth) * 6000).pvalue > P


def test_subsets_without_what_is_to_be_predicted_are_all_as_likely() -> None:
    graph = row([1.0] * 9, list(range(9)), [1] * 9)
    sampler = Sampler(graph, Query.parse("user > item:2 random_without_replacement", SCHEMA))
    for n_out in (1, 6):
        out = {BUYS: np.arange(n_out)}
        drawn = sampler.sample(np.zeros(4000, int), 5, 1, out).draws[0].nodes.reshape(4000, 2)
        tally = Counter(tuple(sorted(pair)) for pair in drawn.tolist())
        left = 9 - n_out
        assert len(tally) == left * (left - 1) // 2 and min(min(tally)) == n_out
        assert stats.chisquare(list(tally.values())).pvalue > P


@pytest.mark.parametrize("by", ["random", "random_without_replacement", "latest", "edge_weight"])
def test_a_hop_keeps_away_from_nodes_of_an_alias(by: str) -> None:
    graph = row([1.0, 1.0, 2.0], [0, 1, 2], [3, 3, 3])
    query = Query.parse(f"user as u > item:3 latest > user:3 {by} without u", SCHEMA)
    sample = Sampler(graph, query).sample(np.array([0, 1, 0]), rng=2)
    owners = sample.draws[0].origins[sample.draws[1].origins]
    assert (sample.draws[1].nodes != sample.seeds[owners]).all()
    assert len(sample.draws[1].nodes) == 3 * len(sample.draws[0].nodes)


def test_a_strategy_of_ones_own_gets_rows_and_seeds() -> None:
    graph = row([1.0, 5.0, 2.0], [0, 1, 2], [3, 2, 1])
    asked = []

    def oldest(rows: object, count: int, _: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        asked.append((rows.seeds.tolist(), rows.owners.tolist(), rows.lengths.tolist(), count))  # type: ignore[attr-defined]
        return np.arange(len(rows.begins)), rows.begins.copy()  # type: ignore[attr-defined]

    query = Query.parse("user > item:2 focal", SCHEMA)
    sample = Sampler(graph, query, strategies={"focal": oldest}).sample(np.array([0, 2]), 9)
    assert asked == [([0, 2], [0, 1], [3, 2], 2)]
    assert sample.draws[0].edges.tolist() == graph.relation(BUYS).offsets[[0, 2]].tolist()
