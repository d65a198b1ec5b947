"""Engagement Recall: by hand, against a plain loop, and that nothing held out leads anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from scipy import stats
from small_worlds import dataset_of

from data.dataset import Histories
from data.domains import Domains
from data.errors import DataError
from data.relation import offsets_of
from data.split import leave_one_out
from graph import EdgeType, HeteroGraph, NodeType, Query, Sampler, Schema
from recommend.judge.engagement import (
    ROUTES,
    Cut,
    Engagement,
    compare_recalls,
    measure_by_scores,
    measure_engagement,
)
from recommend.judge.evaluate import append, histories_before
from recommend.retrieval.alike import nearest_graph, similar, unit
from recommend.settings.routes import RoutesConfig

ONE = Domains(("items",), np.zeros(6, dtype=np.int64))


def histories_of(sequences: Sequence[Sequence[int]]) -> Histories:
    users = np.repeat(np.arange(len(sequences)), [len(one) for one in sequences])
    items = np.array([item for one in sequences for item in one], dtype=np.int32)
    return Histories(offsets_of(users, len(sequences)), items, np.arange(len(items)))


def ranks_of(found: Engagement, route: str) -> dict[int, float]:
    return dict(found.per_user.filter(route=route).select("user", "rank").iter_rows())


def measured(users, items, training, valid, true, domains=ONE, **own) -> Engagement:
    past = histories_of(training)
    before = append(past, np.array(valid))
    vectors = np.array(users, np.float32), np.array(items, np.float32)
    config = RoutesConfig(**own)
    return measure_engagement(vectors, past, before, np.array(true), domains, config)


def expected_rank(scores: dict[int, float], true: int) -> float:
    """Mean rank of an item among those that are found; 0 where it is not."""
    if true not in scores:
        return 0
    above = sum(one > scores[true] for one in scores.values())
    equal = sum(one == scores[true] for one in scores.values())
    return above + (equal + 1) / 2


def by_loops(users, items, training, before, true, domains, config) -> pl.DataFrame:
    """The definition, one user and one item at a time, in float64."""
    users, items = (np.asarray(one, dtype=np.float64) for one in (users, items))

    def cosine(one, other):
        lengths = np.linalg.norm(one) * np.linalg.norm(other)
        return float(one @ other / lengths) if lengths else 0.0

    def best(numbers, of, vectors, k):
        near = [(cosine(vectors[of], vectors[n]), n) for n in numbers if n != of]
        return {n: c for c, n in sorted(near, reverse=True)[:k] if c > 0}

    rows = []
    for user in range(len(users)):
        domain = domains.of_item[true[user]]
        inside = np.flatnonzero(domains.of_item == domain).tolist()
        left_out = set(before.of(user).tolist()) - {true[user]}
        allowed = [item for item in inside if item not in left_out]
        past = training.of(user).tolist()
        scores: dict[str, dict[int, float]] = {route: {} for route in ROUTES}
        scores["u2i"] = {item: float(users[user] @ items[item]) for item in allowed}
        for other, weight in best(range(len(users)), user, users, config.neighbours).items():
            for item in set(training.of(other).tolist()) & set(allowed):
                scores["u2u2i"][item] = scores["u2u2i"].get(item, 0) + weight
        latest = list(dict.fromkeys(reversed(past)))[: config.last]
        for one in latest:
            for item, weight in best(inside, one, items, config.similar).items():
                if item in allowed:
                    already = scores["i2i"].get(item, 0)
                    pooled = already + weight if config.pool == "sum" else max(already, weight)
                    scores["i2i"][item] = pooled
        had = sum(domains.of_item[item] == domain for item in past)
        for route in sorted(ROUTES):
            rank = expected_rank(scores[route], true[user])
            rows.append((user, domains.names[domain], had, route, rank))
    return pl.DataFrame(rows, schema=["user", "domain", "had", "route", "rank"], orient="row")


class TestByHand:
    users = ((1, 0), (1, 0.1), (0, 1))
    items = ((3, 0), (2, 0), (1, 0), (0, 1), (0, 2), (0, 3))
    training = ((0,), (0, 2), (4, 5))

    def test_products_of_vectors(self):
        """User 0 has products 3 2 1 0 0 0; without items 0 and 1, item 2 is first, 3 ties."""
        found = measured(self.users, self.items, self.training, [1, 1, 5], [2, 3, 3])
        assert ranks_of(found, "u2i") == {0: 1, 1: 3, 2: 1 + 0}
        found = measured(self.users, self.items, self.training, [1, 1, 5], [3, 3, 3])
        assert ranks_of(found, "u2i")[0] == 3, "ranks 2, 3, 4 of three equals"

    def test_neighbours(self):
        """Of the one most similar to user 0, item 0 is had, and item 2 is found."""
        found = measured(self.users, self.items, self.training, [1, 1, 3], [2, 3, 0], neighbours=1)
        # User 2's nearest is user 1 (cosine 0.0995), who had items 0 and 2 alike: ranks 1, 2.
        assert ranks_of(found, "u2u2i") == {0: 1, 1: 0, 2: 1.5}

    def test_last_items(self):
        """Item 0 is like 1 and 2, all at cosine 1; 1 is left out, for it was had in validation."""
        found = measured(self.users, self.items, self.training, [1, 1, 3], [2, 3, 0], last=1)
        assert ranks_of(found, "i2i") == {0: 1, 1: 0, 2: 0}

    def test_had_and_domain_are_of_the_true_item(self):
        domains = Domains(("left", "right"), np.array([0, 0, 0, 1, 1, 1]))
        found = measured(self.users, self.items, self.training, [1, 1, 3], [2, 3, 0], domains)
        rows = found.per_user.filter(route="u2i")
        assert rows["domain"].to_list() == ["left", "right", "left"]
        assert rows["had"].to_list() == [1, 0, 0]
        assert ranks_of(found, "u2i") == {0: 1, 1: 3, 2: 2}, "among the domain's items alone"
        assert found.recall(1, "u2i", "left") == 0.5 and found.recall(3, "u2i", "right") == 1
        assert found.recall(2, "u2i", had=(0, 0)) == 0.5
        assert found.recall(1, "u2i", had=(1, None)) == 1
        assert np.isnan(found.recall(1, "u2i", had=(7, 9)))
        assert found.hits(1, "u2i").rows() == [(0, 1.0), (1, 0.0), (2, 0.0)]


@pytest.mark.parametrize("pool", ["sum", "max"])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_plain_loops_find(pool, seed):
    rng = np.random.default_rng(seed)
    users, items = rng.normal(size=(30, 4)), rng.normal(size=(20, 4))
    training = histories_of([rng.integers(20, size=1 + n % 9).tolist() for n in range(30)])
    before = append(training, rng.integers(20, size=30))
    true = rng.integers(20, size=30)
    domains = Domains(("a", "b", "c"), np.repeat([0, 1, 2], [11, 8, 1]))
    config = RoutesConfig(neighbours=4, last=3, similar=5, pool=pool)
    vectors = users.astype(np.float32), items.astype(np.float32)
    found = measure_engagement(vectors, training, before, true, domains, config).per_user
    wanted = by_loops(users, items, training, before, true, domains, config)
    assert found.select("user", "domain", "route").equals(wanted.select("user", "domain", "route"))
    assert found["had"].to_list() == wanted["had"].to_list()
    assert found["rank"].to_list() == wanted["rank"].to_list()


def test_scores_that_are_products_rank_as_their_vectors_do():
    rng = np.random.default_rng(5)
    users, items = (rng.integers(-2, 3, (n, 3)).astype(np.float32) for n in (7, 12))
    domains = Domains(("a", "b"), rng.integers(0, 2, 12))
    training = [rng.permutation(12)[: 2 + user % 3].tolist() for user in range(7)]
    past = histories_of(training)
    before, true = append(past, rng.integers(0, 12, 7)), rng.integers(0, 12, 7)
    seen: list[Histories] = []

    class Products:
        def scores(self, asked):
            seen.append(asked.histories)
            for some in np.array_split(asked.users, 3):
                yield some, torch.from_numpy(users[some] @ items.T)

    found = measure_by_scores(Products(), past, before, true, domains)
    expected = measure_engagement((users, items), past, before, true, domains)
    assert found.per_user.equals(expected.per_user.filter(route="u2i")) and found.routes == ("u2i",)
    assert seen == [past], "it is asked what follows training alone"
    assert expected.routes == ROUTES


class TestNothingHeldOutLeadsAnywhere:
    sequences = ((0, 1, 2, 3, 4), (1, 2, 3, 0, 5), (5, 4, 3, 2, 1), (0, 2, 4, 5, 3))
    vectors = (
        np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32),
        np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32),
    )

    def found(self, sequences):
        data = dataset_of(sequences, 6)
        split = leave_one_out(data)
        training, before = split.histories(data), histories_before(data, split, "test")
        true = split.targets(data, "test")
        return measure_engagement(self.vectors, training, before, true, ONE).per_user

    @pytest.mark.parametrize("user", range(4))
    def test_what_others_held_out_moves_no_rank(self, user):
        """The validation and test items of one user are changed: all others' ranks stay."""
        changed = [list(one) for one in self.sequences]
        changed[user][-2:] = changed[user][-2:][::-1]
        others = pl.col("user") != user
        assert self.found(self.sequences).filter(others).equals(self.found(changed).filter(others))

    def test_a_validation_item_is_left_out_and_else_nothing(self):
        """For user 0, with another validation item, ranks differ by the two that changed places."""
        sequences = [list(one) for one in self.sequences]
        sequences[0][3] = 5  # 3 was left out, and 5 is now
        one, other = self.found(self.sequences), self.found(sequences)
        scores = self.vectors[0][0] @ self.vectors[1].T
        gained, lost = scores[3] > scores[4], scores[5] > scores[4]
        ranks = [of.filter(user=0, route="u2i")["rank"][0] for of in (one, other)]
        assert ranks[1] - ranks[0] == int(gained) - int(lost)


class TestHostileVectors:
    def test_a_user_of_length_0_is_like_nobody_and_ranks_all_alike(self):
        found = measured(
            [[0, 0], [1, 0], [1, 0]], np.eye(6)[:, :2], [[0], [1], [2]], [5] * 3, [3] * 3
        )
        assert ranks_of(found, "u2u2i")[0] == 0
        assert ranks_of(found, "u2i")[0] == 2.5, "items 1, 2, 3 and 4 are equal"

    def test_items_of_length_0_are_near_none(self):
        found = measured(np.ones((1, 2)), np.zeros((6, 2)), [[0, 1]], [2], [3])
        assert ranks_of(found, "i2i") == {0: 0} and ranks_of(found, "u2i") == {0: 2}

    def test_a_domain_of_one_item(self):
        domains = Domains(("one", "rest"), np.array([1, 1, 1, 1, 1, 0]))
        found = measured(np.ones((2, 2)), -np.ones((6, 2)), [[0], [5]], [1, 1], [5, 2], domains)
        assert ranks_of(found, "u2i")[0] == 1 and ranks_of(found, "i2i")[0] == 1
        assert ranks_of(found, "u2u2i") == {0: 1, 1: 0}, "user 1 had item 5, user 0 nothing of it"

    def test_a_domain_without_a_true_item(self):
        domains = Domains(("one", "rest"), np.array([1, 1, 1, 1, 1, 0]))
        found = measured(np.ones((2, 2)), np.ones((6, 2)), [[0], [0]], [1, 1], [2, 2], domains)
        assert np.isnan(found.recall(9, "u2i", "one")) and found.recall(9, "u2i", "rest") == 1

    def test_a_true_item_that_was_had_before_is_ranked_all_the_same(self):
        found = measured(np.ones((1, 2)), np.eye(6)[:, :2], [[0, 1]], [2], [0])
        assert ranks_of(found, "u2i") == {0: 1}, "item 1 is equal, and left out"

    def test_someone_without_training_is_found_nothing_by_items(self):
        found = measured(np.ones((2, 2)), np.ones((6, 2)), [[], [3]], [1, 1], [3, 2])
        assert ranks_of(found, "i2i")[0] == 0 and ranks_of(found, "u2u2i")[0] == 1

    def test_no_number_is_an_error(self):
        with pytest.raises(DataError, match="not finite"):
            measured(np.full((1, 2), np.nan), np.ones((6, 2)), [[0]], [1], [2])


class TestComparing:
    def table(self, ranks: list[float], had: int = 1) -> Engagement:
        users = np.arange(len(ranks), dtype=np.int32)
        table = pl.DataFrame({"user": users, "rank": np.array(ranks, dtype=np.float64)})
        told = (
            pl.lit("items").alias("domain"),
            pl.lit(had).alias("had"),
            pl.lit("u2i").alias("route"),
        )
        return Engagement(table.with_columns(*told), {"domains": {"items": 9}})

    def test_by_hand(self):
        """Hits at 10: 1 1 0 0 1 and 1 0 0 0 0; then 1 1 0 1 0 and 0 0 0 0 0."""
        ours = {0: self.table([1, 2, 0, 11, 10]), 1: self.table([3, 4, 0, 5, 0])}
        theirs = {0: self.table([1, 20, 0, 0, 12]), 1: self.table([11, 12, 0, 0, 0]), 7: None}
        (row,) = compare_recalls(ours, theirs, 10, [Cut()]).iter_rows(named=True)
        gap = np.array([0.5, 1, 0, 0.5, 0.5])
        assert row["ours"] == pytest.approx(0.6) and row["theirs"] == pytest.approx(0.1)
        assert row["ratio"] == pytest.approx(6) and row["users"] == 5
        assert row["difference"] == pytest.approx(gap.mean())
        test = stats.ttest_1samp(gap, 0)
        assert row["p"] == pytest.approx(test.pvalue) == row["p_holm"]
        low, high = test.confidence_interval(0.95)
        assert (row["low"], row["high"]) == pytest.approx((low, high))

    def test_holm_is_over_cuts_and_nobody_is_no_evidence(self):
        ours, theirs = self.table([1] * 9 + [0]), self.table([0, 1] * 5)
        cuts = [Cut(), Cut(domain="items"), Cut(had=(0, 0))]
        found = compare_recalls({0: ours}, {0: theirs}, 10, cuts)
        p = found["p"].to_list()
        assert p[2] is None and found["users"].to_list() == [10, 10, 0]
        assert found["p_holm"].to_list() == [pytest.approx(2 * p[0])] * 2 + [None]
        none = compare_recalls({0: ours}, {0: self.table([0] * 10)}, 10, [Cut()])
        assert none["ratio"].to_list() == [None]

    def test_others_are_refused(self):
        one = self.table([1, 2])
        with pytest.raises(DataError, match="no"):
            compare_recalls({0: one}, {1: one}, 10, [Cut()])
        with pytest.raises(DataError, match="same users"):
            compare_recalls({0: one}, {0: self.table([1, 2], had=2)}, 10, [Cut()])
        with pytest.raises(DataError, match="There is no route 'i2u'"):
            one.recall(1, "i2u")


def test_it_is_stored(tmp_path: Path):
    found = measured(np.ones((2, 2)), np.ones((6, 2)), [[0], [3]], [1, 1], [3, 2])
    found.save(tmp_path)
    again = Engagement.load(tmp_path)
    assert again.per_user.equals(found.per_user) and again.about == found.about
    assert (tmp_path / "engagement.parquet").exists()


class TestGraphsOfWhatIsAlike:
    def test_against_all_cosines(self):
        vectors = np.random.default_rng(0).normal(size=(40, 5))
        cosines = unit(vectors) @ unit(vectors).T
        np.fill_diagonal(cosines, -1)
        edges = nearest_graph(vectors, 7)
        for one in range(40):
            order = [n for n in np.argsort(-cosines[one])[:7] if cosines[one][n] > 0]
            assert edges.of(one).tolist() == order
            numbers, found = similar(vectors, one, 7)
            assert numbers.tolist() == order and found == pytest.approx(cosines[one][order])
        assert edges.weights == pytest.approx(cosines[edges.sources, edges.targets], abs=1e-6)

    def test_equals_are_edges_of_each_other_and_nobody_of_itself(self):
        edges = nearest_graph(np.ones((5, 2)), 2)
        assert edges.degrees.tolist() == [2] * 5
        assert not (edges.sources == edges.targets).any()

    def test_only_some_may_be_led_to(self):
        edges = nearest_graph(np.ones((5, 2)), 3, among=np.array([1, 4]))
        assert [sorted(edges.of(n)) for n in range(5)] == [[1, 4], [4], [1, 4], [1, 4], [1]]
        assert edges.n_targets == 5
        assert not len(nearest_graph(np.ones((5, 2)), 3, among=np.array([], int)).targets)

    def test_a_typed_graph_walks_over_them(self):
        edges = nearest_graph(np.array([[1, 0], [1, 0.1], [0, 1]]), 1)
        like = EdgeType("item", "like", "item")
        schema = Schema((NodeType("item"),), (like,))
        graph = HeteroGraph(schema, {"item": 3}, {like.key: edges})
        assert graph.relation(like.key).of(2).tolist() == [1]
        query = Query.parse("item > item:1 topk", schema)
        drawn = Sampler(graph, query).sample(np.array([2]))
        assert drawn.nodes["item"].tolist() == [2, 1]
