"""What is as young as a seed changes nothing: the same chance gives the same bits."""

from dataclasses import replace

import numpy as np
import pytest

from data.relation import Relation
from graph import EdgeType, HeteroGraph, NodeType, Query, Sample, Sampler, Schema

SCHEMA = Schema(
    (NodeType("user"), NodeType("item"), NodeType("factor", groups="item")),
    (
        EdgeType("user", "buys", "item", timed=True),
        EdgeType("user", "views", "item", timed=True),
        EdgeType("user", "trusts", "user", timed=True),
        EdgeType("item", "has_0", "factor"),
        EdgeType("item", "has_1", "factor"),
    ),
)
NOW = 1000
SIZES = {"user": 20, "item": 15, "factor": 6}
NEW_ITEMS = 3


def world(future: bool) -> tuple[HeteroGraph, dict[tuple[str, str, str], np.ndarray]]:
    """The graph, and which of its edges are canaries, by type."""
    rng = np.random.default_rng(4)
    later = np.random.default_rng(5)
    sizes = dict(SIZES)
    sizes["item"] += NEW_ITEMS * future
    edges, canaries = {}, {}
    for kind in SCHEMA.edges:
        a, b = SIZES[kind.source], SIZES[kind.target]
        m = 90 if kind.timed else 25
        ends = rng.integers(0, a, m), rng.integers(0, b, m)
        times, weights = rng.integers(0, NOW - 1, m), rng.random(m).astype(np.float32)
        canary = np.zeros(m, dtype=bool)
        if future:
            more = 150
            low = 0 if kind.timed else a
            new = (
                later.integers(low, sizes[kind.source], more),
                later.integers(0, sizes[kind.target], more),
            )
            ends = np.concatenate([ends[0], new[0]]), np.concatenate([ends[1], new[1]])
            times = np.concatenate([times, NOW + later.integers(0, 2, more)])
            weights = np.concatenate([weights, np.full(more, 1e3, dtype=np.float32)])
            canary = np.arange(m + more) >= m
        timed = times if kind.timed else None
        order = np.lexsort((times, ends[0])) if kind.timed else np.argsort(ends[0], kind="stable")
        edges[kind.key] = Relation.between(
            *ends, sizes[kind.source], sizes[kind.target], timed, weights
        )
        canaries[kind.key] = canary[order]
    extra = NEW_ITEMS * future
    items = {
        "time": np.concatenate([rng.integers(0, 300, 15), np.full(extra, NOW)]),
        "weight": np.concatenate([rng.random(15), np.full(extra, 50.0)]),
        "price": np.concatenate([rng.integers(0, 3, 15), np.full(extra, 1)]),
    }
    return HeteroGraph(SCHEMA, sizes, edges, {"item": items}), canaries


SEEDS = np.array([3, 0, 3, 7, 19, 4])
TIMES = np.array([NOW, NOW, 600, 900, 50, 0])
DRAWN = ["random", "random_without_replacement", "topk", "edge_weight", "in_degree", "latest"]
QUERIES = [
    *(f"user -buys-> item:{count} {by} > user:3 {by}" for by in DRAWN for count in (2, 12)),
    *(f"user > item:4 {by} > factor:2 {by} > item:5 {by}" for by in DRAWN[:-1]),
    "user > item:4 latest > factor:2 > item:5 latest",
    "user > item > factor",
    "user > (item:3 as i > user:4, item:6 without i, user:2 in_degree)",
    "user > item:3 where price = 1 and edge.weight >= 0.3 > user:3 where edge.time > 20",
    *(f"user > not item:5 {by}" for by in ("random", "in_degree", "node_weight")),
    "user > any item:5",
    "-buys- > (target as t, source -buys-> not item:4 like t (price 0.5) unique)",
    "-buys- > (target as t, source -views-> not item:4 in_degree like t shared)",
    "user -trusts-> walk user:6",
    "user -trusts-> walk user:6 p=0.25 q=4",
    "user > item:4 > user:4 induced",
    "-buys- > (target > user:3 latest, source > item:4)",
]


def told(sample: Sample, old: dict[tuple[str, str, str], np.ndarray]) -> list[object]:
    """All that a sample and its views say, edges by what they are called without canaries."""

    def call(key: tuple[str, str, str], numbers: np.ndarray) -> list[int]:
        assert not old[key][numbers].any()
        return (numbers - np.cumsum(old[key])[numbers]).tolist()

    parts: list[object] = [sample.starts.tolist()]
    for kind, nodes in sample.nodes.items():
        parts += [kind, nodes.tolist(), sample.owners[kind].tolist(), sample.ages[kind].tobytes()]
    for key, edges in sample.edges.items():
        assert edges.times is None or edges.times.max(initial=0) < NOW
        parts += [key, edges.rows.tolist(), edges.columns.tolist(), call(key, edges.numbers)]
    for hop, drawn in zip(sample.query.hops, sample.draws, strict=True):
        parts += [drawn.origins.tolist(), drawn.nodes.tolist(), drawn.kinds.tolist()]
        for kind, key in enumerate(() if hop.negative else hop.edges):
            parts.append(call(SCHEMA.edge(key).key, drawn.edges[drawn.kinds == kind]))
    for padding in ("default", "circular"):
        parts += [(hop.nodes.tolist(), hop.mask.tolist()) for hop in sample.ego(padding).hops]  # type: ignore[arg-type]
    parts += [ends.tolist() for ends in sample.subgraph().edge_index.values()]
    parts += [one.rows.tolist() for one in sample.bidirectional(SCHEMA).edges.values()]
    return parts


def without(canaries: dict[tuple[str, str, str], np.ndarray], numbers: np.ndarray) -> np.ndarray:
    """What edges of the graph without canaries are called in the graph with them."""
    return np.flatnonzero(~canaries["user", "buys", "item"])[numbers]


@pytest.mark.parametrize("text", QUERIES)
def test_the_future_changes_nothing(text: str) -> None:
    query = Query.parse(text, SCHEMA)
    answers = []
    for future in (False, True):
        graph, canaries = world(future)
        seeds, times = SEEDS, TIMES
        if "not" in text or "any" in text:
            times = np.maximum(times, 500)
        if query.start.edge:
            buys = world(False)[0].relation(("user", "buys", "item"))
            seeds, times = without(canaries, np.flatnonzero(buys.moments > 400)[::9]), None
        sample = Sampler(graph, query).sample(seeds, times, rng=11)
        assert sum(len(drawn.nodes) for drawn in sample.draws) > 8
        answers.append(told(sample, canaries))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("text", [text for text in QUERIES if text[0] != "-"])
def test_once_it_is_past_it_changes_something(text: str) -> None:
    """The canaries could be seen: otherwise the test above would prove nothing."""
    query = Query.parse(text, SCHEMA)
    drawn = [
        Sampler(world(future)[0], query).sample(SEEDS, NOW + 9, rng=11).draws
        for future in (False, True)
    ]
    assert any(
        len(a.nodes) != len(b.nodes) or (a.nodes != b.nodes).any()
        for a, b in zip(*drawn, strict=True)
    )


def test_a_walk_by_weight_does_not_see_the_future() -> None:
    query = Query.parse("user -trusts-> walk user:6 p=0.5 q=2", SCHEMA)
    query = replace(query, hops=(replace(query.hops[0], by="edge_weight"),))
    answers = [
        told(Sampler(graph, query).sample(SEEDS, TIMES, rng=1), canaries)
        for graph, canaries in map(world, (False, True))
    ]
    assert answers[0] == answers[1]
