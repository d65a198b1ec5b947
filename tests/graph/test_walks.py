"""Random walks: node2vec's probabilities, what can be seen, and where a walk ends."""

import numpy as np
import pytest
from scipy import stats

from data.errors import ConfigError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from graph.query.query import Hop, Start, Walk

TRUSTS = ("user", "trusts", "user")
P = 1e-4


def friends(seed: int = 2) -> HeteroGraph:
    """Six users; the last has nobody to go on to."""
    rng = np.random.default_rng(seed)
    schema = Schema((NodeType("user"),), (EdgeType(*TRUSTS, timed=True),))
    ends = rng.integers(0, 5, 30), rng.integers(0, 6, 30)
    weights = rng.integers(1, 5, 30).astype(np.float32)
    edges = Relation.between(*ends, 6, 6, rng.integers(0, 20, 30), weights)
    return HeteroGraph(schema, {"user": 6}, {TRUSTS: edges})


def walks(p: float, q: float, by: str, length: int = 2) -> Query:
    return Query(Start("user"), (Hop(0, "user", (TRUSTS,), None, by, walk=Walk(length, p, q)),))


@pytest.mark.parametrize("limit", [None, 14])
@pytest.mark.parametrize("by", ["random", "edge_weight"])
@pytest.mark.parametrize("p, q", [(1, 1), (0.25, 4), (4, 0.5)])
def test_second_steps_have_the_bias_of_node2vec(
    p: float, q: float, by: str, limit: int | None
) -> None:
    graph = friends()
    edges = graph.relation(TRUSTS)
    seeds = np.zeros(6000, dtype=int)
    drawn = Sampler(graph, walks(p, q, by)).sample(seeds, limit, rng=3).draws[0]
    assert drawn.steps is not None
    there = np.ones(30, bool) if limit is None else edges.moments < limit
    ends = edges.sources[there].tolist(), edges.targets[there].tolist()
    joined = set(zip(*ends, strict=True))
    second = np.flatnonzero(drawn.steps == 1)
    compared = 0
    for first in range(5):
        taken = drawn.edges[second[drawn.nodes[second - 1] == first]]
        mine = np.flatnonzero(there & (edges.sources == first))
        if len(taken) < 300:
            continue
        alpha = [
            1 / p if node == 0 else 1.0 if (0, int(node)) in joined else 1 / q
            for node in edges.targets[mine]
        ]
        assert edges.weights is not None
        worth = np.array(alpha) * (edges.weights[mine] if by == "edge_weight" else 1)
        tally = np.array([(taken == edge).sum() for edge in mine])
        assert stats.chisquare(tally, worth / worth.sum() * tally.sum()).pvalue > P
        compared += 1
    assert compared >= 2


def test_walks_are_chains_of_edges_and_end_where_nothing_leads_on() -> None:
    graph = friends()
    edges = graph.relation(TRUSTS)
    sample = Sampler(graph, walks(0.5, 2, "random", 8)).sample(np.arange(6), 15, rng=1)
    drawn = sample.draws[0]
    assert drawn.steps is not None and 5 not in drawn.origins and 5 in drawn.nodes
    before = np.where(drawn.steps > 0, np.roll(drawn.nodes, 1), sample.seeds[drawn.origins])
    assert edges.sources[drawn.edges].tolist() == before.tolist()
    assert edges.targets[drawn.edges].tolist() == drawn.nodes.tolist()
    assert (edges.moments[drawn.edges] < 15).all()
    ego = sample.ego()
    assert ego.hops[0].nodes.shape == (6, 8) and (ego.hops[0].nodes[5] == -1).all()
    for row in ego.hops[0].nodes.tolist():
        assert row.index(5) == sum(node >= 0 for node in row) - 1 if 5 in row else True
    found = sample.edges[TRUSTS]
    users = sample.nodes["user"]
    assert edges.sources[found.numbers].tolist() == users[found.rows].tolist()
    assert edges.targets[found.numbers].tolist() == users[found.columns].tolist()


def test_walks_leave_out_what_is_to_be_predicted() -> None:
    graph = friends()
    out = np.arange(0, 30, 2)
    for p in (1.0, 0.3):
        sampler = Sampler(graph, walks(p, 1.0, "random", 8))
        drawn = sampler.sample(np.repeat(np.arange(5), 50), exclude={TRUSTS: out}).draws[0]
        assert len(drawn.edges) > 100 and not set(drawn.edges.tolist()) & set(out.tolist())


def test_a_walk_between_two_types_is_refused() -> None:
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item"),))
    none = Relation.between(np.zeros(0, int), np.zeros(0, int), 1, 1)
    graph = HeteroGraph(schema, {"user": 1, "item": 1}, {("user", "buys", "item"): none})
    hop = Hop(0, "item", (("user", "buys", "item"),), by="random", walk=Walk(3))
    with pytest.raises(ConfigError, match="to itself"):
        Sampler(graph, Query(Start("user"), (hop,)))
