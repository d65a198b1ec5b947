"""Ablations over domains: which rows there are, what is measured, and what may be said of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import N_ITEMS, N_USERS, ON_CPU, beside_here

from app.experiment.file import load_experiment
from app.experiment.settings import Cell, Experiment
from app.pipeline.records import read_record
from app.reproduce.tables import open_reproduction
from app.results.domains import (
    BUCKETS,
    GROUPS,
    OTHERS,
    Choice,
    Reached,
    base_row,
    choices_of,
    families,
    goals_in_words,
    reach_table,
    reached,
    row_in_words,
    runs_of,
    seeds_in_words,
    verdict,
)
from data.errors import DataError
from recommend.settings.rankgraph import RankGraphConfig

ODD = [f"Title {n}" for n in range(1, N_ITEMS, 2)]
HAD = np.array([0, 1, 5, 6, 9, 3])


def runs(**seeds: int) -> Any:
    """Rows by name with so many seeds, without anything behind them."""
    names = {name.replace("_", "-"): n for name, n in seeds.items()}
    kind = {"popularity": "popularity"}
    return {
        name: (None, [Cell(kind.get(name, "lightgcn-cf"), "none", seed) for seed in range(n)])
        for name, n in names.items()
    }


def loading(values: dict[str, dict[int, list[float]]], of: Any, had: np.ndarray = HAD) -> Any:
    """What a cell reached, by row and seed; all measures alike."""
    by_cell = {
        id(cell): values[name][cell.seed] for name, (_, cells) in of.items() for cell in cells
    }

    def load(_record: Any, cell: Cell) -> Reached | None:
        own = np.array(by_cell[id(cell)], dtype=float)
        return Reached(had, dict.fromkeys(("recall@100", "recall@20", "ndcg@10"), own))

    return load


def test_recall_is_of_the_ranks_of_one_route() -> None:
    table = pl.DataFrame(
        [
            (2, "a", 0, "u2i", 100.0),
            (0, "a", 7, "u2i", 20.0),
            (1, "b", 3, "u2i", 0.0),
            (3, "b", 1, "u2i", 100.5),
            *((user, "a", 0, "i2i", 1.0) for user in range(4)),
        ],
        schema=["user", "domain", "had", "route", "rank"],
        orient="row",
    )
    judged = pl.DataFrame({"user": [0, 1, 2, 3], "ndcg@10": [0.5, 0.0, 1.0, 0.25]})
    found = reached(table, judged)
    assert found.had.tolist() == [7, 3, 0, 1]
    assert found.values["recall@100"].tolist() == [1, 0, 1, 0], "0 is not found, 100.5 too late"
    assert found.values["recall@20"].tolist() == [1, 0, 0, 0]
    assert found.values["ndcg@10"].tolist() == [0.5, 0.0, 1.0, 0.25]


def test_rows_are_compared_within_buckets_over_users_and_shared_seeds() -> None:
    from scipy import stats

    of = runs(base=2, other=1, popularity=1)
    values = {
        "base": {0: [0, 1, 0, 1, 0, 1], 1: [0, 1, 1, 1, 1, 1]},
        "other": {0: [1, 1, 1, 1, 0, 1]},
        "popularity": {0: [0, 0, 0, 1, 0, 0]},
    }
    table = reach_table(of, "base", loading(values, of))
    at = {(row["row"], row["bucket"]): row for row in table.filter(measure="recall@100").to_dicts()}
    whole = at["base", "all"]
    assert whole["mean"] == pytest.approx((3 / 6 + 5 / 6) / 2) and whole["seeds"] == 2
    assert whole["sd"] == pytest.approx(np.std([3 / 6, 5 / 6], ddof=1)) and whole["p"] is None
    few = at["other", "5 or fewer"]
    assert few["users"] == 4 and few["shared"] == 1, "seed 0 alone is shared"
    assert few["ratio"] == pytest.approx(1.0 / 0.5)
    expected = stats.ttest_rel([1, 1, 1, 1], [0, 1, 0, 1])
    assert few["p"] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (few["low"], few["high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))
    simple = at["popularity", "all"]
    assert simple["shared"] == 2, "what is not trained is paired with every seed"
    assert at["base", "0"]["users"] == 1 and at["base", "6+"]["users"] == 2
    tests = table.filter(pl.col("p").is_not_null())
    assert tests.height == 2 * 3 * len(BUCKETS)
    smallest = tests["p"].min()
    assert tests.filter(p=smallest)["p_holm"].min() == pytest.approx(
        min(1.0, smallest * tests.height)  # type: ignore[operator]
    )


def test_rows_of_other_users_are_no_table() -> None:
    of = runs(base=1, other=1)
    one = loading({"base": {0: [0] * 6}, "other": {0: [1] * 6}}, of)

    def load(record: Any, cell: Cell) -> Reached | None:
        found = one(record, cell)
        return found if cell is of["base"][1][0] else Reached(found.had + 1, found.values)

    with pytest.raises(DataError, match="not judged on the same users and domains"):
        reach_table(of, "base", load)


def test_what_chance_could_make_is_no_difference() -> None:
    row = {"row": "x", "measure": "recall@100", "mean": 0.2, "ratio": 1.25, "difference": 0.04}
    assert verdict({**row, "p_holm": None}) == "as set"
    assert verdict({**row, "p_holm": 0.05}) == "no difference beyond chance"
    assert verdict({**row, "p_holm": 0.049}) == "better"
    assert verdict({**row, "p_holm": 0.049, "difference": -0.04}) == "worse"
    told = row_in_words({**row, "p_holm": 0.3}, "apart", "joined")
    assert told == (
        "apart: Recall@100 0.2000, 1.25 times that of joined: no difference beyond chance "
        "(p = 0.3)."
    )


def test_goals_are_told_as_they_came() -> None:
    rng = np.random.default_rng(0)
    n = 400
    had = np.full(n, 2)
    of = runs(ngcf=1, domains_apart=1, graphsage=1)
    apart = rng.random(n) < 0.3
    values = {
        "ngcf": {0: np.where(rng.random(n) < 0.4, 1.0, apart).tolist()},
        "domains-apart": {0: apart.astype(float).tolist()},
        "graphsage": {0: np.where(np.arange(n) < 20, 1.0, 0.0).tolist()},
    }
    table = reach_table(of, "ngcf", loading(values, of, had))
    choices = [
        Choice("ngcf", "Domains", "joined", "domains", "joined"),
        Choice("domains-apart", "Domains", "apart", "domains", "apart"),
        Choice("ngcf", OTHERS, "NGCF"),
        Choice("graphsage", OTHERS, "GraphSAGE"),
        Choice("popularity", OTHERS, "Popularity"),
    ]
    first, second = goals_in_words(table, choices, "ngcf")
    ratio = np.mean(values["ngcf"][0]) / np.mean(values["domains-apart"][0])
    assert f"{ratio:.2f} times as high, p < 0.0001 (1 seed)" in first and "400 users" in first
    assert first.endswith("Aimed at: 1.2 times, p < 0.001; reached.")
    assert "NGCF against GraphSAGE" in second and second.endswith("2 times; reached.")
    worse = {**values, "domains-apart": values["ngcf"]}
    table = reach_table(of, "ngcf", loading(worse, of, had))
    assert "1.00 times as high, p = 1 (1 seed)" in goals_in_words(table, choices, "ngcf")[0]
    assert goals_in_words(table, choices, "ngcf")[0].endswith("not reached.")
    part = reach_table(of, "ngcf", loading(values, of, np.repeat([0, 2], n // 2)))
    _, new, _ = goals_in_words(part, choices, "ngcf")
    at = [np.mean(values[row][0][: n // 2]) for row in ("ngcf", "domains-apart")]
    assert f"Of these, 200 had none there: Recall@100 {at[0] / at[1]:.2f} times as high" in new
    assert "One seed each" in seeds_in_words(table)
    two = pl.DataFrame({"row": ["ngcf", "popularity", "x"], "seeds": [2, 1, 1]})
    assert seeds_in_words(two[:2]) == "Seeds of what is trained: 2."
    assert seeds_in_words(two) == "Seeds of what is trained: 1 to 2. With one seed alone: x."
    assert seeds_in_words(two[1:2]).startswith("None of these is trained")


def test_every_value_is_one_that_the_settings_take() -> None:
    for group in GROUPS.values():
        for value, _ in group.values.values():
            settings = RankGraphConfig.model_validate({group.setting: value})
            assert getattr(settings, group.setting) == value
        own = RankGraphConfig().model_dump()[group.setting]
        assert own in [value for value, _ in group.values.values()], "the base is a row of it"


def test_rows_differ_from_the_base_in_one_setting(tmp_path: Path) -> None:
    of = open_reproduction("rankgraph", tmp_path, tmp_path)
    base = base_row(of.base)
    own = of.base.model_of(Cell(base, "none", 0))
    by_row = {c.row: c for c in choices_of(of.base)}
    trained = {base: of.base}
    for experiment, rows in of.experiments():
        if rows[0].variant.slug:
            (row,) = rows
            trained[row.key] = experiment
            choice = by_row[row.key]
            given = experiment.model_of(Cell(base, "none", 0))
            update = {choice.setting: choice.value}
            assert given.backbone == own.backbone.model_copy(update=update)
            assert given.model_copy(update={"backbone": own.backbone}) == own
            assert experiment.data == of.base.data and experiment.train == of.base.train
    assert {row.key for row in of.rows} == {*trained, *of.base.grid.backbones}


def test_one_as_set_stands_in_every_group_that_has_its_value() -> None:
    experiment = load_experiment("rankgraph")
    tree = experiment.model_dump(mode="json", exclude_none=True)
    tree["grid"]["backbones"] = ["lightgcn-cf", "popularity"]
    tree["override"] = {"lightgcn-cf": {"model": {"backbone": {"layers": 4}}}}
    found = choices_of(Experiment.model_validate(tree))
    layers = [c for c in found if c.group == "Layers"]
    assert [c.row for c in layers] == ["lightgcn-cf", "layers-1", "layers-2", "layers-3"]
    assert layers[0].words == "layers = 4"
    assert [c.words for c in found if c.group == OTHERS] == ["LightGCN-CF", "Popularity"]


@pytest.fixture(scope="module")
def family(tiny_experiment: Path) -> Iterator[Path]:
    """Ablations of LightGCN on the small data, in two domains."""
    path = tiny_experiment.with_name("rankgraph-tiny.toml")
    path.write_text(
        'extends = "tiny"\n[grid]\nbackbones = ["lightgcn-cf", "popularity"]\n'
        'enhancers = ["none"]\nseeds = [0, 1]\n[train]\nepochs = 1\n'
        f'[[data.domains]]\nname = "odd"\nattribute = "title"\nvalues = {ODD}\n'
        '[[data.domains]]\nname = "even"\n'
    )
    yield path
    path.unlink()


def test_rows_are_filled_bit_by_bit(
    family: Path, finished: Path, tmp_path: Path, autograph: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("app.pipeline.runner.run_beside", beside_here)
    own = Path(shutil.copytree(finished, tmp_path / "workspace"))
    where = ("--workspace", own, *ON_CPU)
    with monkeypatch.context() as killed:
        killed.setattr("app.reproduce.domains.run_derived", _interrupt)
        stopped = autograph("reproduce", family, "--only", "lightgcn-cf*", *where)
    assert stopped.exit_code == 130 and "Stopped." in stopped.output
    trained = set((own / "artifacts" / "train").iterdir())
    first = autograph("reproduce", family, "--only", "lightgcn-cf*", *where)
    assert first.exit_code == 0, first.output
    assert set((own / "artifacts" / "train").iterdir()) == trained, "nothing is trained again"
    assert "Not run: layers-1, layers-2, popularity." in first.output
    last = autograph("reproduce", family, *where)
    assert last.exit_code == 0, last.output
    text = (own / "results" / "rankgraph-tiny.md").read_text()
    assert f"all users ({N_USERS})" in text and "Not run" not in text
    assert "| Layers: 3 layers (as set) |" in text and "| Recommenders: Popularity |" in text
    table = pl.read_parquet(own / "results" / "rankgraph-tiny-table.parquet")
    assert set(table["row"]) == {"lightgcn-cf", "layers-1", "layers-2", "popularity"}
    whole = table.filter(bucket="all", measure="ndcg@10")
    record = read_record("rankgraph-tiny", own)
    expected = [record.summary("evaluate", c)["ndcg@10"] for c in record.finished_cells()[:2]]
    base = whole.filter(row="lightgcn-cf")
    assert base["mean"].item() == pytest.approx(np.mean(expected)) and base["seeds"].item() == 2

    assert families(own, "rankgraph") == ["rankgraph-tiny"]
    assert set(runs_of(record)) == set(table["row"])
    changed = autograph("reproduce", family, "--only", "layers-1", "--dry-run", *where)
    assert changed.exit_code == 0
    (own / "runs" / "rankgraph-tiny-layers-1.json").write_text(
        (own / "runs" / "rankgraph-tiny-layers-2.json").read_text()
    )
    assert "layers-1" not in runs_of(record), "it is no such row"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
