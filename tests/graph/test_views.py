"""Dense and sparse views of a sample, and the sample in PyTorch Geometric."""

import numpy as np
import pytest

from data.errors import ConfigError
from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema

BUYS = ("user", "buys", "item")


def shop() -> HeteroGraph:
    """Users 0 to 3 buy as many items as their number says; the items have two numbers each."""
    schema = Schema(
        (NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item", timed=True),)
    )
    users, items = np.array([1, 2, 2, 3, 3, 3]), np.array([0, 0, 1, 0, 1, 2])
    bought = Relation.between(users, items, 4, 3, np.arange(6), np.arange(6) / 2)
    return HeteroGraph(
        schema,
        {"user": 4, "item": 3},
        {BUYS: bought},
        {"item": {"price": np.arange(3), "size": np.ones((3, 2))}, "user": {"x": np.eye(4)}},
    )


def sampler(text: str) -> Sampler:
    graph = shop()
    return Sampler(graph, Query.parse(text, graph.schema))


def test_shapes_are_those_that_gle_documents() -> None:
    ego = sampler("user:2 > item:3 > user:4").sample(np.array([3, 1])).ego()
    assert ego.seeds.shape == (2,)
    assert [hop.nodes.shape for hop in ego.hops] == [(2, 3), (6, 4)]
    assert all(hop.mask.shape == hop.nodes.shape == hop.edges.shape for hop in ego.hops)
    ends = sampler("-buys-:2 > (target, source > item:5)").sample(np.array([0, 4, 5])).ego()
    assert [hop.nodes.shape for hop in ends.hops] == [(3, 1), (3, 1), (3, 5)]


def test_empty_places_are_padded() -> None:
    sample = sampler("user > item:3 latest > user:2 latest").sample(np.array([2, 0]))
    plain = sample.ego()
    assert plain.hops[0].nodes.tolist() == [[1, 0, -1], [-1, -1, -1]]
    assert plain.hops[0].mask.tolist() == [[True, True, False], [False] * 3]
    assert plain.hops[0].edges.tolist() == [[2, 1, -1], [-1, -1, -1]]
    assert plain.hops[1].nodes.tolist() == [[3, 2], [3, 2], *[[-1, -1]] * 4]
    as_gle = sample.ego("replicate", default=0)
    assert as_gle.hops[0].nodes.tolist() == [[1, 0, 0], [0, 0, 0]]
    again = sample.ego("circular")
    assert again.hops[0].nodes.tolist() == [[1, 0, 1], [-1, -1, -1]]
    assert again.hops[1].nodes.tolist()[:3] == [[3, 2], [3, 2], [3, 2]]
    assert again.hops[0].mask.tolist() == plain.hops[0].mask.tolist()
    with pytest.raises(ConfigError, match="no padding 'mirror'"):
        sample.ego("mirror")  # type: ignore[arg-type]


def test_full_hops_are_as_wide_as_their_widest() -> None:
    ego = sampler("user > item").sample(np.array([1, 3, 0])).ego()
    assert ego.hops[0].nodes.tolist() == [[0, -1, -1], [0, 1, 2], [-1, -1, -1]]
    nothing = sampler("user > item > user:2").sample(np.array([0])).ego()
    assert [hop.nodes.shape for hop in nothing.hops] == [(1, 0), (0, 2)]
    nobody = sampler("user > item:2 > user:2").sample(np.zeros(0, dtype=int)).ego()
    assert [hop.nodes.shape for hop in nobody.hops] == [(0, 2), (0, 2)]


def test_the_sparse_view_can_be_cut_by_seed() -> None:
    graph = shop()
    sample = sampler("user > item:2 latest > user:2 latest").sample(np.array([2, 3]), times=6)
    for seed in (0, 1):
        part = sample.subgraph().of(seed)
        alone = Sampler(graph, sample.query).sample(sample.seeds[[seed]], times=6).subgraph()
        assert {kind: nodes.tolist() for kind, nodes in part.nodes.items()} == {
            kind: nodes.tolist() for kind, nodes in alone.nodes.items()
        }
        assert part.edge_index[BUYS].tolist() == alone.edge_index[BUYS].tolist()
        assert part.numbers[BUYS].tolist() == alone.numbers[BUYS].tolist()


def test_every_edge_has_its_reverse_with_the_same_number() -> None:
    graph = shop()
    sample = sampler("user > item:2 > user:2").sample(np.array([2, 3]))
    both = sample.bidirectional(graph.schema).edges
    there, back = both[BUYS], both["item", "rev_buys", "user"]
    assert there.rows.tolist() == back.columns.tolist()
    assert there.columns.tolist() == back.rows.tolist()
    assert there.numbers.tolist() == back.numbers.tolist() and len(there.numbers)


def test_a_sample_goes_through_a_layer_of_pyg() -> None:
    torch = pytest.importorskip("torch")
    nn = pytest.importorskip("torch_geometric.nn")
    graph = shop()
    sample = sampler("user > item:3 latest > user:3 latest").sample(np.array([2, 3]), times=9)
    data = sample.bidirectional(graph.schema).to_pyg(graph)
    data.validate()
    assert data["item"].x.shape == (len(sample.nodes["item"]), 3)
    assert torch.equal(data["item"].price, data["item"].n_id)
    assert data["user"].x.tolist() == np.eye(4)[sample.nodes["user"]].tolist()
    assert data["user"].batch_size == 2 and data["user"].seed_time.tolist() == [9, 9]
    assert data[BUYS].weight.tolist() == (data[BUYS].e_id / 2).tolist()
    mean = nn.SimpleConv(aggr="mean")
    out = mean((data["item"].x, data["user"].x), data["item", "rev_buys", "user"].edge_index)
    bought = {2: [0, 1], 3: [0, 1, 2]}
    for row, user in enumerate((2, 3)):
        assert out[row].tolist() == [np.mean(bought[user]), 1, 1]
