"""SEAL: labels by hand and by plain search, and links that nothing but the structure tells."""

from __future__ import annotations

from itertools import pairwise

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from data.errors import ConfigError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from recommend.graphs.seal import Seal, enclose, label_nodes

BUYS, ASKED = ("user", "buys", "item"), ("user", "asked", "item")
TEXT = (
    "-asked-:64 > (source as a -buys-> item:8 <-buys- user:4,"
    " target as b <-buys- user:8 -buys-> item:4) induced"
)


def both_ways(edges):
    rows, columns = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return np.concatenate([rows, columns]), np.concatenate([columns, rows])


def test_labels_by_hand():
    """Ends 0 and 1. Node 2 is beside both, 3 beside 2, 4 beside 3 and 1, 5 behind 0, 6 alone."""
    edges = both_ways([(0, 2), (1, 2), (2, 3), (3, 4), (4, 1), (0, 5)])
    labels = label_nodes(np.array([[0, 1]]), *edges, 7)
    # (a, b): 2 is (1, 1) -> 2; 3 is (2, 2) -> 5; 4 is (3, 1) -> 4; 5 reaches 1 only through 0.
    assert labels.tolist() == [1, 1, 2, 5, 4, 0, 0]


def test_labels_number_pairs_of_distances_as_the_paper_does():
    """Along two chains: (1,1) 2, (1,2) 3, (1,3) 4, (2,2) 5, (1,4) 6, (2,3) 7."""
    for label, (a, b) in enumerate([(1, 1), (1, 2), (1, 3), (2, 2), (1, 4), (2, 3)], 2):
        here = [0, *range(10, 10 + a - 1), 2]
        there = [1, *range(20, 20 + b - 1), 2]
        edges = [*pairwise(here), *pairwise(there)]
        assert label_nodes(np.array([[0, 1]]), *both_ways(edges), 30)[2] == label


@settings(max_examples=40, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_labels_are_those_of_a_plain_search(edges):
    """Two copies of a graph side by side, as two pairs of a batch."""
    edges = [(a, b) for a, b in edges if a != b]
    graph = networkx.Graph(edges)
    graph.add_nodes_from(range(8))

    def steps(start, without):
        left = graph.subgraph(set(graph) - {without})
        return networkx.single_source_shortest_path_length(left, start)

    a, b = steps(0, 1), steps(1, 0)
    expected = []
    for node in range(8):
        if node in (0, 1):
            expected.append(1)
        elif node in a and node in b:
            half, odd = divmod(a[node] + b[node], 2)
            expected.append(1 + min(a[node], b[node]) + half * (half + odd - 1))
        else:
            expected.append(0)
    twice = [*edges, *((a + 8, b + 8) for a, b in edges)]
    labels = label_nodes(np.array([[0, 1], [8, 9]]), *both_ways(twice), 16)
    assert labels.tolist() == expected * 2


@pytest.fixture(scope="module")
def asked():
    """A graph of users and items in groups, and pairs to judge: bought or not, beside it."""
    rng = np.random.default_rng(0)
    users, items = 80, 60
    near = (np.arange(users)[:, None] % 4 == np.arange(items) % 4) * 0.5 + 0.02
    bought = rng.random((users, items)) < near
    rows, columns = np.nonzero(bought)
    buys = Relation.between(rows, columns, users, items)
    chosen = rng.choice(len(rows), 256, replace=False)
    others = rng.permutation(np.argwhere(~bought))[:256]
    sources = np.concatenate([rows[chosen], others[:, 0]])
    targets = np.concatenate([columns[chosen], others[:, 1]])
    order = np.lexsort((targets, sources))
    pairs = Relation.between(sources[order], targets[order], users, items)
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType(*BUYS), EdgeType(*ASKED)))
    sizes = {"user": users, "item": items}
    return HeteroGraph(schema, sizes, {BUYS: buys, ASKED: pairs}), bought


def test_a_pair_encloses_what_is_around_it_without_itself(asked):
    graph, bought = asked
    seeds = np.arange(40)
    true = bought[graph.edges[ASKED].sources[seeds], graph.edges[ASKED].targets[seeds]]
    enclosure = enclose(sample_of(graph, seeds), graph.schema)
    assert true.any() and not true.all()
    users = len(enclosure.numbers["user"])
    ends = np.stack([graph.edges[ASKED].sources[seeds], graph.edges[ASKED].targets[seeds]], 1)
    assert np.array_equal(enclosure.numbers["user"][enclosure.ends[:, 0]], ends[:, 0])
    assert np.array_equal(enclosure.numbers["item"][enclosure.ends[:, 1] - users], ends[:, 1])
    there = set(zip(enclosure.edges.rows.tolist(), enclosure.edges.columns.tolist(), strict=True))
    assert not there & {(a, b) for a, b in enclosure.ends.tolist()}
    assert all((b, a) in there for a, b in there)
    assert (enclosure.labels[enclosure.ends] == 1).all()
    assert (enclosure.labels == 3).any()  # (1, 2): an item of the user's that others bought too


def sample_of(graph, seeds):
    """The pairs' surroundings; what they join is left out of all of them."""
    pairs, buys = graph.edges[ASKED], graph.edges[BUYS]
    known = buys.sources.astype(np.int64) * buys.n_targets + buys.targets
    mine = pairs.sources[seeds].astype(np.int64) * buys.n_targets + pairs.targets[seeds]
    hidden = np.flatnonzero(np.isin(known, mine))
    sampler = Sampler(graph, Query.parse(TEXT, graph.schema))
    return sampler.sample(seeds, rng=0, exclude={BUYS: hidden})


@pytest.mark.parametrize("layer", ["gcn", "sage", "gat"])
def test_links_are_learnt_from_structure_alone(asked, layer):
    """Nodes have no features; half of the pairs is held out."""
    graph, bought = asked
    pairs = graph.edges[ASKED]
    true = torch.from_numpy(bought[pairs.sources, pairs.targets]).float()
    order = np.random.default_rng(1).permutation(len(true))
    batches = [
        (part, enclose(sample_of(graph, part), graph.schema)) for part in np.array_split(order, 8)
    ]
    torch.manual_seed(0)
    model = Seal(16, layer=layer)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(12):
        for part, enclosure in batches[:4]:
            loss = F.binary_cross_entropy_with_logits(model(enclosure), true[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    assert all(one.grad is not None and one.grad.any() for one in model.parameters())
    with torch.no_grad():
        scores = torch.cat([model(enclosure) for _, enclosure in batches[4:]])
    known = true[np.concatenate([part for part, _ in batches[4:]])] > 0
    auc = (scores[known][:, None] > scores[~known]).float().mean().item()
    assert auc > 0.8


def test_features_of_nodes_and_kinds_of_edges_count(asked):
    graph, _ = asked
    enclosure = enclose(sample_of(graph, np.arange(8)), graph.schema)
    torch.manual_seed(0)
    model = Seal(8, layer="rgcn", features=3, kinds=2, most=4)
    x = {kind: torch.randn(len(some), 3) for kind, some in enclosure.numbers.items()}
    x["item"].requires_grad_()
    model(enclosure, x).sum().backward()
    assert x["item"].grad.any()
    assert enclosure.labels.max() > 4  # labels above the largest share its vector
    from_users = enclosure.edges.rows < len(enclosure.numbers["user"])
    assert len(enclosure.edges.kinds[from_users].unique()) == 1
    assert len(enclosure.edges.kinds.unique()) == 2


def test_queries_that_judge_no_pairs_are_refused(asked):
    graph, _ = asked
    plain = Sampler(graph, Query.parse("user -buys-> item:2", graph.schema))
    with pytest.raises(ConfigError, match="begin the query with edges, and go on from both ends"):
        enclose(plain.sample(np.array([0, 1])), graph.schema)
    merged = Sampler(graph, Query.parse(TEXT, graph.schema), disjoint=False)
    with pytest.raises(ConfigError, match="make the sampler disjoint"):
        enclose(merged.sample(np.arange(20)), graph.schema)
