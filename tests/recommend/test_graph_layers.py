"""Layers beside PyG's with the same weights, on the subgraph and on the tree around seeds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ConfigError
from recommend.graphs.edges import EdgeList, Fanout
from recommend.graphs.layers import Gat, Gcn, Gin, Hetero, Rgcn, Sage
from recommend.graphs.network import LAYERS, Network, Step

N, WIDTH, OUT, KINDS = 14, 6, 4, 3
KEY = ("node", "to", "node")
OPTIONS = {"gat": {"heads": 2}, "rgcn": {"kinds": KINDS, "bases": 2}}


@pytest.fixture
def world():
    """Nodes, and edges of three kinds between them: several that are twice, and a lonely node."""
    draw = torch.Generator().manual_seed(3)
    rows, columns = torch.randint(N - 1, (2, 50), generator=draw)
    kept = rows != columns
    kinds = torch.randint(KINDS, (50,), generator=draw)
    x = torch.randn(N, WIDTH, generator=draw, dtype=torch.float64)
    return x, EdgeList(rows[kept], columns[kept], N, N, kinds[kept])


def layer_of(name, width=WIDTH, out=OUT, **more):
    torch.manual_seed(0)
    layer = LAYERS[name](width, out, **OPTIONS.get(name, {}), **more).double()
    for weights in layer.parameters():  # also those that begin with zeros
        torch.nn.init.normal_(weights, std=0.5)
    return layer


def theirs(layer):
    """PyG's layer with these weights."""
    conv = pytest.importorskip("torch_geometric.nn")
    match layer:
        case Sage():
            other = conv.SAGEConv((WIDTH, WIDTH), OUT, aggr=layer.reduce)
            pairs = [
                (other.lin_l.weight, layer.neighbours.weight),
                (other.lin_l.bias, layer.neighbours.bias),
                (other.lin_r.weight, layer.itself.weight),
            ]
        case Gin():
            return conv.GINConv(layer.mlp, eps=layer.epsilon.item()).double()
        case Gat():
            two = layer.of_targets is not None
            other = conv.GATConv(
                (WIDTH, WIDTH) if two else WIDTH, OUT // 2, heads=2, add_self_loops=not two
            )
            pairs = [
                (other.att_src, layer.source[None]),
                (other.att_dst, layer.target[None]),
                (other.bias, layer.bias),
                ((other.lin_src if two else other.lin).weight, layer.of_sources.weight),
            ]
            pairs += [(other.lin_dst.weight, layer.of_targets.weight)] if two else []
        case Gcn():
            other = conv.GCNConv(WIDTH, OUT)
            pairs = [(other.lin.weight, layer.linear.weight), (other.bias, layer.bias)]
        case Rgcn():
            other = conv.RGCNConv(WIDTH, OUT, KINDS, num_bases=None if layer.shares is None else 2)
            pairs = [
                (other.weight, layer.bases),
                (other.root, layer.itself.weight.T),
                (other.bias, layer.itself.bias),
            ]
            pairs += [(other.comp, layer.shares)] if layer.shares is not None else []
    other = other.double()
    for their, our in pairs:
        their.data = our.data.clone().double()
    return other


def tree(edges, seeds, hops, dense):
    """All neighbours of seeds, hop by hop, in padded places or as a list."""
    places, steps = [seeds], []
    for place in range(hops):
        origin = places[-1]
        arriving = [torch.nonzero(edges.columns == node)[:, 0] for node in origin]
        if dense:
            most = max(1, *map(len, arriving)) + 1
            numbers = torch.full((len(origin), most), -1)
            for row, some in zip(numbers, arriving, strict=True):
                row[: len(some)] = some
            mask = numbers >= 0
            numbers = numbers.flatten()
            nodes = torch.where(numbers >= 0, edges.rows[numbers], -1)
            ends = Fanout(mask, edges.kinds[numbers])
        else:
            numbers = torch.cat(arriving)
            nodes = edges.rows[numbers]
            columns = torch.arange(len(origin)).repeat_interleave(
                torch.tensor([len(some) for some in arriving])
            )
            rows = torch.arange(len(nodes))
            ends = EdgeList(rows, columns, len(nodes), len(origin), edges.kinds[numbers])
        places.append(nodes)
        steps.append(Step(place, "node", {KEY: ends}))
    return places, steps


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_equals_pygs_with_the_same_weights(world, name):
    x, edges = world
    layer = layer_of(name)
    arguments = (edges.kinds,) if name == "rgcn" else ()
    their = theirs(layer)(x, torch.stack([edges.rows, edges.columns]), *arguments)
    torch.testing.assert_close(layer(x, x, edges), their)


@pytest.mark.parametrize("reduce", ["mean", "sum", "max"])
def test_sage_reduces_as_pygs(world, reduce):
    x, edges = world
    layer = layer_of("sage", reduce=reduce)
    their = theirs(layer)(x, torch.stack([edges.rows, edges.columns]))
    torch.testing.assert_close(layer(x, x, edges), their)


@pytest.mark.parametrize("name", ["sage", "gat"])
def test_layers_between_two_types_equal_pygs(name):
    draw = torch.Generator().manual_seed(1)
    users = torch.randn(5, WIDTH, generator=draw, dtype=torch.float64)
    items = torch.randn(7, WIDTH, generator=draw, dtype=torch.float64)
    ends = torch.randint(5, (2, 12), generator=draw)
    layer = layer_of(name, own_width=WIDTH)
    ours = layer(users, items, EdgeList(*ends, 5, 7))
    torch.testing.assert_close(ours, theirs(layer)((users, items), ends, size=(5, 7)))


def test_rgcn_without_bases_equals_pygs(world):
    x, edges = world
    layer = Rgcn(WIDTH, OUT, kinds=KINDS).double()
    their = theirs(layer)(x, torch.stack([edges.rows, edges.columns]), edges.kinds)
    torch.testing.assert_close(layer(x, x, edges), their)


def test_typed_sage_equals_pygs_hetero_conv():
    conv = pytest.importorskip("torch_geometric.nn")
    draw = torch.Generator().manual_seed(2)
    ends = [("user", "buys", "item"), ("item", "rev_buys", "user")]
    keys = [*ends, ("factor", "of", "item"), ("item", "has", "factor")]
    sizes = {"user": 4, "item": 6, "factor": 3}
    x = {
        kind: torch.randn(n, WIDTH, generator=draw, dtype=torch.float64)
        for kind, n in sizes.items()
    }
    edges, ends = {}, {}
    for source, relation, target in keys:
        rows = torch.randint(sizes[source], (9,), generator=draw)
        columns = torch.randint(sizes[target], (9,), generator=draw)
        edges[source, relation, target] = EdgeList(rows, columns, sizes[source], sizes[target])
        ends[source, relation, target] = torch.stack([rows, columns])
    layer = Hetero({key: Sage(WIDTH, OUT).double() for key in keys})
    other = conv.HeteroConv({key: theirs(layer.layers["__".join(key)]) for key in keys}, aggr="sum")
    ours, their = layer(x, edges), other(x, ends)
    assert set(ours) == set(their) == {"user", "item", "factor"}
    for kind, vectors in their.items():
        torch.testing.assert_close(ours[kind], vectors)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("name", ["sage", "gat", "gin", "rgcn"])
def test_the_tree_with_all_neighbours_equals_the_subgraph(world, name, dense):
    x, edges = world
    torch.manual_seed(1)
    network = Network(name, [KEY], (WIDTH, 8, OUT), **OPTIONS.get(name, {})).double()
    seeds = torch.tensor([3, N - 1, 0, 3])
    places, steps = tree(edges, seeds, 2, dense)
    whole = network.subgraph({"node": x}, {KEY: edges})["node"]
    torch.testing.assert_close(network.ego("node", [x[at] for at in places], steps), whole[seeds])


@pytest.mark.parametrize("name", ["sage", "gat", "gin", "rgcn"])
def test_what_stands_in_padded_places_changes_nothing(world, name):
    x, _ = world
    layer = layer_of(name)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    kinds = torch.tensor([0, 1, 2, 2, 1, 0])
    sources = x[:6].clone()
    first = layer(sources, x[6:8], Fanout(mask, kinds))
    sources[~mask.flatten()] = torch.nan
    sources.requires_grad_()
    second = layer(sources, x[6:8], Fanout(mask, kinds))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    second.square().sum().backward()
    assert not sources.grad[~mask.flatten()].any()


@pytest.mark.parametrize("name", LAYERS)
def test_every_weight_gets_a_gradient(world, name):
    x, edges = world
    layer = layer_of(name)
    layer(x, x, edges).square().sum().backward()
    for where, weights in layer.named_parameters():
        assert weights.grad is not None and weights.grad.abs().sum() > 0, where


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=12), st.booleans())
def test_sums_shares_and_gradients_are_those_of_a_plain_loop(ends, itself):
    rows, columns = torch.tensor(ends, dtype=torch.int64).reshape(-1, 2).T
    edges = EdgeList(rows, columns, 5, 4)
    draw = torch.Generator().manual_seed(len(ends))
    x = torch.randn(5, 3, generator=draw, dtype=torch.float64).requires_grad_()
    weights = torch.randn(len(ends), generator=draw, dtype=torch.float64).requires_grad_()
    loop = torch.stack(
        [
            sum(
                (weights[e] * x[row] for e, (row, column) in enumerate(ends) if column == target),
                torch.zeros(3, dtype=torch.float64) + 0 * (x.sum() + weights.sum()),
            )
            for target in range(4)
        ]
    )
    pulled = edges.pull(x, weights)
    torch.testing.assert_close(pulled, loop)
    for one, other in zip(
        torch.autograd.grad(pulled.square().sum(), (x, weights)),
        torch.autograd.grad(loop.square().sum(), (x, weights)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
    own = torch.randn(4, 1, generator=draw, dtype=torch.float64) if itself else None
    shares, own_share = edges.softmax(weights[:, None], own)
    for target in range(4):
        scores = [weights[e] for e, (_, column) in enumerate(ends) if column == target]
        scores += [own[target, 0]] if itself else []
        ours = [*shares[columns == target, 0], *(own_share[target] if itself else [])]
        if scores:
            torch.testing.assert_close(torch.stack(ours), torch.stack(scores).softmax(0))
    assert not edges.largest(x)[edges.counts[:, 0] == 0].any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 2), min_size=3, max_size=3), max_size=5), st.booleans())
def test_places_sum_as_the_list_of_those_that_are_taken(kinds, itself):
    """-1 is an empty place, and what stands there is not a number."""
    kinds = torch.tensor(kinds, dtype=torch.int64).reshape(-1, 3)
    dense = Fanout(kinds >= 0, kinds.flatten())
    listed, taken = dense.listed(), (kinds >= 0).flatten()
    draw = torch.Generator().manual_seed(kinds.numel())
    x, scores = (torch.randn(kinds.numel(), 2, generator=draw) for _ in range(2))
    x[~taken] = torch.nan
    own = torch.randn(len(kinds), 2, generator=draw)
    torch.testing.assert_close(dense.pull(x), listed.pull(x.nan_to_num()))
    weights = scores[:, 0]
    torch.testing.assert_close(
        dense.pull(x, weights), listed.pull(x.nan_to_num(), weights[listed.rows])
    )
    torch.testing.assert_close(dense.largest(x), listed.largest(x))
    assert torch.equal(dense.counts, listed.counts)
    mine = own if itself else None
    shares, own_share = dense.softmax(scores.masked_fill(~taken[:, None], torch.nan), mine)
    theirs, their_own = listed.softmax(scores[taken], mine)
    torch.testing.assert_close(shares[taken], theirs)
    torch.testing.assert_close(own_share, their_own)
    assert not shares[~taken].any()
    assert torch.equal(dense.own(own)[taken], listed.own(own))
    for kind in range(3):
        one = dense.of_kind(kind).pull(x)
        torch.testing.assert_close(one, listed.of_kind(kind).pull(x.nan_to_num()))


def test_attention_of_high_scores_does_not_overflow():
    edges = EdgeList(torch.tensor([0, 1, 0]), torch.tensor([0, 0, 1]), 2, 3)
    shares, own = edges.softmax(torch.tensor([[1e4], [1e4], [-1e4]]), torch.zeros(3, 1))
    assert shares[:, 0].tolist() == [0.5, 0.5, 0.0] and own[:, 0].tolist() == [0, 1, 1]


def test_two_types_share_one_tree_and_one_subgraph():
    """user < item < user and user < factor at the seed: branches of different types and depths."""
    buys, bought, has = ("user", "a", "item"), ("item", "b", "user"), ("factor", "c", "user")
    draw = torch.Generator().manual_seed(5)
    x = {
        kind: torch.randn(n, WIDTH, generator=draw, dtype=torch.float64)
        for kind, n in {"user": 3, "item": 2, "factor": 2}.items()
    }
    edges = {
        buys: EdgeList(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 0, 0, 1]), 3, 2),
        bought: EdgeList(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 2, 2]), 2, 3),
        has: EdgeList(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 2]), 2, 3),
    }
    network = Network("sage", [buys, bought, has], (WIDTH, 5, OUT), norm=True).double()
    ends = {"user": torch.tensor([2]), "items": torch.tensor([0, 1])}
    hops = [
        (ends["user"], None),
        (ends["items"], Step(0, "item", {bought: Fanout(torch.ones(1, 2).bool())})),
        (torch.tensor([1]), Step(0, "factor", {has: Fanout(torch.ones(1, 1).bool())})),
        (
            torch.tensor([0, 1, 2, 2, 0, 0]),
            Step(1, "user", {buys: Fanout(torch.tensor([[1, 1, 1], [1, 0, 0]]).bool())}),
        ),
    ]
    types = ["user", "item", "factor", "user"]
    vectors = [x[kind][at] for kind, (at, _) in zip(types, hops, strict=True)]
    steps = [step for _, step in hops[1:]]
    whole = network.subgraph(x, edges)
    assert set(whole) == {"user", "item"}
    torch.testing.assert_close(network.ego("user", vectors, steps), whole["user"][2:])
    # Items that two hops bring count as those of one hop.
    halves = [Step(0, "item", {bought: EdgeList(*torch.zeros(2, 1).long(), 1, 1)})] * 2
    one = Network("sage", [bought], (WIDTH, OUT)).double()
    torch.testing.assert_close(
        one.ego("user", [vectors[0], vectors[1][:1], vectors[1][1:]], halves),
        one.ego("user", vectors[:2], steps[:1]),
    )


def test_mistakes_are_told_in_a_sentence(world):
    x, edges = world
    with pytest.raises(ConfigError, match="no layer 'sega'; there are sage, gat"):
        Network("sega", [KEY], (WIDTH, OUT))
    plain = EdgeList(edges.rows, edges.columns, N, N)
    with pytest.raises(ConfigError, match="no kinds; say which each is, from 0 to 2"):
        layer_of("rgcn")(x, x, plain)
    hetero = Hetero({KEY: layer_of("sage")})
    with pytest.raises(ConfigError, match="no layer for the edges a -b-> node"):
        hetero.hear("node", x, {("a", "b", "node"): (x, plain)})


@pytest.mark.parametrize("name", LAYERS)
def test_a_model_learns_what_only_neighbours_know(name):
    """A node's class is the sign of its neighbours' mean; to itself it is noise. Half is held out.

    For RGCN only neighbours of the first kind count, the others say the opposite.
    """
    draw = torch.Generator().manual_seed(0)
    n, many = 300, 6
    columns = torch.arange(n).repeat_interleave(many)
    rows = (columns + torch.randint(1, n, (n * many,), generator=draw)) % n
    kinds = torch.randint(2, (n * many,), generator=draw)
    x = torch.randn(n, 2, generator=draw)
    edges = EdgeList(rows, columns, n, n, kinds)
    told = edges.of_kind(0) if name == "rgcn" else edges
    labels = (told.pull(x)[:, 0] > 0).long()
    options = {"kinds": 2} if name == "rgcn" else {}

    def accuracy(edges):
        torch.manual_seed(0)
        network = Network(name, [KEY], (2, 2), **options)
        optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
        for _ in range(60):
            scores = network.subgraph({"node": x}, {KEY: edges})["node"]
            loss = torch.nn.functional.cross_entropy(scores[::2], labels[::2])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return (scores.argmax(1) == labels)[1::2].float().mean().item()

    nothing = EdgeList(rows[:0], columns[:0], n, n, kinds[:0])
    assert accuracy(nothing) < 0.62 and accuracy(edges) > 0.8
