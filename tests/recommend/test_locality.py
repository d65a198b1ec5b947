"""How near true items are: by hand, against shortest paths, and against what samples hold."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import polars as pl
import pytest
import torch
from small_worlds import checkerboard, enliven, graph_of, sources_of

from data.dataset import Histories
from data.relation import Relation
from data.split import leave_one_out
from graph import EdgeType, HeteroGraph, NodeType, Schema
from recommend.context.locality import (
    HOPS,
    Closeness,
    Locality,
    closeness,
    locality,
    measure_locality,
    reach,
    walkable,
)
from recommend.context.recommender import ContextGnn
from recommend.judge.evaluate import histories_before
from recommend.protocols import Asked, World
from recommend.settings import PLAIN, ModelConfig, TrainConfig

BOARD = checkerboard()
SPLIT = leave_one_out(BOARD)
PAST = SPLIT.histories(BOARD)
TEST = Relation.between(np.arange(24), SPLIT.targets(BOARD, "test"), 24, 12)


def fresh(**own: object) -> ContextGnn:
    config = ModelConfig.model_validate(
        {
            "backbone": {"name": "contextgnn", **own},
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )
    torch.manual_seed(0)
    made = ContextGnn.of(config, World(BOARD, PAST, sources_of(BOARD, graph_of(BOARD)), TRAINING))
    enliven(made.network)
    return made


TRAINING = TrainConfig(epochs=1, batch_size=8)
HAD = Relation.between(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 3]), 3, 6)
TRUE = Relation.between(np.array([0, 0, 0, 1, 2]), np.array([0, 2, 4, 0, 5]), 3, 6)


class TestTheScore:
    def test_by_hand(self):
        """C3: user 0 had 0 1, user 1 had 1 2, user 2 had 3; who will have what is in `TRUE`."""
        graph = walkable(HAD, {})
        # user 0 has 0 at one edge and 2 at three, of three; user 1 has 0 at three, of one
        s = [(1 / 3 + 0 + 0) / 3, (1 / 3) / 3, (2 / 3 + 1 + 0) / 3, (2 / 3 + 1 + 0) / 3]
        assert locality(graph, TRUE, 4).tolist() == pytest.approx(s)
        assert locality(graph, TRUE, 1, np.array([0])).tolist() == pytest.approx([1 / 3])
        assert locality(graph, Relation.between(*np.zeros((2, 0), int), 3, 6), 2).tolist() == [0, 0]
        kinds = np.array([[0], [1], [2], [3], [4], [3]])
        wide = walkable(HAD, {"item": (kinds, 5)})
        assert locality(wide, TRUE, 3)[2] == pytest.approx((2 / 3 + 1 + 1) / 3), "5 is like 3"
        alike = walkable(HAD, {"user": (np.array([[0], [1], [0]]), 2)})
        found = reach(alike, TRUE, 3, np.array([2]))
        assert found.items.tolist() == [[1, 1, 3]], "2 is like 0, who had 0 and 1"

    def test_what_was_had_besides_is_near_oneself_alone(self):
        """User 2 had 2 as well: one edge for user 2, and no way to 3 for those who had 2."""
        graph = walkable(HAD, {})
        had = Relation.between(np.array([2]), np.array([2]), 3, 6)
        users = np.arange(3)
        before, after = reach(graph, TRUE, 4, users), reach(graph, TRUE, 4, users, had)
        assert before.items[:2].tolist() == after.items[:2].tolist() == [[2, 2, 3, 3]] * 2
        # 3 and 2, then over user 1 to 1 and 2; user 0 comes at four edges
        assert after.items[2].tolist() == [2, 2, 3, 3]
        assert before.items[2].tolist() == [1, 1, 1, 1]

    @pytest.mark.parametrize("sides", [(), ("item",), ("item", "user")])
    def test_it_is_the_length_of_shortest_paths(self, sides):
        """Against NetworkX, on more users than a block holds."""
        rng = np.random.default_rng(len(sides))
        n_users, n_items = 90, 70
        had = Relation.between(
            *np.unique(rng.integers((n_users, n_items), size=(140, 2)), axis=0).T, n_users, n_items
        )
        true = Relation.between(
            *np.unique(rng.integers((n_users, n_items), size=(200, 2)), axis=0).T, n_users, n_items
        )
        size = {"user": n_users, "item": n_items}
        factors = {side: (rng.integers(0, 30, (size[side], 2)), 30) for side in sides}
        plain = nx.Graph()
        pairs = zip(had.sources, had.targets, strict=True)
        plain.add_edges_from((("user", u), ("item", i)) for u, i in pairs)
        plain.add_nodes_from(("user", u) for u in range(n_users))
        for side, (of, _) in factors.items():
            pairs = ((e, f) for e, row in enumerate(of) for f in row)
            plain.add_edges_from(((side, e), (f"{side}_factor", f)) for e, f in pairs)
        users = np.flatnonzero(true.degrees)
        expected, near = np.zeros((len(users), 5)), np.zeros((len(users), 5))
        for row, user in enumerate(users):
            steps = nx.single_source_shortest_path_length(plain, ("user", user))
            items = {number: at for (kind, number), at in steps.items() if kind == "item"}
            for k in range(5):
                expected[row, k] = np.mean([items.get(i, 9) <= k + 1 for i in true.of(user)])
                near[row, k] = sum(at <= k + 1 for at in items.values())
        found = reach(walkable(had, factors), true, 5, users)
        np.testing.assert_allclose(found.shares, expected)
        np.testing.assert_array_equal(found.items, near)
        assert 0 < found.shares[:, 2].mean() < found.shares[:, 4].mean() < 1


class TestWhatAnEvaluationSees:
    def test_histories_hold_validation_and_edges_do_not(self):
        """Users 0 and 1 have 0 1 and 1 2 in training; the valid items are 3 and 0, the test's 4 5.

        Item 0 is near user 1 for the history, item 3 is not near anybody but user 0.
        """
        training = Histories(np.array([0, 2, 4]), np.array([0, 1, 1, 2]), np.zeros(4, np.int64))
        before = Histories(np.array([0, 3, 6]), np.array([0, 1, 3, 1, 2, 1]), np.zeros(6, np.int64))
        true = Relation.between(np.array([0, 1]), np.array([2, 3]), 2, 6)
        found = measure_locality(training, before, true, None)
        assert found.scores["way"].to_list() == ["interactions"] * HOPS
        assert found.scores["score"].to_list() == [0, 0, 0.5, 0.5], "3 was had in validation alone"
        assert found.per_user.filter(k=3)["near"].to_list() == [4, 3]
        assert found.per_user.filter(k=1)["history"].to_list() == [3, 3]
        assert found.per_user.filter(k=1)["repeats"].to_list() == [False, True]

    def test_more_ways_reach_more(self, tmp_path: Path):
        before = histories_before(BOARD, SPLIT, "test")
        found = measure_locality(PAST, before, TEST, graph_of(BOARD))
        table = found.scores.pivot("way", index="k", values="score")
        assert found.scores.height == 3 * HOPS
        assert (table["item_factors"] >= table["interactions"]).all()
        assert (table["all_factors"] >= table["item_factors"]).all()
        assert table["interactions"].to_list() == sorted(table["interactions"])
        near = found.scores.filter(pl.col("near").is_between(0, 1, "right"))
        assert near.height == found.scores.height
        found.save(tmp_path)
        assert Locality.load(tmp_path).per_user.equals(found.per_user)
        assert Locality.load(tmp_path).n_items == 12


class TestSamples:
    def test_a_sample_of_everything_covers_what_is_near(self, tmp_path: Path):
        """The share that a wide sample covers is s_3; with one true item the bound is the same."""
        made = fresh(neighbours=64, draws="spread")
        found = closeness(made, PAST, np.arange(24), TEST, (), 5)
        edges = Relation(PAST.offsets, PAST.items, 12)
        assert found.mean("covered") == pytest.approx(locality(walkable(edges, {}), TEST, 3)[2])
        near = reach(walkable(edges, {}), TEST, 3, np.arange(24)).items[:, 2]
        assert found.per_user["near"].to_list() == near.tolist()
        assert found.mean("bound") == found.mean("covered")
        assert 0 < found.mean("of_list") <= 1
        assert found.about["meeting"] == "offset"
        found.save(tmp_path)
        assert Closeness.load(tmp_path).per_user.equals(found.per_user)

    def test_what_was_had_is_in_no_list(self):
        had = Relation(PAST.offsets, PAST.items, 12)
        tower = closeness(fresh(neighbours=1, hops=1), PAST, np.arange(24), TEST, (had,), 5)
        assert tower.mean("of_list") == 0 and tower.mean("near") == 0, "all that is near was had"

    def test_lists_are_those_of_all_scores(self):
        """Share of a list that is near, with lists and samples put together again one by one."""
        made = fresh(neighbours=2)
        had = Relation(PAST.offsets, PAST.items, 12)
        found = closeness(made, PAST, np.arange(24), TEST, (had,), 3).per_user
        made.network.eval()
        with torch.inference_mode():
            ((_, scores),) = made.scores(Asked(PAST, np.arange(24)))
        ((_, near),) = made.surroundings(PAST, np.arange(24))
        for user in range(24):
            inside = {int(i) for i in near.items[near.owners == user]}
            order = scores[user].argsort(descending=True).tolist()
            shown = [i for i in order if i not in had.of(user)][:3]
            assert found["of_list"][user] == pytest.approx(np.mean([i in inside for i in shown]))
            assert found["near"][user] == len(inside - set(had.of(user).tolist()))

    def test_several_true_items_bound_a_list_by_its_length(self):
        """All of 3 covered, but a list of 2 holds 2 of 3."""
        true = Relation.between(np.zeros(3, int), PAST.of(0)[:3], 24, 12)
        found = closeness(fresh(neighbours=64), PAST, np.arange(24), true, (), 2)
        assert found.per_user["user"].to_list() == [0] and found.mean("covered") == 1
        assert found.mean("bound") == pytest.approx(2 / 3)

    def test_the_gate_is_a_share_and_the_offset_a_number(self):
        """As the network itself says."""
        for meeting in ("gate", "offset"):
            made = fresh(meeting=meeting)
            found = closeness(made, PAST, np.arange(24), TEST, (), 5).per_user["gate"]
            ((_, near),) = made.surroundings(PAST, np.arange(24))
            with torch.inference_mode():
                own = made.network.meeting(made.network.read(near, made.network.item_vectors())[0])
            expected = own[:, 0].sigmoid() if meeting == "gate" else own[:, 0]
            np.testing.assert_allclose(found.to_numpy(), expected.numpy(), rtol=1e-5)
        alone = closeness(fresh(parts="tower"), PAST, np.arange(24), TEST, (), 5)
        assert alone.mean("gate") is None and alone.about["meeting"] is None


def test_any_schema_can_be_walked():
    """A relation of its own kind counts as an edge, both ways."""
    schema = Schema((NodeType("user"), NodeType("item")), (EdgeType("user", "had", "item"),))
    graph = HeteroGraph(schema, {"user": 3, "item": 6}, {("user", "had", "item"): HAD})
    kinds = Relation.between(np.array([3, 5]), np.array([0, 0]), 6, 1)
    wide = graph.extend({EdgeType("item", "is", "kind"): kinds}, {NodeType("kind"): 1})
    assert locality(wide, TRUE, 3)[2] == pytest.approx((2 / 3 + 1 + 1) / 3)
