"""RelBench's way of asking: what is seen and what is asked at a moment, by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from benchmarks import relbench_way
from data.columns import ITEM, ITEM_ID, TIME, USER, USER_ID, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset, histories
from recommend.context.recommender import ContextGnn
from recommend.context.surroundings import DAY
from recommend.judge.several import judge_lists
from recommend.protocols import World
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.sources import Sources


def dataset_of(rows: list[tuple[int, int, float]], n_users: int, n_items: int) -> Dataset:
    """Of users, items and days."""
    table = pl.DataFrame(rows, schema=[USER, ITEM, TIME], orient="row").with_columns(
        pl.col(TIME) * DAY, pl.lit(1.0).alias(WEIGHT)
    )
    table = table.sort(USER, TIME, maintain_order=True)
    return Dataset(
        "toy",
        pl.DataFrame({USER_ID: [f"u{n}" for n in range(n_users)]}),
        pl.DataFrame({ITEM_ID: [f"i{n}" for n in range(n_items)]}),
        table.select(pl.col(name).cast(kind) for name, kind in INTERACTION_SCHEMA.items()),
    )


TOY = dataset_of(
    [
        *((0, 0, 1), (0, 1, 10), (0, 2, 10.5), (0, 3, 14), (0, 2, 14.5)),
        *((1, 4, 12), (1, 0, 20), (2, 1, 3), (2, 5, 16), (2, 3, 20), (3, 3, 19)),
    ],
    4,
    6,
)


def test_a_part_is_what_comes_in_its_days_and_what_was_before() -> None:
    """(10, 15]: user 0 has 2 twice and 3; user 1 had nothing up to 10; user 2 has nothing."""
    found = relbench_way.part(TOY, 10 * DAY, 5)
    assert found.before.of(0).tolist() == [0, 1], "what came at the moment is seen"
    assert found.before.lengths.tolist() == [2, 0, 1, 0]
    assert sorted(found.true.of(0)) == [2, 3] and found.true.degrees.tolist() == [2, 0, 0, 0]
    assert found.users.tolist() == [0] and found.strangers == 1


def test_the_test_is_last_and_validation_before_it() -> None:
    """20 is the last day: (15, 20] and (10, 15]."""
    valid, test = relbench_way.parts(TOY, 5)
    assert (valid.moment, test.moment) == (10 * DAY, 15 * DAY)
    assert test.before.lengths.tolist() == [5, 1, 1, 0], "validation is seen on the test"
    assert [sorted(test.true.of(user)) for user in range(4)] == [[], [0], [3, 5], []]
    assert test.strangers == 1


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """As many threads for torch after a test as before it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def crowd() -> Dataset:
    """Forty people, two kinds of items, a hundred days; everybody keeps to one kind."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(40):
        items = rng.permutation(10)[:8] * 2 + user % 2
        days = np.sort(rng.uniform(0, 100, 8))
        rows += [(user, int(item), float(day)) for item, day in zip(items, days, strict=True)]
    return dataset_of(rows, 40, 20)


def run(
    crowd: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> list[dict[str, Any]]:
    loaded = SimpleNamespace(dataset=crowd)
    monkeypatch.setattr(relbench_way, "load_dataset", lambda *_: loaded)
    monkeypatch.setattr(sys, "argv", ["relbench_way", "nowhere", *words])
    relbench_way.main()
    said = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in said if line.startswith("{")]


def test_all_are_asked_the_same(crowd, monkeypatch, capsys) -> None:
    words = ("--days", "12", "--epochs", "2", "--width", "8")
    told = run(crowd, monkeypatch, capsys, "contextgnn", "popularity", "item-knn", *words)
    assert [one["recommender"] for one in told] == ["contextgnn", "popularity", "item-knn"]
    valid, test = relbench_way.parts(crowd, 12)
    for one in told:
        assert one["test"]["users"] == len(test.users) and one["valid"]["users"] == len(valid.users)
        assert 0 <= one["test"]["map@10"] <= one["test"]["recall@20"] <= 1
    assert told[0]["window_days"] == 12 and len(told[0]["curve"]) == 2
    best = max(row["map@10"] for row in told[0]["curve"])
    assert told[0]["valid"]["map@10"] == pytest.approx(best), "the weights of the best epoch"


def test_popularity_is_that_of_what_was_before(crowd, monkeypatch, capsys) -> None:
    """Put together again: counts up to the moment, without what a user had."""
    (told,) = run(crowd, monkeypatch, capsys, "popularity", "--days", "12")
    _, test = relbench_way.parts(crowd, 12)
    counts = np.bincount(test.before.items, minlength=20).astype(float)
    lists = np.full((40, 20), -1)
    for user in test.users:
        order = [i for i in np.argsort(-counts, kind="stable") if i not in test.before.of(user)]
        lists[user, : len(order)] = order
    mine = judge_lists(lists[test.users], test.users, test.true, (20,))
    assert told["test"]["recall@20"] == pytest.approx(mine["recall@20"])


def test_nothing_after_the_moment_is_seen(crowd, monkeypatch, capsys) -> None:
    """Validation, and with it the weights, stay as they are when all after it is changed."""
    words = ("contextgnn", "--days", "12", "--epochs", "1", "--width", "8")
    (told,) = run(crowd, monkeypatch, capsys, *words)
    valid, test = relbench_way.parts(crowd, 12)
    late = pl.col(TIME) > test.moment
    other = crowd.interactions.with_columns(
        pl.when(late).then((pl.col(ITEM) + 7) % 20).otherwise(ITEM).cast(pl.Int32).alias(ITEM)
    )
    changed = Dataset("toy", crowd.users, crowd.items, other)
    (again,) = run(changed, monkeypatch, capsys, *words)
    assert relbench_way.parts(changed, 12)[0].before.items.tolist() == valid.before.items.tolist()
    assert again["valid"] == told["valid"] and again["test"] != told["test"]
    same = ("loss", "map@10", "recall@20")
    assert [again["curve"][0][one] for one in same] == [told["curve"][0][one] for one in same]


def test_who_stands_later_sees_what_others_did_meanwhile() -> None:
    """User 0 ends on day 1; user 1 has the same item on day 2 and another on day 3."""
    met = dataset_of([(0, 0, 1), (1, 0, 2), (1, 1, 3), (1, 2, 9)], 2, 4)
    past = histories(met.interactions, 2)
    config = ModelConfig.model_validate(
        {"backbone": {"name": "contextgnn", "time": "clock"}, "enhancer": {"name": PLAIN}}
    )
    made = ContextGnn.of(config, World(met, past, Sources(histories=past), TrainConfig()))
    near = {
        moment: sorted(found.items.tolist())
        for moment in (None, 4 * DAY, 10 * DAY)
        for _, found in made.surroundings(past, np.array([0]), moment)
    }
    assert near == {None: [0], 4 * DAY: [0, 1], 10 * DAY: [0, 1, 2]}
