"""How near next items are, from finished results to words, tables and the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import run_here

from app.pipeline.records import Record, keep_record, read_record
from app.pipeline.stages.order import STAGES
from app.results.comparison import contenders
from app.results.nearness import (
    MEASURES,
    WAYS,
    closeness_table,
    gates_table,
    groups_table,
    load_closeness,
    load_locality,
    looks_around,
    measure_nearness,
    missing_nearness,
    nearness_in_words,
    scores_table,
)
from app.results.results import Results
from recommend.context.locality import locality, walkable
from recommend.judge.evaluate import histories_before

LABEL = "contextgnn+none"


@pytest.fixture(scope="module")
def looking(
    finished: Path, tiny_experiment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Record:
    """The small experiment with ContextGNN beside a simple one, measured."""
    workspace = Path(shutil.copytree(finished, tmp_path_factory.mktemp("near") / "workspace"))
    changes = (
        "name=looking",
        'grid.backbones=["contextgnn", "popularity"]',
        'grid.enhancers=["none"]',
        "override.contextgnn.train.epochs=1",
        "override.contextgnn.model.backbone.factors=true",
    )
    run_here(tiny_experiment, workspace, *(word for one in changes for word in ("--set", one)))
    record = read_record("looking", workspace)
    assert missing_nearness([record]) == 2
    measure_nearness(record)
    return record


def test_it_is_measured_once(looking: Record, monkeypatch: Any) -> None:
    assert missing_nearness([looking]) == 0
    monkeypatch.setattr("recommend.context.locality.measure_locality", None)
    monkeypatch.setattr("recommend.context.locality.closeness", None)
    measure_nearness(looking)


def test_the_score_is_that_of_the_test_and_no_edge_is_held_out(looking: Record) -> None:
    """Against the plain score on a graph of training edges, by users who had no more than these.

    The validation item of a user leads on only for that user, so those to whom it opens nothing
    have the same score on both.
    """
    results, found = Results(looking), load_locality(looking)
    assert found is not None
    dataset, split = results.dataset, results.split
    training = split.histories(dataset)
    from data.relation import Relation

    edges = Relation(training.offsets, training.items, dataset.n_items)
    users = np.arange(dataset.n_users)
    true = Relation.between(users, split.targets(dataset, "test"), len(users), dataset.n_items)
    plain = found.per_user.filter(way="interactions").pivot("k", index="user", values="share")
    for user in users:
        exact = locality(walkable(edges, {}), true, 4, np.array([user]))
        mine = plain.filter(user=user).select("1", "2", "3", "4").to_numpy()[0]
        assert (mine >= exact).all(), "what one had in validation takes nothing away"
    before = histories_before(dataset, split, "test")
    rows = found.per_user.filter(way="interactions", k=1)
    assert rows["history"].to_list() == before.lengths.tolist()
    had = [len(set(before.of(int(user)))) for user in users]
    assert rows["near"].to_list() == had, "one step leads to what was had and nowhere else"


def test_tables_are_of_every_way_group_and_recommender(looking: Record) -> None:
    found = contenders([looking])
    assert {label for label, one in found.items() if looks_around(one)} == {LABEL}
    scores = scores_table([looking])
    assert scores["way"].unique(maintain_order=True).to_list() == list(WAYS.values())
    assert scores["k"].to_list() == [1, 2, 3, 4] * 3
    groups = groups_table([looking]).filter(way="interactions")
    assert groups.filter(pl.col("group").str.contains("items had"))["users"].sum() == 40
    (row,) = closeness_table(found).iter_rows(named=True)
    (measured,) = load_closeness(found[LABEL])
    assert row["run"] == LABEL and row["seeds"] == 1
    assert all(row[name] == pytest.approx(measured.mean(name)) for name in MEASURES)
    at_three = scores.filter(way="+ items' factors", k=3)["score"][0]
    assert row["covered"] <= row["within"] == pytest.approx(at_three)
    gates = gates_table(found)
    assert gates["group"][0] == "all" and gates["users"][0] == 40
    assert (gates["low"] <= gates["median"]).all() and (gates["median"] <= gates["high"]).all()
    assert gates["meeting"].to_list() == ["offset"] * gates.height


def test_the_words_are_those_of_the_tables(looking: Record) -> None:
    told = " ".join(nearness_in_words([looking], contenders([looking])))
    scores = scores_table([looking])
    near = scores.filter(way="interactions", k=3).row(0, named=True)
    assert f"{100 * near['score']:.1f} % are within 3 steps".replace("100.0", "100") in told
    samples = closeness_table(contenders([looking])).row(0, named=True)
    assert f"the samples hold {100 * samples['covered']:.1f} %".replace("100.0", "100") in told
    repeats = scores.filter(way="interactions", k=1)["score"][0]
    assert ("so s₁ is 0" in told) == (repeats == 0)


def test_without_a_graph_factors_are_left_out(looking: Record) -> None:
    grid = (
        looking.experiment.grid_settings if hasattr(looking.experiment, "grid_settings") else None
    )
    assert grid is None
    simple = {cell: keys for cell, keys in looking.cells.items() if cell.backbone == "popularity"}
    plain = looking.experiment.model_copy(
        update={
            "name": "simple",
            "grid": looking.experiment.grid.model_copy(update={"backbones": ("popularity",)}),
        }
    )
    keep_record(plain, looking.workspace, looking.keys, simple)
    record = read_record("simple", looking.workspace)
    assert STAGES["locality"].inputs(record.experiment, None) == ("dataset", "split")
    measure_nearness(record)
    assert set(scores_table([record])["way"]) == {"interactions"}
    assert closeness_table(contenders([record])).height == 0
    told = nearness_in_words([looking, record], contenders([looking, record]))
    assert any(one.startswith("simple: Of the items") for one in told)


def test_the_command_measures_and_tells(looking: Record, autograph: Any) -> None:
    told = autograph("locality", "looking", "--workspace", looking.workspace)
    assert told.exit_code == 0, told.output
    said = " ".join(told.output.split())
    assert "within 3 steps" in said and "Next items are those of the test" in said
    assert LABEL in said
