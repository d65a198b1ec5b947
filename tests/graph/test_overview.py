from collections import Counter

import pytest
from whole import SCHEMA, whole

from data.errors import ConfigError
from data.split import leave_one_out
from graph.build.latent import build_graph
from graph.explore.flat import flatten
from graph.explore.overview import overview_of, statistics, tabulate_metapaths
from graph.explore.paths import OTHERS, count_instances, flow, instances
from graph.latent import PAPER
from graph.query.query import Query


def test_the_schema_counts_what_is_there(make_graph):
    graph = make_graph(7)
    overview, network = overview_of(flatten(graph.hetero)), whole(graph)
    assert overview.nodes == {kind: graph.size(kind) for kind in SCHEMA.types}
    counted = Counter()
    for edge in network.edges:
        factor = next((node for node in edge if node[0].endswith("_factor")), None)
        side = factor[0].removesuffix("_factor") if factor else None
        level = factor[1] // graph.k(side) if factor else None
        counted[frozenset(node[0] for node in edge), level] += 1
    assert {(frozenset((r.source, r.target)), r.level): r.edges for r in overview.edges} == counted


def test_a_path_grows_along_relations_only():
    for kind in SCHEMA.types:
        for after in SCHEMA.types:
            if after in SCHEMA.neighbours(kind):
                Query.along((kind, after), SCHEMA)
            else:
                with pytest.raises(ConfigError, match="no such edges"):
                    Query.along((kind, after), SCHEMA)
    assert SCHEMA.neighbours("item") == ("user", "item_factor")


def test_the_catalogue_has_a_row_a_metapath(small):
    paths = [Query.parse(path, SCHEMA) for path in PAPER]
    table = tabulate_metapaths(small.hetero, paths)
    assert table["metapath"].to_list() == list(PAPER)
    assert table["instances"].to_list() == [count_instances(small.hetero, p) for p in paths]
    assert table["steps"].to_list() == [1, 2, 1, 2]
    assert tabulate_metapaths(small.hetero, ()).height == 0


@pytest.mark.parametrize("path", ["user > item > user > item", "item > item_factor > item"])
def test_instances_from_one_node_are_counted(small, path):
    metapath = Query.parse(path, SCHEMA)
    for start in range(small.size(metapath.types[0])):
        listed = instances(small.hetero, metapath, start, limit=10**6)
        assert count_instances(small.hetero, metapath, start=start) == len(listed)


def test_streams_add_up(small):
    metapath = Query.parse("user > item > user > user_factor", SCHEMA)
    paths = instances(small.hetero, metapath, 0, limit=10**6)
    streams = flow(paths, most=2)
    for step in range(3):
        assert sum(n for at, _, _, n in streams.streams if at == step) == len(paths)
        assert sum(streams.passing[step]) == len(paths)
    for step, stops in enumerate(streams.stops):
        through = Counter(path[step] for path in paths)
        assert len(through) == len([s for s in stops if s != OTHERS]) + streams.merged[step]
        for stop, n in zip(stops, streams.passing[step], strict=True):
            if stop != OTHERS:
                assert n == through[stop]
        best = sorted(through.values(), reverse=True)[:2]
        assert list(streams.passing[step][:2]) == best


def test_streams_of_nothing():
    assert flow([]).streams == ()


def test_statistics_by_hand(make_dataset, make_codes):
    dataset = make_dataset([(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 3)], 1, 4)
    graph = build_graph(
        dataset, leave_one_out(dataset), make_codes("u", [[0]], 2), make_codes("i", [[0]] * 4, 2)
    )
    figures = statistics(graph.hetero)
    assert figures["nodes"] == {"user": 1, "item": 4, "user_factor": 2, "item_factor": 2}
    assert figures["edges"] == {
        "user - item": 2,
        "user - user_factor, level 0": 1,
        "item - item_factor, level 0": 4,
    }
    assert figures["isolated"] == {"user": 0, "item": 2, "user_factor": 1, "item_factor": 1}
    assert figures["degrees"]["item - user"]["mean"] == 0.5
