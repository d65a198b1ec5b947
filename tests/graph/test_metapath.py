from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole import SCHEMA

from data.errors import ConfigError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Schema
from graph.explore.paths import arrivals, count_instances, coverage, instances
from graph.latent import PAPER
from graph.query.query import Query

PATHS = [
    *PAPER,
    "user > item > user",
    "user > item > item_factor > item",
    "user > item > user > item > user",
    "user > user_factor > user > item",
    "item_factor > item > item_factor > item > item_factor",
    "user > item > item_factor > item > user > user_factor > user",
]


def at_levels(text, levels):
    """A metapath that walks factors of some levels alone: relations by name."""
    query = Query.parse(text, SCHEMA)
    level = {edge.key: edge.level for edge in SCHEMA.edges}
    level |= {edge.reverse_key: edge.level for edge in SCHEMA.edges}
    hops = [
        replace(hop, edges=tuple(key for key in hop.edges if level[key] in (None, *levels)))
        for hop in query.hops
    ]
    return Query.parse(str(replace(query, hops=tuple(hops))), SCHEMA)


def edge_set(graph, a, b, levels):
    """Pairs of neighbours, by plain loops."""
    pairs = set()
    for user in range(graph.n_users):
        for item in graph.user_item.of(user).tolist():
            pairs |= {("user", user, "item", item), ("item", item, "user", user)}
    for side in ("user", "item"):
        for entity, codes in enumerate(graph.codes(side).tolist()):
            for level, code in enumerate(codes):
                if levels is None or level in levels:
                    factor = level * graph.k(side) + code
                    pairs |= {
                        (side, entity, f"{side}_factor", factor),
                        (f"{side}_factor", factor, side, entity),
                    }
    return {(x, y) for p, x, q, y in pairs if (p, q) == (a, b)}


def brute_force(graph, metapath, levels=None):
    types = metapath.types
    edges = [edge_set(graph, a, b, levels) for a, b in pairwise(types)]
    walks = [(node,) for node in range(graph.size(types[0]))]
    for step, pairs in enumerate(edges):
        walks = [
            (*walk, y)
            for walk, (x, y) in product(walks, pairs)
            if walk[-1] == x
            and not (step > 0 and types[step - 1] == types[step + 1] and walk[-2] == y)
        ]
    return walks


@pytest.mark.parametrize("text", PATHS[:-1])
@pytest.mark.parametrize("levels", [None, [1]])
def test_counts_and_instances_equal_brute_force(make_graph, text, levels):
    graph = make_graph(1, n_users=5, n_items=4, per_user=5)
    metapath = at_levels(text, [0, 1] if levels is None else levels)
    expected = brute_force(graph, metapath, levels)
    assert count_instances(graph.hetero, metapath) == len(expected)
    listed = [
        path
        for start in range(graph.size(metapath.types[0]))
        for path in instances(graph.hetero, metapath, start, limit=10**6)
    ]
    assert sorted(listed) == sorted(expected)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), text=st.sampled_from(PATHS), level=st.sampled_from([None, 0]))
def test_counts_equal_listing_on_random_graphs(make_graph, seed, text, level):
    graph = make_graph(seed, n_users=4, n_items=5, per_user=5)
    metapath = at_levels(text, [0, 1] if level is None else [level])
    listed = [
        path[-1]
        for start in range(graph.size(metapath.types[0]))
        for path in instances(graph.hetero, metapath, start, limit=10**7)
    ]
    counts = np.bincount(listed, minlength=graph.size(metapath.types[-1]))
    np.testing.assert_array_equal(arrivals(graph.hetero, metapath), counts)


@pytest.mark.parametrize("text", PATHS[:6])
def test_instances_between_two_nodes(small, text):
    metapath = Query.parse(text, SCHEMA)
    every = [
        p
        for s in range(small.size(metapath.types[0]))
        for p in instances(small.hetero, metapath, s)
    ]
    start, end = every[0][0], every[0][-1]
    expected = [p for p in every if (p[0], p[-1]) == (start, end)]
    assert sorted(instances(small.hetero, metapath, start, end)) == sorted(expected)
    assert instances(small.hetero, metapath, start, end, limit=1) == expected[:1]


def test_latest_interactions_come_first(small):
    latest = small.user_item.of(2)[-1]
    assert instances(small.hetero, Query.parse("user > item", SCHEMA), 2, limit=1) == [(2, latest)]


def test_coverage_by_hand(make_dataset, make_codes):
    from data.split import leave_one_out
    from graph.build.latent import build_graph

    rows = [
        (u, i, t)
        for u, items in enumerate([[0, 1, 2, 2], [0, 1, 1, 1]])
        for t, i in enumerate(items)
    ]
    dataset = make_dataset(rows, 2, 3)
    users, items = make_codes("u", [[0], [1]], 2), make_codes("i", [[0], [0], [1]], 2)
    graph = build_graph(dataset, leave_one_out(dataset), users, items)
    paths = (
        Query.parse("item > item_factor > item", graph.hetero.schema),
        Query.parse("user > user_factor > user", graph.hetero.schema),
    )
    assert coverage(graph.hetero, paths[0]).instances == 2  # 0 > q > 1 and back
    assert coverage(graph.hetero, paths[0]).ends == pytest.approx(2 / 3)
    assert coverage(graph.hetero, paths[0]).median_per_end == 1
    assert coverage(graph.hetero, paths[1]).instances == 0
    seen = coverage(graph.hetero, Query.parse("user > item", graph.hetero.schema))
    assert (seen.instances, seen.starts, seen.ends) == (4, 1.0, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user > film", "no type 'film'"),
        ("user > item_factor > user", "no such edges; from user it can go to item or user_factor"),
    ],
)
def test_bad_metapaths_get_a_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Query.parse(text, SCHEMA)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user", "fewer than two"),
        ("user > (item, user_factor)", "goes on one way"),
        ("-interacts- > source > item", "starts at nodes"),
        ("user > item:3", "draws of what leads to item, and a metapath takes all edges"),
        ("user > not item:3", "takes all edges"),
        ("user > item > any item:3", "takes all edges"),
        ("user > item > source", "takes all edges"),
        ("user as u > item > user without u", "takes all edges"),
    ],
)
def test_queries_that_are_no_metapaths_get_a_sentence(small, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        count_instances(small.hetero, Query.parse(text, SCHEMA))


def test_text_round_trip():
    for text in PATHS:
        query = Query.parse(text, SCHEMA)
        assert str(query) == text and Query.along(query.types, SCHEMA) == query


def test_unknown_relations_and_nodes_get_a_sentence(small):
    with pytest.raises(ConfigError, match=r"'has_level_2'.*did you mean 'has_level_"):
        Query.parse("user -has_level_2-> user_factor", SCHEMA)
    path = Query.parse("user > user_factor", SCHEMA)
    with pytest.raises(ConfigError, match="no user 99"):
        instances(small.hetero, path, 99)
    with pytest.raises(ConfigError, match="no user 99"):
        count_instances(small.hetero, path, 99)
    with pytest.raises(ConfigError, match="no user_factor -1"):
        instances(small.hetero, path, 0, -1)
    with pytest.raises(ConfigError, match="more than 2\\^62"):
        count_instances(small.hetero, Query.along(("user", "item") * 30, SCHEMA))


def walks_by_hand(graph, query):
    """Walks of a metapath by plain loops over rows, with conditions asked node by node."""
    edge_of = {hop: set() for hop in range(len(query.hops))}
    for number, hop in enumerate(query.hops):
        for key in hop.edges:
            relation, declared = graph.relation(key), graph.schema.edge(key).key
            own = graph.relation(declared)
            pairs = list(zip(own.sources.tolist(), own.targets.tolist(), strict=True))
            for at, (a, b) in enumerate(pairs):
                x, y = (a, b) if declared == key else (b, a)
                about = {
                    name: column[at] for name, column in graph.edge_attributes[declared].items()
                }
                if own.times is not None:
                    about["time"] = own.times[at]
                if all(
                    meets(about[c.attribute] if c.of_edge else of_node(graph, hop.type, c, y), c)
                    for c in hop.where
                ):
                    edge_of[number].add((x, y))
            assert len(relation.targets) == len(pairs)
    first = [
        (node,)
        for node in range(graph.size(query.types[0]))
        if all(meets(of_node(graph, query.types[0], c, node), c) for c in query.start.where)
    ]
    walks = first
    for number in range(len(query.hops)):
        same = number > 0 and query.types[number - 1] == query.types[number + 1]
        walks = [
            (*walk, y)
            for walk in walks
            for x, y in sorted(edge_of[number])
            if walk[-1] == x and not (same and walk[-2] == y)
        ]
    return walks


def of_node(graph, kind, condition, node):
    return graph.attributes[kind][condition.attribute][node]


def meets(value, condition):
    if condition.operator == "in":
        return value in condition.value
    compare = {"=": "__eq__", ">=": "__ge__", "<": "__lt__", "!=": "__ne__"}[condition.operator]
    return getattr(float(value), compare)(condition.value)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    text=st.sampled_from(
        [
            "user where age < 2 -buys-> item <-views- user",
            "user -buys|views-> item <-buys- user -views-> item",
            "user -buys-> item where price in (0, 2) > user -buys-> item",
            "user > item > user where age >= 1 > item",
            "user -buys-> item where edge.stars >= 2 <-buys- user where edge.stars < 3",
            "user -buys-> item <-buys- user where edge.time < 5 and edge.stars != 1 -buys-> item",
            "user -follows-> user > user <-follows- user",
            "user > user > user",
        ]
    ),
)
def test_conditions_and_relations_by_name_equal_plain_loops(seed, text):
    rng = np.random.default_rng(seed)
    schema = Schema(
        (NodeType("user"), NodeType("item")),
        (
            EdgeType("user", "buys", "item", timed=True),
            EdgeType("user", "views", "item"),
            EdgeType("user", "follows", "user"),
        ),
    )
    sizes = {"user": 5, "item": 4}
    edges = {
        edge.key: Relation.between(
            rng.integers(0, 5, 9),
            rng.integers(0, sizes[edge.target], 9),
            5,
            sizes[edge.target],
            rng.integers(0, 9, 9) if edge.timed else None,
        )
        for edge in schema.edges
    }
    about = {key: {"stars": rng.integers(0, 4, 9)} for key in edges}
    nodes = {"user": {"age": rng.integers(0, 4, 5)}, "item": {"price": rng.integers(0, 4, 4)}}
    graph = HeteroGraph(schema, sizes, edges, nodes, about)
    query = Query.parse(text, schema)
    expected = walks_by_hand(graph, query)
    listed = [walk for start in range(5) for walk in instances(graph, query, start, limit=10**6)]
    assert sorted(listed) == sorted(expected)
    ends, reach = [walk[-1] for walk in expected], coverage(graph, query)
    counted = np.bincount(ends, minlength=graph.size(query.types[-1]))
    np.testing.assert_array_equal(arrivals(graph, query), counted)
    assert reach.starts == len({walk[0] for walk in expected}) / 5
    assert count_instances(graph, query, 2) == sum(walk[0] == 2 for walk in expected)
    between = instances(graph, query, 2, 1, limit=10**6)
    assert sorted(between) == sorted(w for w in expected if (w[0], w[-1]) == (2, 1))
