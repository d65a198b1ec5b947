"""Triples of users, tags and movies: how they are divided, and how good a guess is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import mean_absolute_error, roc_auc_score, root_mean_squared_error
from torch import Tensor

from data.columns import ITEM, USER
from data.dataset import Dataset
from data.errors import ConfigError, DataError
from data.log import QUERY, Log
from recommend.zoom.judging import (
    Judged,
    auc,
    errors,
    figures,
    influences,
    judge,
    paired,
    placements,
    platt,
    sigmoid,
)
from recommend.zoom.plain import (
    PLAIN,
    Popular,
    PopularForQuery,
    QueryAndNeighbours,
    near_share,
    shares,
    walked,
)
from recommend.zoom.triples import KINDS, Task, Triples


def tagged(n_users: int = 30, n_items: int = 40, seed: int = 0, many: int = 12) -> Dataset:
    """Users of two tastes give movies of two halves tags of that half, several to some."""
    rng, rows = np.random.default_rng(seed), []
    for user in range(n_users):
        for item in rng.choice(n_items, many, replace=False):
            if item % 2 == user % 2:
                for tag in rng.choice(4, rng.integers(1, 4), replace=False):
                    rows.append((user, tag * 2 + item % 2, item, user * 1000 + int(item)))
    rows.sort(key=lambda row: (row[0], row[3]))
    names = ("user", "query", "item", "time")
    kinds = (pl.Int32, pl.Int32, pl.Int32, pl.Int64)
    table = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    table = table.with_row_index("ask").cast({"ask": pl.Int32})
    words = ["dark red", "bright", "dark", "slow blue", "red", "blue", "slow", "loud"]
    queries = pl.DataFrame({"query_id": words, "text": words})
    items = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(n_items)],
            "genres": [["odd" if n % 2 else "even"] for n in range(n_items)],
        }
    )
    users = pl.DataFrame({"user_id": [f"u{n}" for n in range(n_users)]})
    had = table.unique(["user", "item"], keep="first", maintain_order=True)
    had = had.select("user", "item", "time", pl.lit(1.0).cast(pl.Float32).alias("weight"))
    return Dataset("tagged", users, items, had, log=Log(table, queries))


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.of(tagged())


def pairs(of: Triples) -> set[tuple[int, int]]:
    return set(zip(of.users.tolist(), of.items.tolist(), strict=True))


class TestTask:
    def test_every_triple_is_on_one_side_with_all_of_its_pair(self, task: Task):
        data = tagged()
        assert data.log is not None
        every = data.log.rows.select(USER, QUERY, ITEM).unique().height
        parts = task.train, task.valid, task.test
        assert sum(map(len, parts)) == every
        sides = [pairs(one) for one in parts]
        assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
        whole = len(set.union(*sides))
        assert len(sides[2]) == round(0.2 * whole)
        assert len(sides[1]) == round(0.1 * (whole - len(sides[2])))

    def test_nothing_but_training_is_to_be_seen(self, task: Task):
        world = task.world()
        log = world.dataset.log
        assert log is not None and world.dataset.events is None
        seen = set(map(tuple, log.rows.select(USER, QUERY, ITEM).rows()))
        parts = task.train.users, task.train.queries, task.train.items
        triples = zip(*(one.tolist() for one in parts), strict=True)
        assert seen == set(triples)
        had = set(map(tuple, world.dataset.interactions.select(USER, ITEM).rows()))
        assert had == pairs(task.train)
        assert task.popularity.sum() == len(task.train)

    def test_what_a_test_triple_is_moves_nothing_that_training_sees(self):
        """A canary: another test, the same training."""
        data, task = tagged(), Task.of(tagged())
        assert data.log is not None
        gone = task.test.only(np.arange(len(task.test)) > 5)
        kept = {(u, i) for u, i in pairs(task.test)} - pairs(gone)
        assert kept  # some pairs of the test are taken away, those of training stay
        for one in ("popularity", "had", "led_to", "asked"):
            other = Task(task.dataset, task.train, task.valid, gone)
            mine, theirs = getattr(task, one), getattr(other, one)
            arrays = (mine, theirs) if one == "popularity" else (mine.targets, theirs.targets)
            assert np.array_equal(*arrays)

    def test_it_is_the_same_for_a_seed(self, task: Task):
        again, other = Task.of(tagged()), Task.of(tagged(), seed=1)
        assert np.array_equal(task.test.items, again.test.items)
        assert pairs(task.test) != pairs(other.test)

    @pytest.mark.parametrize("kind", KINDS)
    def test_negatives_are_nothing_that_the_user_had(self, task: Task, kind: str):
        found = task.negatives(task.test, kind, seed=3)
        there = found >= 0
        taken = pairs(task.train) | pairs(task.valid) | pairs(task.test)
        drawn = zip(task.test.users[there].tolist(), found[there].tolist(), strict=True)
        assert there.any() and not set(drawn) & taken
        assert np.array_equal(found, task.negatives(task.test, kind, seed=3))

    def test_those_of_the_tag_are_had_for_it_and_so_is_their_positive(self, task: Task):
        found = task.negatives(task.test, "tag", seed=3)
        there = np.flatnonzero(found >= 0)
        asked = set(zip(task.train.queries.tolist(), task.train.items.tolist(), strict=True))
        for at in there:
            query = int(task.test.queries[at])
            assert (query, int(found[at])) in asked and (query, int(task.test.items[at])) in asked

    def test_training_draws_know_nothing_of_the_test(self, task: Task):
        """An item of the test may be drawn: that it is none is not known in training."""
        drawn = np.concatenate(
            [task.negatives(task.train, "movie", seed, anywhere=False) for seed in range(40)]
        )
        users = np.tile(task.train.users, 40)
        met = set(zip(users.tolist(), drawn.tolist(), strict=True))
        assert met & pairs(task.test) and not met & pairs(task.train)

    def test_training_does_not_draw_what_the_test_has_drawn(self, task: Task):
        parts = task.test, task.train
        test, train = (task.negatives(one, "movie", 0, one is task.test) for one in parts)
        assert np.mean(test == train[: len(test)]) < 0.3  # of the same stream nearly all are

    def test_items_without_end_are_told_apart(self):
        """In a catalogue of millions no triple of the test is taken for one of training."""
        data, item = tagged(), pl.col(ITEM)
        assert data.log is not None
        rows = data.log.rows.with_columns(
            pl.when(item < 20).then(item).otherwise(item - 20 + (1 << 21))
        )
        names = pl.int_range((1 << 21) + 40, eager=True).cast(pl.String)
        items = pl.DataFrame({"item_id": names})
        made = Task.of(replace(data, items=items, log=replace(data.log, rows=rows)))
        log = made.dataset.log
        assert log is not None and log.rows.height == len(made.train)

    def test_data_without_a_log_are_refused(self):
        data = tagged()
        with pytest.raises(DataError, match="no log"):
            Task.of(Dataset("plain", data.users, data.items, data.interactions))
        with pytest.raises(DataError, match="takes 10"):
            Task.of(tagged(n_users=2, many=2))


class Fixed:
    """Scores that are given."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = torch.tensor(table, dtype=torch.float32)

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:
        return self.table[users, queries]


class TestFigures:
    def test_auc_is_that_of_sklearn(self):
        rng = np.random.default_rng(0)
        up, down = rng.integers(0, 9, 200) / 3 + 0.4, rng.integers(0, 9, 150) / 3
        truth = np.r_[np.ones(200), np.zeros(150)]
        assert auc(up, down) == pytest.approx(roc_auc_score(truth, np.r_[up, down]))
        first, second = placements(up, down)
        assert first.mean() == pytest.approx(second.mean())

    def test_errors_are_those_of_sklearn(self):
        rng = np.random.default_rng(0)
        up, down = rng.random(40), rng.random(30)
        truth, guess = np.r_[np.ones(40), np.zeros(30)], np.r_[up, down]
        want = mean_absolute_error(truth, guess), root_mean_squared_error(truth, guess)
        assert errors(up, down) == pytest.approx(want)
        assert errors(np.array([0.8]), np.array([0.4])) == pytest.approx((0.3, (0.1) ** 0.5))

    def test_platt_makes_probabilities_of_shares(self):
        """Of who scores 1, three in four are true; of who scores 0, one in four."""
        slope, offset = platt(np.array([1.0, 1, 1, 0]), np.array([1.0, 0, 0, 0]))
        assert sigmoid(np.array([slope + offset, offset])) == pytest.approx([0.75, 0.25], abs=1e-3)

    def test_ranks_are_among_what_the_user_did_not_have(self, task: Task):
        n = task.n_items
        table = np.broadcast_to(np.arange(n, 0, -1.0), (task.n_users, task.n_queries, n))
        told = judge(Fixed(table), task, task.test, {}, final=True)
        had = pairs(task.train) | pairs(task.valid)
        for at in range(len(task.test)):
            user, item = int(task.test.users[at]), int(task.test.items[at])
            before = sum((user, other) not in had for other in range(item))
            assert told.ranks[at] == before + 1

    def test_who_says_the_same_of_all_gets_chance(self, task: Task):
        negatives = {kind: task.negatives(task.test, kind, 0) for kind in KINDS}
        table = np.zeros((task.n_users, task.n_queries, task.n_items))
        told = judge(Fixed(table), task, task.test, negatives, final=True)
        found = figures(told, task, task.test, negatives["movie"], (1.0, 0.0), own=True)
        assert found["auc"] == found["auc popular"] == found["auc tag"] == 0.5
        assert found["mae"] == found["rmse"] == 0.5
        assert (told.ranks > 1).all()

    def test_to_be_in_training_is_no_answer_where_all_is_known(self):
        """Whoever says what training has, and no more, is right by chance alone."""
        task = Task.of(tagged(n_users=20, n_items=160, many=8))
        negatives = {kind: task.negatives(task.test, kind, 0) for kind in KINDS}
        known = (task.popularity > 0).astype(float)
        table = np.broadcast_to(known, (task.n_users, task.n_queries, task.n_items))
        told = judge(Fixed(table), task, task.test, negatives, final=True)
        found = figures(told, task, task.test, negatives["movie"], (1.0, 0.0), own=True)
        assert (known[negatives["movie"]] == 0).any() and found["auc known"] == 0.5

    def test_who_knows_the_answer_gets_everything(self, task: Task):
        negatives = {kind: task.negatives(task.test, kind, 0) for kind in KINDS}
        table = np.full((task.n_users, task.n_queries, task.n_items), -9.0)
        for user, item in pairs(task.test):
            table[user, :, item] = 9.0
        told = judge(Fixed(table), task, task.test, negatives, final=True)
        found = figures(told, task, task.test, negatives["movie"], (1.0, 0.0), own=True)
        assert found["auc"] == found["auc tag"] == found["hit@100"] == 1.0
        assert found["mae"] < 0.001 and Judged.read(told.arrays()).ranks.max() < 10

    @pytest.mark.parametrize("wrong", [np.nan, np.inf])
    def test_what_is_no_number_is_neither_best_nor_left_out(self, task: Task, wrong: float):
        table = np.zeros((task.n_users, task.n_queries, task.n_items))
        table[task.test.users[0], task.test.queries[0], task.test.items[0]] = wrong
        with pytest.raises(ConfigError, match="scores are no finite numbers"):
            judge(Fixed(table), task, task.test, {}, final=True)
        for pair in (([wrong], [1.0]), ([1.0], [wrong])):
            with pytest.raises(ConfigError, match="have no order"):
                auc(*map(np.array, pair))

    def test_the_mean_of_influences_is_the_figure(self, task: Task):
        rng = np.random.default_rng(1)
        table = rng.normal(size=(task.n_users, task.n_queries, task.n_items))
        negatives = {kind: task.negatives(task.test, kind, 0) for kind in KINDS}
        told = judge(Fixed(table), task, task.test, negatives, final=True)
        found = figures(told, task, task.test, negatives["movie"], (1.0, 0.0), own=True)
        for metric in ("auc", "auc tag", "auc popular", "hit@100"):
            assert influences(told, metric)[1].mean() == pytest.approx(found[metric], abs=1e-6)

    def test_triples_of_one_user_are_no_more_witnesses_than_one(self):
        rng = np.random.default_rng(0)
        gap = rng.normal(0.1, 1, 50)
        alone = paired(gap, np.zeros(50), np.arange(50))
        want = gap.std(ddof=1) / 50**0.5
        assert (alone[2] - alone[1]) / 2 == pytest.approx(2.009575 * want, rel=1e-5)
        often = paired(np.repeat(gap, 9), np.zeros(450), np.repeat(np.arange(50), 9))
        assert often == pytest.approx(alone)
        assert paired(gap, gap, np.arange(50))[3] == 1.0


class TestPlain:
    @pytest.mark.parametrize("name", [*PLAIN][1:])
    def test_each_is_better_than_chance_where_there_is_something_to_know(
        self, task: Task, name: str
    ):
        negatives = {"movie": task.negatives(task.test, "movie", 0)}
        found = []
        for one in PLAIN[name](task, 0):
            told = judge(one, task, task.test, negatives, final=True)
            assert np.isfinite(told.positives).all()
            found.append(auc(*told.pairs("movie")[1:]))
        assert max(found) > 0.6

    def test_popularity_is_in_the_order_of_counts(self, task: Task):
        logs = next(Popular.every(task)).logs
        assert np.array_equal(
            np.argsort(logs, kind="stable"), np.argsort(task.popularity, kind="stable")
        )

    def test_smoothed_shares_add_up_to_one(self, task: Task):
        for one in PopularForQuery.every(task):
            assert np.exp(one.logs(np.arange(3))).sum(1) == pytest.approx(1)

    def test_nearness_is_a_share_of_what_the_user_has_not(self):
        import scipy.sparse as sp

        near, share = np.array([[3.0, 1, 0], [0, 0, 0]]), np.array([0.5, 0.25, 0.25])
        own = sp.csr_matrix(np.array([[1.0, 0, 0], [0, 0, 0]]))
        found = near_share(near, own, share, 1.0)
        assert found == pytest.approx(np.array([[0.25, 0.625, 0.125], share]))

    @pytest.mark.parametrize("name", ["item-knn", "tag × user-knn"])
    def test_of_whom_nothing_is_known_all_others_are_told(self, task: Task, name: str):
        """Not less likely to have anything at all: AUC sets people beside each other."""
        user = torch.tensor([3])
        mine = task.train.users != 3
        left = Task(task.dataset, task.train.only(mine), task.valid, task.test)
        logs = np.log(shares(left))
        for one in PLAIN[name](left, 0):
            query = torch.tensor([0])
            if isinstance(one, QueryAndNeighbours):
                logs = one.of_query.logs(query.numpy())[0]
            np.testing.assert_allclose(one.scores(user, query)[0], logs, rtol=1e-5)

    def test_who_is_alike_is_somebody_else(self, task: Task):
        one = next(QueryAndNeighbours.every(task))
        assert not one.alike.diagonal().any()

    def test_walks_come_by_items_as_often_as_chance_says(self):
        """One board with items 0 and 1, of which 1 leads to a board with item 2 besides."""
        import scipy.sparse as sp

        to_items = sp.csr_matrix(np.array([[1.0, 1, 0], [0, 1, 1]]))
        visits = walked(to_items, to_items.T.tocsr(), np.random.default_rng(0)).toarray() / 200
        # First items: a half each. From 1 (a half, goes on: a quarter) half go on from board 1.
        assert visits[0, 0] + visits[0, 1] > 0.99 and 0.05 < visits[0, 2] < 0.4
        assert visits.sum(1) == pytest.approx([2, 2], abs=0.25)  # 1 + 1/2 + 1/4 …

    def test_shares_are_of_all_items(self, task: Task):
        assert shares(task).sum() == pytest.approx(1) and (shares(task) > 0).all()
