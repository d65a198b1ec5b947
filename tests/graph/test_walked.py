"""What a query finds, as a person looks at it: rows, what each hop did, limits."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from data.errors import ConfigError
from data.relation import Relation
from graph.explore import walked
from graph.explore.atlas import Atlas
from graph.explore.walked import DRAWS, SEEDS, walk
from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.schema import EdgeType, NodeType, Schema

SHOP = Schema(
    (NodeType("user"), NodeType("item"), NodeType("genre", groups="item")),
    (EdgeType("user", "buys", "item", timed=True), EdgeType("item", "is", "genre")),
)
DAY = 86400
YEAR = 1_703_980_800
"""The second at which the last day of 2023 begins."""


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    """User 0 bought items 0, 1, 2 on days 1, 2, 3; user 1 item 2 on day 9; user 2 nothing."""
    buys = np.array([[0, 0, 0, 1], [0, 1, 2, 2]])
    times = YEAR + np.array([1, 2, 3, 9]) * DAY
    kinds = np.array([[0, 1, 2, 2], [0, 0, 0, 1]])
    graph = HeteroGraph(
        SHOP,
        {"user": 3, "item": 3, "genre": 2},
        {
            ("user", "buys", "item"): Relation.between(*buys, 3, 3, times=times),
            ("item", "is", "genre"): Relation.between(*kinds, 3, 2),
        },
        {
            "user": {"label": ("Ann", "Bob", "Cyd")},
            "item": {"label": ("Tea", "Jam", "Rye")},
            "genre": {"label": ("food", "grain")},
        },
    )
    return Atlas.of(graph)


def found(atlas: Atlas, text: str, seeds: object = (0, 1, 2), **more: int):
    return walk(atlas, Query.parse(text, SHOP), seeds, **more)


def test_a_row_is_a_walk_with_names_and_moments(atlas):
    walked = found(atlas, "user as who > item:2 latest > genre")
    assert walked.leaves == (2,) and walked.branch(2) == "who > item > genre"
    expected = [
        ("Ann", "Rye", datetime(2024, 1, 3), "food"),
        ("Ann", "Rye", datetime(2024, 1, 3), "grain"),
        ("Ann", "Jam", datetime(2024, 1, 2), "food"),
        ("Bob", "Rye", datetime(2024, 1, 9), "food"),
        ("Bob", "Rye", datetime(2024, 1, 9), "grain"),
    ]
    table = walked.table(2)
    assert table.columns == ["who", "item", "item, at", "genre"]
    assert table.rows() == expected and walked.size(2) == 5
    assert walked.table(2, 2).equals(table.head(2))


def test_what_a_hop_saw_and_drew(atlas):
    steps = found(atlas, "user > (item:2 latest > genre, not item:1)", [1, 2]).steps
    assert [(s.origins, s.seen, s.drawn) for s in steps] == [(2, 1, 1), (1, 2, 2), (2, None, 2)]
    assert "2 items, the latest first" in steps[0].says
    assert steps[1].distinct == 2
    assert all(step.seconds >= 0 for step in steps)


def test_nothing_as_young_as_the_moment_is_seen(atlas):
    walked = found(atlas, "user > item:9 latest", at=YEAR + 3 * DAY)
    assert walked.table(1)["item"].to_list() == ["Jam", "Tea"]
    assert walked.steps[0].seen == 2
    assert found(atlas, "user > item:9 latest", at=YEAR + DAY).table(1).is_empty()


def test_branches_have_a_table_each_and_columns_of_a_name_are_numbered(atlas):
    walked = found(atlas, "user > (item:1 latest > user, item)", [1])
    assert [walked.branch(leaf) for leaf in walked.leaves] == ["user > item > user", "user > item"]
    first, second = (walked.table(leaf) for leaf in walked.leaves)
    assert first.columns == ["user", "item", "item, at", "user 2", "user 2, at"]
    assert set(first["user 2"]) == {"Ann", "Bob"}
    assert second.select("user", pl.nth(1)).rows() == [("Bob", "Rye")]


def test_seeds_may_be_edges(atlas):
    walked = found(atlas, "-buys- > (source, target)", [0, 3])
    assert [walked.table(leaf).rows() for leaf in walked.leaves] == [
        [("Ann", "Ann"), ("Bob", "Bob")],
        [("Ann", "Tea"), ("Bob", "Rye")],
    ]
    assert {kind for kind, _ in walked.picture.subgraph.nodes} == {"user", "item"}


def test_a_query_without_hops_lists_its_seeds(atlas):
    walked = found(atlas, "user", [2, 0])
    assert walked.leaves == (0,) and walked.table(0)["user"].to_list() == ["Cyd", "Ann"]
    assert walked.sketch.nodes == (("user", 2), ("user", 0)) and walked.steps == ()
    assert walked.distinct == 2


def test_what_leads_too_far_is_refused(atlas):
    with pytest.raises(ConfigError, match=f"left of the {DRAWS:,} that are drawn"):
        found(atlas, "user > item:100000 > user:10")
    with pytest.raises(ConfigError, match=f"from {SEEDS:,} at most"):
        found(atlas, "user > item", np.zeros(SEEDS + 1, dtype=np.int64))


def test_hops_share_what_may_be_drawn(atlas, monkeypatch):
    chain = "user > item:100 random" + ", item:100 random" * 3
    text = chain.replace(" > ", " > (") + ")"
    assert found(atlas, text, [0, 1, 2]).size(1) == 200
    monkeypatch.setattr("graph.explore.walked.DRAWS", 700)
    with pytest.raises(ConfigError, match=r"draws up to 300 from 3 nodes, and 100 are left of"):
        found(atlas, text, [0, 1, 2])
    monkeypatch.setattr("graph.explore.walked.DRAWS", 11)
    with pytest.raises(ConfigError, match="at most 1 are expanded"):
        found(atlas, "user > item > user > item")
    monkeypatch.setattr("graph.explore.walked.DRAWS", 12)
    walked = found(atlas, "user -buys-> item as i > (source, target)")
    assert [len(draws.nodes) for draws in walked.draws] == [4, 4, 4]
    monkeypatch.setattr("graph.explore.walked.DRAWS", 11)
    with pytest.raises(ConfigError, match="at most 3 are expanded"):
        found(atlas, "user -buys-> item as i > (source, target)")


def test_a_walk_ends_at_its_time_and_few_run_at_once(atlas, monkeypatch):
    monkeypatch.setattr("graph.explore.walked.SECONDS", -1.0)
    with pytest.raises(ConfigError, match="seconds before its hop 1, to item"):
        found(atlas, "user > item")
    monkeypatch.undo()
    monkeypatch.setattr("graph.explore.walked.TURN", 0.05)
    with walked._TURNS, walked._TURNS, pytest.raises(ConfigError, match="Others ask"):
        found(atlas, "user > item")
    assert found(atlas, "user > item").size(1) == 4


def test_what_is_kept_of_a_walk_is_no_sample(atlas):
    import gc

    from graph.sample.sample import Sample
    from graph.sample.sampler import Sampler

    kept = found(atlas, "user > item")
    gc.collect()
    seen, told = [kept], set()
    while seen:
        one = seen.pop()
        if id(one) in told or one is atlas or isinstance(one, type):
            continue
        told.add(id(one))
        assert not isinstance(one, (Sample, Sampler))
        seen += [other for other in gc.get_referents(one) if not callable(other)]


def test_parts_of_a_picture_stand_beside_each_other(atlas):
    alone = found(atlas, "user > item:9 latest", [0, 1, 2], at=YEAR + 4 * DAY).picture
    nodes, places = alone.subgraph.nodes, alone.places
    assert {*nodes} == {("user", n) for n in range(3)} | {("item", n) for n in range(3)}
    parts = [{("user", 0), ("item", 0), ("item", 1), ("item", 2)}, {("user", 1)}, {("user", 2)}]
    boxes = []
    for part in parts:
        at = np.array([places[node] for node in part])
        boxes.append((at.min(0) - 0.5, at.max(0) + 0.5))
    for one, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[:one]:
            assert (other_high < low).any() or (high < other_low).any(), "they overlap"
    spread = np.ptp(np.array(list(places.values())), axis=0)
    assert (spread < 8).all(), "they are not far apart"


def test_times_that_only_count_steps_are_no_dates(atlas):
    edges = {
        ("user", "buys", "item"): Relation.between(
            np.zeros(2, dtype=int), np.arange(2), 3, 3, np.array([4, 8])
        ),
        ("item", "is", "genre"): atlas.graph.edges["item", "is", "genre"],
    }
    graph = HeteroGraph(SHOP, atlas.graph.sizes, edges, atlas.graph.attributes)
    assert atlas.graph.clock and not graph.clock
    table = found(Atlas.of(graph), "user:1 > item:2 latest").table(1)
    assert table.columns == ["user", "item", "item, step"] and table["item, step"].to_list() == [
        8,
        4,
    ]
    with pytest.raises(ConfigError, match="only count steps; compare with a number"):
        found(Atlas.of(graph), "user > item where edge.time < '2024-01-01'")
