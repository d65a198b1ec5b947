"""What is most relevant to a focus: by hand, and against brute force."""

import math

import numpy as np
import pytest

from data.errors import ConfigError, DataError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.sample.focal import Focal, cosine, tanimoto, top_relevant
from graph.sample.rows import Rows, reach
from graph.sample.sampler import Sampler
from graph.schema import EdgeType, NodeType, Schema

HAD = ("user", "had", "item")


def graph_of(seed=0, n_users=12, n_items=30, m=150, weighted=True):
    """Users and items at random, timed, with some edges twice."""
    rng = np.random.default_rng(seed)
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType(*HAD, timed=True),))
    had = Relation.between(
        rng.integers(0, n_users, m),
        rng.integers(0, n_items, m),
        n_users,
        n_items,
        rng.integers(0, 50, m),
        rng.integers(1, 9, m) if weighted else None,
    )
    return HeteroGraph(schema, {"user": n_users, "item": n_items}, {HAD: had})


def brute(graph, user, limit, focus, vectors, count, measure, out=()):
    """(score, item, place) of the best edges of a user, one by one."""
    edges = graph.relation(HAD)
    found = []
    for place in range(edges.offsets[user], edges.offsets[user + 1]):
        if (limit is None or edges.times[place] < limit) and place not in out:
            item = int(edges.targets[place])
            found.append((-float(measure(focus, vectors[item])), item, place))
    return sorted(found)[:count]


def test_tanimoto_by_hand():
    assert float(tanimoto(np.array([1.0, 0, 1]), np.array([1.0, 1, 0]))) == pytest.approx(1 / 3)
    v = np.array([0.3, -2.0, 5.0])
    assert float(tanimoto(v, v)) == 1
    assert float(tanimoto(v, -v)) == pytest.approx(-1 / 3)
    # twice as long is alike in direction, and no more the same: 2 / (1 + 4 - 2)
    assert float(tanimoto(np.array([1.0]), np.array([2.0]))) == pytest.approx(2 / 3)
    assert float(cosine(np.array([1.0]), np.array([2.0]))) == 1
    assert float(cosine(np.array([1.0, 0, 1]), np.array([1.0, 1, 0]))) == pytest.approx(1 / 2)
    zero = np.zeros(3)
    assert float(tanimoto(zero, zero)) == float(cosine(zero, v)) == 0


def test_tanimoto_stays_in_its_range_and_is_one_of_equals_only():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 500, 3))
    found = tanimoto(one, other)
    assert (found >= -1 / 3 - 1e-12).all() and (found < 1).all()
    assert math.isclose(float(found[7]), float(tanimoto(one[7], other[7])))


@pytest.mark.parametrize("by", ["tanimoto", "cosine"])
@pytest.mark.parametrize("seed", range(3))
def test_the_strategy_equals_brute_force_at_every_time(seed, by):
    graph, rng = graph_of(seed), np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, (30, 2)).astype(np.float32)  # with many ties
    seeds = rng.integers(0, 12, 20)
    focus, times = rng.integers(-2, 3, (20, 2)).astype(float), rng.integers(0, 60, 20)
    focal = Focal({"item": vectors}, focus, by)
    sampler = Sampler(graph, "user > item:3 focal", strategies={"focal": focal})
    for limits in (None, times):
        draws = sampler.draw(seeds, limits)[0]
        measure = {"tanimoto": tanimoto, "cosine": cosine}[by]
        for at in range(20):
            limit = None if limits is None else limits[at]
            wanted = brute(graph, seeds[at], limit, focus[at], vectors, 3, measure)
            mine = draws.origins == at
            assert draws.nodes[mine].tolist() == [item for _, item, _ in wanted]
            assert draws.edges[mine].tolist() == [place for _, _, place in wanted]


def test_what_is_excluded_gives_way_to_the_next():
    graph, rng = graph_of(4), np.random.default_rng(4)
    vectors, focus = rng.normal(size=(30, 3)), rng.normal(size=(12, 3))
    focal = Focal({"item": vectors}, focus)
    sampler = Sampler(graph, "user > item:3 focal", strategies={"focal": focal})
    best = sampler.draw(np.arange(12))[0]
    out = best.edges[np.diff(best.origins, prepend=-1) > 0]
    draws = sampler.draw(np.arange(12), exclude={HAD: out})[0]
    assert not np.isin(draws.edges, out).any()
    for user in range(12):
        wanted = brute(graph, user, None, focus[user], vectors, 3, tanimoto, set(out.tolist()))
        assert draws.nodes[draws.origins == user].tolist() == [item for _, item, _ in wanted]


def test_another_focus_is_another_region_and_chance_has_no_part():
    graph, rng = graph_of(2), np.random.default_rng(2)
    vectors = {"item": rng.normal(size=(30, 4)), "user": rng.normal(size=(12, 4))}
    seeds = np.zeros(6, dtype=int)  # one user, asked six ways
    focal = Focal(vectors, rng.normal(size=(6, 4)))
    sampler = Sampler(graph, "user > item:3 focal > user:2 focal", strategies={"focal": focal})
    first, again = (sampler.draw(seeds, rng=chance) for chance in (0, 1))
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.nodes, other.nodes) and np.array_equal(one.edges, other.edges)
    regions = {tuple(first[0].nodes[first[0].origins == at].tolist()) for at in range(6)}
    assert len(regions) > 3
    # the second hop keeps to the focus of the seed that it began with
    backwards = graph.relation(("item", "rev_had", "user"))
    for place in range(len(first[0].nodes)):
        seed, item = first[0].origins[place], first[0].nodes[place]
        users = sorted(
            backwards.of(item).tolist(),
            key=lambda user: (-float(tanimoto(focal.focus[seed], vectors["user"][user])), user),
        )
        assert first[1].nodes[first[1].origins == place].tolist() == users[:2]


def test_a_hub_is_cut_by_weight_or_by_age_before_it_is_looked_at():
    rng = np.random.default_rng(3)
    for weighted in (True, False):
        graph = graph_of(3, weighted=weighted)
        edges = graph.relation(HAD)
        rows = Rows.of(reach(graph, (HAD,)), np.arange(12), None)
        vectors, focus = rng.normal(size=(30, 3)), rng.normal(size=(12, 3))
        of, places, worth = top_relevant(rows, 2, vectors, focus, longest=4)
        for user in range(12):
            own = range(edges.offsets[user], edges.offsets[user + 1])
            weights = edges.weights if weighted else np.zeros(150)
            left = sorted(own, key=lambda p, w=weights: (-w[p], p if weighted else -p))[:4]
            order = sorted(
                (-float(tanimoto(focus[user], vectors[edges.targets[p]])), int(edges.targets[p]), p)
                for p in left
            )
            assert places[of == user].tolist() == [p for _, _, p in order[:2]]
            assert worth[of == user].tolist() == [-one for one, _, _ in order[:2]]


def test_blocks_change_nothing(monkeypatch):
    graph, rng = graph_of(5), np.random.default_rng(5)
    rows = Rows.of(reach(graph, (HAD,)), rng.integers(0, 12, 40), rng.integers(0, 60, 40))
    vectors, focus = rng.normal(size=(30, 3)), rng.normal(size=(40, 3))
    whole = top_relevant(rows, 3, vectors, focus)
    monkeypatch.setattr("graph.sample.focal.BLOCK", 7)
    for one, other in zip(whole, top_relevant(rows, 3, vectors, focus), strict=True):
        assert np.array_equal(one, other)


def test_what_does_not_fit_is_told():
    graph = graph_of()
    focal = Focal({"user": np.zeros((12, 2))}, np.zeros((3, 2)))
    sampler = Sampler(graph, "user > item:3 focal", strategies={"focal": focal})
    with pytest.raises(ConfigError, match=r"vectors of user\. Give vectors of 'item'"):
        sampler.draw(np.arange(3))
    focal = Focal({"item": np.zeros((30, 2))}, np.zeros((3, 2)))
    sampler = Sampler(graph, "user > item:3 focal", strategies={"focal": focal})
    with pytest.raises(DataError, match="focus of 3 seeds, and 4 are sampled"):
        sampler.draw(np.arange(4))
    with pytest.raises(DataError, match="vectors of 9 nodes"):
        sampler = Sampler(
            graph,
            "user > item:3 focal",
            strategies={"focal": Focal({"item": np.zeros((9, 2))}, np.zeros((3, 2)))},
        )
        sampler.draw(np.arange(3))


def test_what_is_no_number_is_no_neighbour_less_but_an_error():
    graph = graph_of()
    rows = Rows.of(reach(graph, [graph.schema.edges[0].key]), np.arange(12), None)
    n = rows.reach.relation.n_targets
    vectors = np.random.default_rng(0).random((n, 3))
    vectors[rows.reach.relation.targets[0]] = np.nan
    with pytest.raises(DataError, match="not finite"):
        top_relevant(rows, 2, vectors, np.ones((12, 3)))
