import io

import networkx as nx
import polars as pl
import pytest
from whole import whole

from graph.explore.export import as_network, edge_table, escape, gexf, graphml, node_table
from graph.explore.flat import flatten
from graph.explore.layout import layout
from graph.explore.names import name_nodes
from graph.explore.subgraph import look
from graph.explore.view import View

COLOURS = {"user": "#102030", "item": "#405060"}


@pytest.fixture
def tables(make_graph, make_dataset):
    graph = make_graph(3)
    dataset = make_dataset([(0, 0, 0)], 7, 6)
    names = name_nodes(graph.hetero, dataset)
    titles = names.titles | {"item": pl.Series(['<b>&"\x00\x0b', "Léon", "c", "d", "e", "f"])}
    names = type(names)(names.ids, titles, names.more)
    shown = look(flatten(graph.hetero), View(starts=(("item", 0),), hops=2))
    return graph, shown, node_table(shown, names, layout(shown)), edge_table(shown, names)


def test_tables_hold_what_is_visible(tables):
    graph, shown, nodes, edges = tables
    assert nodes.height == len(shown.nodes) and edges.height == len(shown.edges)
    assert nodes["degree"].to_list() == [whole(graph).degree(node) for node in shown.nodes]
    keys = dict(zip(nodes["node"], shown.nodes, strict=True))
    for source, target, relation, level in edges.rows():
        assert whole(graph).has_edge(keys[source], keys[target])
        factor = next((n for n in (source, target) if "_factor" in n), None)
        assert level == (int(factor.partition(":")[2].partition("-")[0]) if factor else None)
        assert {keys[source][0], keys[target][0]} == set(relation.split(" - "))


@pytest.mark.parametrize(("write", "read"), [(graphml, nx.read_graphml), (gexf, nx.read_gexf)])
def test_files_read_back_whatever_the_names_are(tables, write, read):
    _, _, nodes, edges = tables
    again = read(io.BytesIO(write(as_network(nodes, edges, COLOURS))))
    assert set(again.nodes) == set(nodes["node"])
    assert again.number_of_edges() == edges.height
    assert again.nodes["item:i0"]["label"] == '<b>&"\\u0000\\u000B'
    row = nodes.row(0, named=True)
    about = again.nodes[row["node"]]
    assert (about["type"], about["degree"], about["x"]) == ("item", row["degree"], row["x"])
    assert next(iter(again.edges(data="relation")))[2] in {"user - item", "item - item_factor"}


ALIKE = ("ab", "a\x01b", "a\x02b", "a\tb", "a\nb", r"a\u0001b", "a\ufffeb", "a\u202eb")


@pytest.mark.parametrize(
    "write",
    [
        lambda nodes, edges: set(nx.read_graphml(io.BytesIO(graphml(as_network(nodes, edges))))),
        lambda nodes, edges: set(nx.read_gexf(io.BytesIO(gexf(as_network(nodes, edges))))),
        lambda nodes, _: set(pl.read_csv(io.BytesIO(nodes.write_csv().encode()))["node"]),
        lambda nodes, _: set(pl.read_json(io.BytesIO(nodes.write_json().encode()))["node"]),
    ],
    ids=["graphml", "gexf", "csv", "json"],
)
def test_ids_that_look_alike_stay_nodes_of_their_own(make_graph, make_dataset, write):
    graph, dataset = make_graph(3), make_dataset([(0, 0, 0)], 7, 6)
    ids = ALIKE[: dataset.n_items]
    dataset = type(dataset)(
        dataset.name,
        dataset.users,
        dataset.items.with_columns(pl.Series("item_id", ids)),
        dataset.interactions,
    )
    names = name_nodes(graph.hetero, dataset)
    shown = look(flatten(graph.hetero), View(starts=tuple(("item", k) for k in range(len(ids)))))
    nodes, edges = node_table(shown, names, layout(shown)), edge_table(shown, names)
    again = write(nodes, edges)
    assert len(again) == nodes.height == len(shown.nodes)
    assert {"item:ab", r"item:a\u0001b", r"item:a\u005Cu0001b"} <= again


def test_escapes_are_visible_and_tell_texts_apart():
    assert len({escape(one) for one in ALIKE}) == len(ALIKE)
    assert escape("a\tb\x01") == r"a\u0009b\u0001" and escape(r"C:\users") == r"C:\users"


def test_gephi_gets_the_colours_and_places(tables):
    _, _, nodes, edges = tables
    network = as_network(nodes, edges, COLOURS)
    looks = network.nodes["item:i0"]["viz"]
    assert looks["color"] == {"r": 0x40, "g": 0x50, "b": 0x60, "a": 1.0}
    assert b"viz:position" in gexf(network) and b"viz:color" in gexf(network)


def test_an_empty_picture_can_be_saved(small):
    from graph.explore.names import Names
    from graph.explore.view import Filters

    shown = look(flatten(small.hetero), View(filters=Filters(types=())))
    nothing = Names({}, {}, {})
    nodes, edges = node_table(shown, nothing, {}), edge_table(shown, nothing)
    assert nodes.height == edges.height == 0
    assert nx.read_graphml(io.BytesIO(graphml(as_network(nodes, edges)))).number_of_nodes() == 0
