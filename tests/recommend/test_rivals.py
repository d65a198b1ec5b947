"""Contenders on triples: what each may see, what it learns, and one loop that trains them all."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from data.errors import ConfigError, DataError
from data.log import Log
from recommend.fit import checkpoint
from recommend.zoom.contest import (
    LEARNT,
    VALID_SEED,
    Budget,
    Contender,
    contender_of,
    fit,
    hidden_of,
    past_of,
    tensors,
    valid_logits,
)
from recommend.zoom.judging import auc
from recommend.zoom.past import Past
from recommend.zoom.rivals import Asked, Draw, Hidden, most_visited
from recommend.zoom.triples import Task
from tests.recommend.test_triples import tagged

SMALL = Budget(width=8, k=3, epochs=2, batch=64, rate=0.01)


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.of(tagged())


@pytest.fixture(scope="module")
def past(task: Task) -> Past:
    return past_of(task)


@pytest.mark.parametrize("row", LEARNT)
class TestEach:
    def test_logits_are_scores_of_the_items(self, task: Task, past: Past, row: str):
        made = contender_of(row, task, past, SMALL, 0)
        made.network.eval()
        users, queries, items = tensors(task.valid)
        with torch.no_grad():
            every = made.scores(users, queries)
            own = made.logits(users, queries, items)
        assert torch.allclose(own, every.gather(1, items[:, None])[:, 0], atol=1e-5)
        assert every.shape == (len(users), task.n_items)
        assert every.abs().max() <= SMALL.sharpness + 1e-4

    def test_others_who_are_asked_about_matter_to_han_alone(self, task: Task, past: Past, row: str):
        made = contender_of(row, task, past, SMALL, 0)
        made.network.eval()
        users, queries, _ = (one[:12] for one in tensors(task.test))
        with torch.no_grad():
            among = made.towers.asked(users, queries)
            pairs = zip(users.split(1), queries.split(1), strict=True)
            alone = torch.cat([made.towers.asked(*pair) for pair in pairs])
        assert torch.allclose(among, alone, atol=1e-6) == (row != "han")

    def test_every_weight_learns(self, task: Task, past: Past, row: str):
        made = contender_of(row, task, past, SMALL, 0)
        users, queries, items = tensors(task.train)
        made.logits(users, queries, items).square().sum().backward()
        still = {name for name, one in made.network.named_parameters() if one.grad is None}
        switched_off = row in ("zoomer-gcn", "zoomer-fs")  # no attention among neighbours
        assert all("hearing" in name for name in still) and bool(still) == switched_off

    def test_what_is_hidden_has_no_influence(self, task: Task, past: Past, row: str):
        """The vectors of items that are hidden from all may be anything."""
        made = contender_of(row, task, past, SMALL, 0)
        made.network.train()
        users, queries, items = (one[:20] for one in tensors(task.train))
        item = int(items[0])
        of = (items == item).nonzero()[:, 0]
        gone = Hidden(torch.full((len(of), 2), item), hidden_of(task, past).queries[of])
        towers: Any = made.towers

        def said() -> torch.Tensor:
            torch.manual_seed(5)
            return towers.asked(users[of], queries[of], gone).detach()

        before = said()
        network = getattr(made.network, "network", made.network)
        with torch.no_grad():
            network.known["item"].table.weight[item] += 3
        assert torch.allclose(before, said(), atol=1e-6)


class TestHidden:
    def test_a_query_may_see_what_others_took_for_it(self, task: Task, past: Past):
        hidden = hidden_of(task, past)
        for at in range(len(task.train)):
            user, query, item = (
                int(one[at]) for one in (task.train.users, task.train.queries, task.train.items)
            )
            same = (task.train.queries == query) & (task.train.items == item)
            others = set(task.train.users[same].tolist()) - {user}
            assert hidden.items[at].tolist() == [item, -1 if others else item]

    def test_queries_of_this_item_alone_are_not_the_users(self, task: Task, past: Past):
        hidden, train = hidden_of(task, past), task.train
        for at in range(len(train)):
            own = train.users == train.users[at]
            here = own & (train.items == train.items[at])
            elsewhere = set(train.queries[own & ~here].tolist())
            want = set(train.queries[here].tolist()) - elsewhere
            assert set(hidden.queries[at].tolist()) - {-1} == want

    def test_a_mask_says_so(self):
        asked = Asked(
            torch.tensor([4]),
            torch.tensor([7]),
            Hidden(torch.tensor([[2, -1]]), torch.tensor([[7, -1]])),
        )
        real = torch.tensor([[True, True, False]])
        nodes = torch.tensor([[2, 7, 4]])
        assert asked.mask("user", "item", nodes, real).tolist() == [[False, True, False]]
        assert asked.mask("query", "item", nodes, real).tolist() == [[True, True, False]]
        assert asked.mask("user", "query", nodes, real).tolist() == [[True, False, False]]
        nodes = torch.tensor([[4, 5, 4]])
        assert asked.mask("query", "user", nodes, real).tolist() == [[False, True, False]]


class TestDraws:
    def test_all_are_drawn_where_there_are_no_more(self, task: Task):
        draw = Draw(task.had, 50, seed=0)
        for user in (0, 3):
            nodes, real = draw(torch.tensor([user]))
            assert sorted(nodes[real].tolist()) == sorted(task.had.of(user).tolist())

    def test_they_are_neighbours_and_the_same_afterwards(self, task: Task):
        draw = Draw(task.had, 2, seed=0)
        users = torch.arange(task.n_users)
        draw.train()
        first, real = draw(users)
        for user in range(task.n_users):
            assert set(first[user][real[user]].tolist()) <= set(task.had.of(user).tolist())
        draw.eval()
        assert torch.equal(draw(users)[0], draw(users)[0])

    def test_those_that_were_visited_most_come_first(self):
        import scipy.sparse as sp

        nodes, often = most_visited(sp.csr_matrix(np.array([[1.0, 5, 0, 3], [0, 0, 0, 0]])), 2)
        assert nodes.tolist()[0] == [1, 3] and often.tolist() == [[5, 3], [0, 0]]


class TestFit:
    def test_what_tells_tastes_apart_is_learnt(self, task: Task, past: Past, tmp_path: Path):
        made = contender_of("graphsage", task, past, SMALL, 0)
        rows = fit(made, task, past, replace(SMALL, epochs=12, patience=12), 0, tmp_path)
        assert rows[-1]["loss"] < rows[0]["loss"] and max(row["auc"] for row in rows) > 0.7

    @pytest.mark.parametrize("row", ["stamp", "graphsage"])
    def test_a_killed_run_ends_with_the_same_weights(
        self, task: Task, past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str
    ):
        def run(folder: str) -> Contender:
            made = contender_of(row, task, past, SMALL, 0)
            fit(made, task, past, SMALL, 0, tmp_path / folder)
            return made

        whole = run("whole")
        write = checkpoint.Checkpoint.write

        def dies(self: Any, *given: Any) -> None:
            write(self, *given)
            raise KeyboardInterrupt

        monkeypatch.setattr(checkpoint.Checkpoint, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            run("killed")
        monkeypatch.undo()
        again = run("killed").network.state_dict()
        assert all(
            torch.equal(one, again[name]) for name, one in whole.network.state_dict().items()
        )

    def test_without_pyg_it_says_what_to_install(
        self, task: Task, past: Past, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
        with pytest.raises(ConfigError, match=r"autograph-rec\[pyg\]"):
            contender_of("han", task, past, SMALL, 0)

    def test_words_in_common_make_edges_if_asked_for(self, task: Task, past: Past):
        more = past_of(task, alike=True)
        assert len(more.next_to["query", "item"].targets) >= len(
            past.next_to["query", "item"].targets
        )
        assert [*past.features.bags["query"]] == ["terms"]

    def test_who_had_every_item_has_no_negative_and_breaks_nothing(self, tmp_path: Path):
        data = tagged()
        assert data.log is not None
        rows, item = data.log.rows, pl.int_range(data.n_items, dtype=pl.Int32, eager=True)
        greedy = pl.DataFrame({"user": 0, "query": 0, "item": item, "time": item}).cast(
            {"user": pl.Int32, "query": pl.Int32, "time": pl.Int64}
        )
        others = rows.filter(pl.col("user") > 0).select(greedy.columns)
        every = pl.concat([greedy, others]).with_row_index("ask").cast({"ask": pl.Int32})
        task = Task.of(replace(data, log=Log(every, data.log.queries)))
        wrong = task.negatives(task.valid, "movie", VALID_SEED)
        assert np.array_equal(wrong < 0, task.valid.users == 0) and (wrong < 0).any()
        past = past_of(task)
        made = contender_of("towers", task, past, SMALL, 0)
        some = task.valid.only(wrong >= 0)
        rows_of = fit(made, task, past, SMALL, 0, tmp_path)
        told = auc(*valid_logits(made, some, wrong[wrong >= 0]))
        assert max(row["auc"] for row in rows_of) == pytest.approx(told)

    def test_everybody_with_everything_is_said(self, tmp_path: Path):
        data = tagged(n_items=4, many=4)
        assert data.log is not None
        task = Task.of(replace(data, items=data.items[:1], log=data.log.only(pl.col("item") == 0)))
        past = past_of(task)
        with pytest.raises(DataError, match="Everybody had every item"):
            fit(contender_of("towers", task, past, SMALL, 0), task, past, SMALL, 0, tmp_path)

    def test_a_loss_that_is_no_number_is_said(self, task: Task, past: Past, tmp_path: Path):
        made = contender_of("towers", task, past, SMALL, 0)
        with torch.no_grad():
            next(made.network.parameters())[0] = torch.nan
        with pytest.raises(ConfigError, match="loss of epoch 1 is no number"):
            fit(made, task, past, SMALL, 0, tmp_path)
