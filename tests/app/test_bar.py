"""What is said of simple recommenders: what they are, and whether training clears their bar."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from app.experiment.settings import Cell, GridConfig
from app.results.bar import (
    against_in_words,
    learning_in_words,
    simple_in_words,
    twins_below_in_words,
    words_of,
)
from app.results.comparison import Contender, baselines, best_simple, compare_contenders
from recommend.judge.evaluate import Evaluation
from recommend.judge.metrics import METRICS
from recommend.settings import BACKBONES

ABOUT = {"part": "test", "candidates": "all", "exclude_seen": True, "ties": "mean rank", "seed": 0}
USERS = 100
Found = dict[str, Contender]


def found_with(valid: Mapping[Cell, float], marked: str = "") -> Found:
    """Contenders whose validation is given."""
    record: Any = SimpleNamespace(
        experiment=SimpleNamespace(name="shop"),
        keys={"split": "s"},
        validated=lambda: dict(valid),
        marks=lambda cell: "‡" if cell.label == marked else "",
        leaking=lambda _cell: False,
    )
    cells: dict[str, list[Cell]] = {}
    for cell in valid:
        cells.setdefault(cell.label, []).append(cell)
    return {label: Contender(label, record, tuple(of)) for label, of in cells.items()}


def judged(reached: Mapping[str, float]) -> Any:
    """Evaluations in which so many of a hundred users are served, by backbone and enhancer."""

    def load(_record: Any, cell: Cell) -> Evaluation:
        values = (np.arange(USERS) < USERS * reached[cell.label]).astype(float)
        table = pl.DataFrame({"user": np.arange(USERS), **dict.fromkeys(METRICS, values)})
        others = {"candidates": 50, "history": 9, "popularity": 7}
        columns = [pl.lit(value).alias(name) for name, value in others.items()]
        return Evaluation(table.with_columns(columns), ABOUT)

    return load


EASE, KNN = Cell("ease", "none", 0), Cell("item-knn", "none", 0)
PLAIN = [Cell("sasrec", "none", seed) for seed in (0, 1)]
GRAPH = [Cell("sasrec", "autograph", seed) for seed in (0, 1)]


def test_what_is_not_trained_is_once_in_a_grid() -> None:
    grid = GridConfig(backbones=("sasrec", "ease"), enhancers=("none",), seeds=(3, 4))
    assert list(grid) == [Cell("sasrec", "none", 3), Cell("sasrec", "none", 4), EASE]


def test_without_twins_all_are_compared_with_the_simple_one_that_validation_prefers() -> None:
    found = found_with({EASE: 0.2, KNN: 0.3, PLAIN[0]: 0.4})
    assert best_simple(found) == "item-knn+none"
    pairs = {"ease+none": "item-knn+none", "sasrec+none": "item-knn+none"}
    assert baselines(found) == pairs
    assert "against item-knn+none, the best simple recommender" in against_in_words(found)
    assert best_simple(found_with({EASE: 0.2, KNN: 0.3}, "item-knn+none")) == "ease+none"
    twins = found_with({EASE: 0.2, PLAIN[0]: 0.1, GRAPH[0]: 0.3})
    assert baselines(twins) == {"sasrec+autograph": "sasrec+none"}
    assert against_in_words(twins) == "Changes are against the plain twin."
    assert "ease+none, the best simple" in against_in_words(twins, "ease+none")
    assert against_in_words(twins, "sasrec+none") == "Changes are against sasrec+none."
    alone = found_with({EASE: 0.2})
    assert baselines(alone) == {} and against_in_words(alone) == ""
    assert best_simple(found_with({PLAIN[0]: 0.1})) is None


@pytest.mark.parametrize(
    ("trained", "verdict"),
    [
        (0.4, "trained one is ahead: "),
        (0.21, "no certain difference"),
        (0.1, "trained one is behind: "),
    ],
)
def test_the_bar_is_cleared_by_more_than_chance_or_not(trained: float, verdict: str) -> None:
    """Validation names the two: a trained one that only the test would prefer is not taken."""
    found = found_with({EASE: 0.2, KNN: 0.3, PLAIN[0]: 0.5, PLAIN[1]: 0.1, GRAPH[0]: 0.4})
    reached = {"sasrec+none": 0.99, "sasrec+autograph": trained, "item-knn+none": 0.2}
    (told,) = learning_in_words(found, judged({**reached, "ease+none": 0.9}))
    assert verdict in told and "sasrec+autograph" in told and "ease" not in told
    assert f"{trained:.4f} against 0.2000" in told
    assert learning_in_words(found_with({EASE: 0.2, KNN: 0.3})) == []
    assert learning_in_words(found_with({PLAIN[0]: 0.2})) == []


def test_a_twin_below_a_simple_one_is_named() -> None:
    valid = {EASE: 0.2, PLAIN[0]: 0.1, GRAPH[0]: 0.3, Cell("mind", "none", 0): 0.1}
    (told,) = twins_below_in_words(found_with(valid))
    assert "ease+none is as good as sasrec+none or better" in told and "mind" not in told
    assert twins_below_in_words(found_with({**valid, PLAIN[0]: 0.25})) == []


def test_simple_ones_have_no_deviation_over_seeds() -> None:
    seeds = [Cell("ease", "none", seed) for seed in (0, 1)]
    found = found_with(dict.fromkeys((*seeds, *PLAIN, *GRAPH), 0.2))
    reached = {"ease+none": 0.2, "sasrec+none": 0.1, "sasrec+autograph": 0.3}
    table = compare_contenders(found, "ease+none", judged(reached)).filter(metric="mrr")
    by_run = {row["run"]: row for row in table.iter_rows(named=True)}
    assert (by_run["ease+none"]["seeds"], by_run["ease+none"]["sd"]) == (1, None)
    assert (by_run["sasrec+none"]["seeds"], by_run["sasrec+none"]["shared"]) == (2, 2)
    assert by_run["sasrec+autograph"]["difference"] == pytest.approx(0.1)


def test_every_simple_one_says_what_it_does() -> None:
    found = found_with({EASE: 0.2, PLAIN[0]: 0.1})
    (line,) = simple_in_words(found)
    assert line.startswith("ease+none: ") and "SASRec" not in line
    simple = [name for name, spec in BACKBONES.items() if not spec.config.learns]
    assert len(simple) == 6 and all(len(words_of(name)) > 20 for name in simple)
