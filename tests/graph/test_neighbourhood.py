import networkx as nx
import pytest

from data.errors import ConfigError
from graph.neighbourhood import Look, neighbourhood, write_network
from graph.relations import neighbours
from graph.statistics import degree_table, statistics


@pytest.mark.parametrize("suffix", ["graphml", "gexf", "json"])
def test_written_networks_read_back(small, tmp_path, suffix):
    network = neighbourhood(small, "user", 0, names={"item": [f"Film {n}" for n in range(6)]})
    path = write_network(network, tmp_path / f"around.{suffix}")
    if suffix == "json":
        import json

        again = nx.node_link_graph(json.loads(path.read_text()), edges="edges")
    else:
        again = {"graphml": nx.read_graphml, "gexf": nx.read_gexf}[suffix](path)
    assert set(again.nodes) == set(network.nodes) and again.number_of_edges() == network.size()
    item = next(n for n in network if n.startswith("item:"))
    assert again.nodes[item]["type"] == "item" and again.nodes[item]["label"].startswith("Film")
    assert again.edges[next(iter(network.edges))]["relation"]


def test_everything_within_reach_is_shown_when_nothing_caps_it(small):
    network = neighbourhood(small, "item", 2, Look(hops=9, cap=10**6))
    users = range(small.n_users)
    pairs = {(u, i) for u in users for i in small.user_item.of(u).tolist()}
    shown = [e for *_, e in network.edges(data="relation")]
    assert shown.count("user - item") == len(pairs)
    assert shown.count("user - user_factor") == small.user_codes.size
    assert shown.count("item - item_factor") == small.item_codes.size
    assert all(hidden == 0 for _, hidden in network.nodes(data="hidden"))
    assert all(count == 0 for count in network.graph.values())


def test_what_is_hidden_is_counted(small):
    network = neighbourhood(small, "user", 1, Look(hops=1, cap=2, types=("user", "item")))
    items = neighbours(small, "user", "item", 1)
    centre = network.nodes["user:1"]
    assert set(network) == {"user:1", f"item:{items[0]}", f"item:{items[1]}"}
    assert centre["degree"] == len(items) + 2  # two factors, not asked for
    assert centre["hidden"] == len(items) - 2 + 2
    assert network.graph["hidden_item"] == len(items) - 2


def test_levels_and_labels_of_factors(small):
    network = neighbourhood(small, "user", 0, Look(levels=[1]))
    factors = [about for _, about in network.nodes(data=True) if about["type"] == "user_factor"]
    assert {f["level"] for f in factors} == {1}
    own = next(f for f in factors if f["hop"] == 1)
    assert own["code"] == small.user_codes[0, 1]
    assert own["label"] == f"user factor 1.{own['code']}"


def test_unknown_nodes_and_endings_get_a_sentence(small, tmp_path):
    with pytest.raises(ConfigError, match="no item 77 in this graph; it has 7 of type user"):
        neighbourhood(small, "item", 77)
    with pytest.raises(ConfigError, match=r"ends in '\.png'"):
        write_network(neighbourhood(small, "user", 0), tmp_path / "x.png")


def test_statistics_by_hand(make_dataset, make_codes):
    from data.split import leave_one_out
    from graph.build import build_graph

    dataset = make_dataset([(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 3)], 1, 4)
    graph = build_graph(
        dataset, leave_one_out(dataset), make_codes("u", [[0]], 2), make_codes("i", [[0]] * 4, 2)
    )
    figures = statistics(graph)
    assert figures["nodes"] == {"user": 1, "item": 4, "user_factor": 2, "item_factor": 2}
    assert figures["edges"] == {
        "user - item": 2,
        "user - user_factor, level 0": 1,
        "item - item_factor, level 0": 4,
    }
    assert figures["isolated"] == {"user": 0, "item": 2, "user_factor": 1, "item_factor": 1}
    assert figures["degrees"]["item - user"]["mean"] == 0.5
    table = degree_table(graph)
    rows = table.filter((table["source"] == "item") & (table["target"] == "user"))
    assert rows.select("degree", "nodes").rows() == [(0, 2), (1, 2)]
