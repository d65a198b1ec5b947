"""Recommenders side by side, from finished results to files for a paper."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from manifests import accept_changes

from app.experiment.settings import Cell
from app.pipeline.records import Record, keep_record, read_record
from app.results.ablations import BASE, PLAIN_TWIN, Variant, ablation, ablation_table, experiment_of
from app.results.comparison import (
    baselines,
    beyond_table,
    compare_contenders,
    contenders,
    cost_table,
    count_missing_lists,
    make_lists,
)
from app.results.latex import comparison_latex, escape, tabular
from data.errors import ConfigError
from recommend.judge.lists import TopLists
from recommend.settings import PAPER_METAPATHS

PLAIN, ENHANCED = Cell("gru4rec", "none", 0), Cell("gru4rec", "autograph", 0)
FULL = Variant(("item > user", "user > user_factor > user", "user > item"), (0, 1))


@pytest.fixture
def record(finished: Path, tiny_experiment: Path, tmp_path: Path) -> Record:
    """The small experiment in a workspace that a test may write to."""
    workspace = Path(shutil.copytree(finished, tmp_path / "workspace"))
    return read_record(str(tiny_experiment), workspace)


def renamed(record: Record, name: str, cells: list[Cell]) -> Record:
    """An experiment with some of the same recommenders."""
    experiment = record.experiment.model_copy(update={"name": name})
    keep_record(experiment, record.workspace, record.keys, {c: record.cells[c] for c in cells})
    return read_record(name, record.workspace)


def test_plain_twins_are_found_in_other_experiments_with_the_same_data(record: Record) -> None:
    only = renamed(record, "only", [ENHANCED])
    assert baselines(contenders([only])) == {}
    found = contenders([only, record])
    assert baselines(found) == {
        "only: gru4rec+autograph": "tiny: gru4rec+none",
        "tiny: gru4rec+autograph": "tiny: gru4rec+none",
    }
    elsewhere = replace(record, keys={**record.keys, "split": "another"})
    assert baselines(contenders([only, elsewhere])) == {
        "tiny: gru4rec+autograph": "tiny: gru4rec+none"
    }
    assert baselines(found, "only: gru4rec+autograph").keys() == {
        "tiny: gru4rec+none",
        "tiny: gru4rec+autograph",
    }
    with pytest.raises(ConfigError, match="no recommender 'x' to compare with"):
        baselines(found, "x")


def test_the_same_results_under_two_names_differ_by_nothing(record: Record) -> None:
    found = contenders([record, renamed(record, "again", [ENHANCED])])
    table = compare_contenders(found, "tiny: gru4rec+autograph")
    again = table.filter(run="again: gru4rec+autograph")
    assert again["difference"].to_list() == [0] * 4 and again["p"].to_list() == [1] * 4
    assert table["mark"].dtype == pl.String and again["mark"].to_list() == [""] * 4
    assert not table["leaking"].any()


def test_costs_are_those_of_the_training(record: Record) -> None:
    table = cost_table(contenders([record]))
    summary = record.summary("train", ENHANCED)
    row = table.row(by_predicate=pl.col("enhancer") == "autograph", named=True)
    assert row["seconds"] == summary["seconds"] and row["peak_mb"] == summary["peak_mb"]
    assert row["ndcg@10"] == record.summary("evaluate", ENHANCED)["ndcg@10"]


def test_lists_are_made_once_and_measured(record: Record, monkeypatch: Any) -> None:
    before = {path: path.read_bytes() for path in (record.workspace / "runs").iterdir()}
    found = contenders([record])
    assert count_missing_lists([record]) == 2 and beyond_table(found).height == 0
    make_lists(record)
    assert count_missing_lists([record]) == 0
    monkeypatch.setattr("recommend.judge.lists.top_lists", None)
    make_lists(record)
    table = beyond_table(found, 5)
    assert table["run"].to_list() == ["gru4rec+none", "gru4rec+autograph"]
    shares = table.select("coverage", "concentration", "diversity")
    assert shares.select(pl.all_horizontal(pl.all().is_between(0, 1).all())).item()
    assert (table["novelty"] > 0).all()
    for folder in (record.workspace / "artifacts" / "lists").iterdir():
        assert TopLists.load(folder).items.shape == (40, 20)
    assert before == {path: path.read_bytes() for path in (record.workspace / "runs").iterdir()}


def test_without_vectors_lists_have_no_diversity(record: Record) -> None:
    make_lists(record)
    plain = {key: of for key, of in record.keys.items() if key in ("dataset", "split")}
    bare = replace(record, keys=plain, cells={PLAIN: record.cells[PLAIN]})
    table = beyond_table(contenders([bare]))
    assert table["diversity"].to_list() == [None] and table["coverage"][0] > 0


def test_variants_are_named_by_what_differs() -> None:
    fewer = Variant(("item > user", "user > item"), (0,))
    assert FULL.name(FULL) == BASE
    assert fewer.name(FULL) == "without user > user_factor > user; level 0"
    assert FULL.name(fewer) == "with user > user_factor > user; levels 0, 1"
    assert fewer.slug(FULL) == "without-user-user_factor-user.level-0"


def test_an_ablation_finds_its_relatives_and_who_is_missing(record: Record) -> None:
    of = ablation(record, "gru4rec", "autograph")
    assert list(of.runs) == [of.base] and [cell for _, cell in of.plain] == [PLAIN]
    names = [variant.name(of.base) for variant in of.missing]
    assert names == [
        "without user > user_factor > user",
        "without item > item_factor > item",
        "without item > user; without user > item",
        "level 0",
    ]
    for variant in of.missing:
        experiment = experiment_of(of, variant)
        (cell,) = experiment.grid
        enhancer = experiment.model_of(cell).enhancer
        assert (enhancer.metapaths, enhancer.levels) == (variant.metapaths, variant.levels)  # type: ignore[union-attr]
        assert experiment.train_of(cell) == record.experiment.train_of(ENHANCED)
    with pytest.raises(ConfigError, match=r"no finished sasrec\+autograph with metapaths"):
        ablation(record, "sasrec", "autograph")
    with pytest.raises(ConfigError, match=r"There are: gru4rec\+autograph"):
        ablation(record, "gru4rec", "none")


def test_the_missing_are_trained_and_then_compared(
    record: Record, autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = [Variant(FULL.metapaths, FULL.levels), Variant(PAPER_METAPATHS, (0,))]
    monkeypatch.setattr("app.results.ablations._standard", lambda _record, _base: two)
    told = autograph("ablate", "tiny", "--dry-run", "--workspace", record.workspace)
    assert told.exit_code == 0 and "Not trained: level 0" in told.output, told.output
    told = autograph("ablate", "tiny", "--workspace", record.workspace)
    assert told.exit_code == 0 and "Not trained" not in told.output, told.output
    of = ablation(record, "gru4rec", "autograph")
    assert not of.missing and len(of.runs) == 3
    table = ablation_table(of).filter(metric="mrr")
    assert table["run"].to_list()[0] == BASE and table["run"].to_list()[-1] == PLAIN_TWIN
    assert table["baseline"].to_list() == [None] + [BASE] * 3
    (kept, cell) = of.runs[Variant(of.base.metapaths, (0,))][0]
    assert kept.experiment.name == "tiny.gru4rec.autograph.level-0"
    assert kept.summary("evaluate", cell)["mrr"] == table.filter(run="level 0")["mean"][0]


def test_no_ablation_takes_the_records_of_another(record: Record) -> None:
    grounded = {Cell("gru4rec", "grounded", 0): record.cells[ENHANCED]}
    both = replace(record, cells={**record.cells, **grounded})
    of = ablation(both, "gru4rec", "autograph")
    level_0 = of.missing[-1]
    other = ablation(both, "gru4rec", "grounded")
    names = [experiment_of(one, level_0).name for one in (of, other)]
    assert names == ["tiny.gru4rec.autograph.level-0", "tiny.gru4rec.grounded.level-0"]
    control = {"control": "shuffled", "name": "tiny-shuffled"}
    shuffled = replace(record, experiment=record.experiment.model_copy(update=control))
    name = experiment_of(replace(of, record=shuffled), level_0).name
    assert name == "tiny.gru4rec.autograph.level-0-shuffled"


def test_the_missing_are_trained_where_the_person_says(
    record: Record, autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []
    monkeypatch.setattr("app.cli.compare.run_missing", lambda _of, on, _showing: devices.append(on))
    where = ("--workspace", record.workspace)
    assert autograph("ablate", "tiny", "--device", "cpu", *where).exit_code == 0
    told = autograph("ablate", "tiny", "--device", "nowhere", *where)
    assert told.exit_code == 1 and "--device nowhere is not to be had" in told.output
    assert devices == ["cpu"]


def test_an_ablation_says_that_texts_leak(record: Record, autograph: Any) -> None:
    asked = ("ablate", "tiny", "--dry-run", "--workspace", record.workspace)
    assert "*" not in autograph(*asked).output
    accept_changes(record.folder("knowledge-user"), leaking=True)
    told = " ".join(autograph(*asked).output.split())
    assert (
        "as set * " in told and "without the graph " in told and "without the graph *" not in told
    )
    assert "* used texts whose author had seen held-out interactions" in told


def test_an_experiment_with_other_training_is_no_relative(record: Record) -> None:
    other = renamed(record, "other", [ENHANCED])
    changed = other.experiment.model_copy(
        update={"train": other.experiment.train.model_copy(update={"epochs": 2})}
    )
    keep_record(changed, other.workspace, other.keys, other.cells)
    again = renamed(record, "seed1", [ENHANCED])
    one = {Cell("gru4rec", "autograph", 1): record.cells[ENHANCED]}
    keep_record(again.experiment, again.workspace, again.keys, one)
    (runs,) = ablation(record, "gru4rec", "autograph").runs.values()
    assert [(of.experiment.name, cell.seed) for of, cell in runs] == [("tiny", 0), ("seed1", 1)]


def test_a_comparison_is_written_as_csv_and_latex(
    record: Record, autograph: Any, tmp_path: Path
) -> None:
    csv, latex = tmp_path / "t.csv", tmp_path / "t.tex"
    asked = ("compare", "tiny", "--csv", csv, "--latex", latex, "--workspace", record.workspace)
    told = autograph(*asked)
    assert told.exit_code == 0, told.output
    written = pl.read_csv(csv)
    expected = compare_contenders(contenders([record]))
    assert written["mean"].to_list() == pytest.approx(expected["mean"].to_list())
    output = " ".join(told.output.split())
    held = expected.filter((pl.col("low") <= 0) & (pl.col("high") >= 0)).height
    assert output.count("no difference") == held
    assert ("No difference: the 95 % interval" in output) == bool(held)
    seen = "The held-out item is ranked among all items that the user has not had before."
    assert seen in output and seen in latex.read_text()
    lines = latex.read_text().splitlines()
    row = next(line for line in lines if line.startswith("gru4rec+autograph"))
    assert row.count("&") == 8 and row.endswith(r"\\")
    means = expected.filter(run="gru4rec+autograph")["mean"]
    assert all(f"{mean:.4f}" in row for mean in means)
    told = autograph("compare", "tiny", "--against", "nobody", "--workspace", record.workspace)
    assert told.exit_code == 1 and "no recommender 'nobody'" in told.output


def test_latex_escapes_whatever_a_name_holds() -> None:
    assert escape("a_b & 5 % {x} \\ ~^#$\n<|>") == (
        r"a\_b \& 5 \% \{x\} \textbackslash{} \textasciitilde{}\textasciicircum{}\#\$ "
        r"\textless{}\textbar{}\textgreater{}"
    )
    table = tabular(["Name", "n"], [["x", "1"]], "50 %")
    assert r"\caption{50 \%}" in table and r"\begin{tabular}{lr}" in table
    assert "x & 1 \\\\\n\\bottomrule" in table


def test_latex_marks_the_best_and_what_is_significant() -> None:
    row = {"metric": "mrr", "seeds": 2, "low": 0.05, "high": 0.15, "p": 0.0, "difference": 0.1}
    columns = [
        {
            "run": "a_1",
            "mean": 0.5,
            "sd": 0.01,
            "baseline": None,
            "change": None,
            "mark": "",
            **row,
            **dict.fromkeys(("low", "high", "difference")),
        },
        {"run": "b", "mean": 0.6, "sd": None, "baseline": "a", "change": 20.0, "mark": "**", **row},
    ]
    text = comparison_latex(pl.DataFrame(columns, infer_schema_length=None))
    assert r"a\_1 & 0.5000 $\pm$ 0.0100 &  \\" in text
    assert r"b & \textbf{0.6000}$^{**}$ & $+20.0$ \\" in text and "no difference" not in text
    columns[1] |= {"low": -0.01, "mark": ""}
    text = comparison_latex(pl.DataFrame(columns, infer_schema_length=None))
    assert r"b & \textbf{0.6000} & $\approx$ \\" in text
    assert r"$\approx$ is no difference: the 95 \% interval over users holds zero." in text
