from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whole import SCHEMA

from data.errors import ConfigError
from graph.explore.paths import arrivals, count_instances, coverage, instances
from graph.latent import PAPER
from graph.metapath import Metapath

PATHS = [str(path) for path in PAPER] + [
    "user > item > user",
    "user > item > item_factor > item",
    "user > item > user > item > user",
    "user > user_factor > user > item",
    "item_factor > item > item_factor > item > item_factor",
    "user > item > item_factor > item > user > user_factor > user",
]


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
    graph, metapath = make_graph(1, n_users=5, n_items=4, per_user=5), Metapath.parse(text, SCHEMA)
    expected = brute_force(graph, metapath, levels)
    assert count_instances(graph.hetero, metapath, levels) == len(expected)
    listed = [
        path
        for start in range(graph.size(metapath.types[0]))
        for path in instances(graph.hetero, metapath, start, levels=levels, limit=10**6)
    ]
    assert sorted(listed) == sorted(expected)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), text=st.sampled_from(PATHS), level=st.sampled_from([None, 0]))
def test_counts_equal_listing_on_random_graphs(make_graph, seed, text, level):
    graph = make_graph(seed, n_users=4, n_items=5, per_user=5)
    metapath, levels = Metapath.parse(text, SCHEMA), None if level is None else [level]
    listed = [
        path[-1]
        for start in range(graph.size(metapath.types[0]))
        for path in instances(graph.hetero, metapath, start, levels=levels, limit=10**7)
    ]
    counts = np.bincount(listed, minlength=graph.size(metapath.types[-1]))
    np.testing.assert_array_equal(arrivals(graph.hetero, metapath, levels), counts)


@pytest.mark.parametrize("text", PATHS[:6])
def test_instances_between_two_nodes(small, text):
    metapath = Metapath.parse(text, SCHEMA)
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
    assert instances(small.hetero, Metapath.parse("user > item", SCHEMA), 2, limit=1) == [
        (2, latest)
    ]


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
        Metapath.parse("item > item_factor > item", SCHEMA),
        Metapath.parse("user > user_factor > user", SCHEMA),
    )
    assert coverage(graph.hetero, paths[0]).instances == 2  # 0 > q > 1 and back
    assert coverage(graph.hetero, paths[0]).ends == pytest.approx(2 / 3)
    assert coverage(graph.hetero, paths[0]).median_per_end == 1
    assert coverage(graph.hetero, paths[1]).instances == 0
    seen = coverage(graph.hetero, Metapath.parse("user > item", SCHEMA))
    assert (seen.instances, seen.starts, seen.ends) == (4, 1.0, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user > film", "names 'film'"),
        ("user", "fewer than two"),
        ("user > item_factor > user", "no such edges; from user it can go to item or user_factor"),
    ],
)
def test_bad_metapaths_get_a_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Metapath.parse(text, SCHEMA)


def test_text_round_trip():
    for text in PATHS:
        assert str(Metapath.parse(text, SCHEMA)) == text


def test_unknown_levels_and_nodes_get_a_sentence(small):
    path = Metapath.parse("user > user_factor", SCHEMA)
    with pytest.raises(ConfigError, match="no level 2 of user codes; the graph has levels 0 to 1"):
        count_instances(small.hetero, path, [2])
    with pytest.raises(ConfigError, match="no user 99"):
        instances(small.hetero, path, 99)
    with pytest.raises(ConfigError, match="no user_factor -1"):
        instances(small.hetero, path, 0, -1)
    with pytest.raises(ConfigError, match="more than 2\\^62"):
        count_instances(small.hetero, Metapath(("user", "item") * 40))
