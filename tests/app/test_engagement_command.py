"""Engagement Recall, from finished results to its table on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import N_ITEMS, N_USERS, run_here

from app.pipeline.records import Record, read_record
from app.results.comparison import contenders
from app.results.engagement import (
    engagement_in_words,
    load_engagement,
    measure_engagement,
    recall_table,
)
from app.results.results import Results
from data.domains import Domains
from data.errors import ConfigError
from recommend.graphs.towers import Towers
from recommend.judge.engagement import ROUTES
from recommend.model import Model

LABEL = "lightgcn-cf+none"
ODD = [f"Title {n}" for n in range(1, N_ITEMS, 2)]


@pytest.fixture(scope="module")
def embedded(
    finished: Path, tiny_experiment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Record:
    """The small experiment with two domains, LightGCN of two seeds beside a simple recommender."""
    workspace = Path(shutil.copytree(finished, tmp_path_factory.mktemp("vectors") / "workspace"))
    changes = (
        "name=embedded",
        f'data.domains=[{{name="odd", attribute="title", values={ODD}}}, {{name="even"}}]',
        'grid.backbones=["lightgcn-cf", "popularity"]',
        "grid.seeds=[0, 1]",
        "train.epochs=1",
    )
    run_here(tiny_experiment, workspace, *(word for one in changes for word in ("--set", one)))
    record = read_record("embedded", workspace)
    measure_engagement(record)
    return record


def test_it_is_measured_once(embedded: Record, monkeypatch: Any) -> None:
    monkeypatch.setattr("recommend.judge.engagement.measure_engagement", None)
    measure_engagement(embedded)


def test_the_rank_by_vectors_is_that_of_their_products(embedded: Record) -> None:
    """Against the products themselves, among what the domain has that the user had not."""
    results, found = Results(embedded), load_engagement(contenders([embedded])[LABEL])
    dataset, split = results.dataset, results.split
    domains, true = Domains.of(dataset), split.targets(dataset, "test")
    assert domains.names == ("even", "odd") and sorted(found) == [0, 1]
    cell = next(cell for cell in embedded.finished_cells() if cell.backbone == "lightgcn-cf")
    users, items = Model.load(embedded.folder("train", cell)).recommender.embeddings()  # type: ignore[attr-defined]
    training, valid = split.histories(dataset), split.targets(dataset, "valid")
    for row in found[cell.seed].per_user.filter(route="u2i").iter_rows(named=True):
        user = row["user"]
        had = {*training.of(user).tolist(), int(valid[user])}
        inside = domains.of_item == domains.of_item[true[user]]
        asked = [n for n in range(N_ITEMS) if inside[n] and n not in had - {int(true[user])}]
        scores = items[asked] @ users[user]
        above = int((scores > items[true[user]] @ users[user] + 1e-6).sum())
        assert row["rank"] == pytest.approx(1 + above, abs=0.6)
        assert row["domain"] == domains.names[domains.of_item[true[user]]]
        assert row["had"] == sum(inside[item] for item in training.of(user))


def test_the_table_is_of_means_over_seeds(embedded: Record) -> None:
    found = load_engagement(contenders([embedded])[LABEL])
    table = recall_table(list(found.values()), ROUTES, (5,))
    assert table.columns == ["domain", "had", "users", "u2i@5", "u2u2i@5", "i2i@5"]
    row = table.filter(domain="odd", had="all").row(0, named=True)
    each = [one.recall(5, "i2i", "odd") for one in found.values()]
    assert row["i2i@5"] == pytest.approx(sum(each) / 2)
    whole = table.filter(pl.col("had") == "all").select("domain", "users").rows()
    assert dict(whole)["all"] == N_USERS == sum(dict(whole).values()) / 2
    for domain in ("all", "odd", "even"):
        parts = table.filter(pl.col("domain") == domain, pl.col("had") != "all")["users"]
        assert parts.sum() == dict(whole)[domain]


def test_the_command_shows_it_and_says_what_it_is(embedded: Record, autograph: Any) -> None:
    at = ("--workspace", embedded.workspace)
    shown = autograph("engagement", "embedded", *at)
    assert shown.exit_code == 0 and f"{LABEL}: Engagement Recall@K, mean of 2 seeds" in shown.output
    assert all(f"{route}@{k}" in shown.output for route in ROUTES for k in (20, 100))
    about = load_engagement(contenders([embedded])[LABEL])[0].about
    words = " ".join(shown.output.split())
    assert all(one in words for one in engagement_in_words(about, ROUTES))
    one = autograph("engagement", "embedded", "--route", "i2i", "-k", 3, *at).output
    assert "i2i@3" in one and "u2i@" not in one and "u2u2i:" not in one


def test_one_without_vectors_as_it_is_set_leaves_the_others(
    embedded: Record, autograph: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    at = ("--workspace", shutil.copytree(embedded.workspace, tmp_path / "workspace"))
    shutil.rmtree(tmp_path / "workspace" / "artifacts" / "engagement")
    own, asked = Towers.embeddings, []

    def only_the_first(towers: Towers) -> Any:
        asked.append(towers)
        if len(asked) > 1:
            raise ConfigError("It has none.")
        return own(towers)

    monkeypatch.setattr(Towers, "embeddings", only_the_first)
    shown = autograph("engagement", "embedded", *at)
    words = " ".join(shown.output.split())
    assert shown.exit_code == 0 and "seed 1 is left out: It has none." in words
    assert "all all 40" in words and "mean of" not in words
    shutil.rmtree(tmp_path / "workspace" / "artifacts" / "engagement")
    told = autograph("engagement", "embedded", *at)
    assert told.exit_code == 1 and told.output.count("It has none.") >= 2


def test_what_is_similar_is_listed(embedded: Record, autograph: Any) -> None:
    at = ("--workspace", embedded.workspace)
    results = Results(embedded)
    cells = [cell for cell in embedded.finished_cells() if cell.backbone == "lightgcn-cf"]
    best = max(cells, key=embedded.validated().__getitem__)
    _, items = results.model(best).recommender.embeddings()  # type: ignore[attr-defined]
    one = results.dataset.item_ids.number("f3")
    lengths = np.linalg.norm(items, axis=1)
    cosines = items @ items[one] / lengths / lengths[one]
    cosines[one] = -1
    order = np.argsort(-cosines)[:3]
    shown = autograph("similar", "embedded", "f3", "-k", 3, *at).output
    assert shown.splitlines()[0].endswith(": most like Title 3") and str(best) in shown
    lines = shown.splitlines()[1:]
    named = [line.split(". ")[1].split(" 0.")[0] for line in lines]
    assert named == [results.dataset.items["title"][int(n)] for n in order]
    assert all(line.endswith((", odd", ", even")) for line in lines)
    for wrong in (("f999",), ("f3", "--backbone", "popularity")):
        told = autograph("similar", "embedded", *wrong, *at)
        assert told.exit_code == 1 and "Traceback" not in told.output
    assert "lightgcn-cf" in told.output


def test_who_has_no_vectors_is_told(finished: Path, autograph: Any) -> None:
    shown = autograph("engagement", "tiny", "--workspace", finished)
    assert shown.exit_code == 1 and "Traceback" not in shown.output
    words = " ".join(shown.output.split())
    assert "No trained recommender of 'tiny' has a vector" in words
    assert "trained: gru4rec" in words and "lightgcn-cf" in words
    assert autograph("engagement", "nowhere", "--workspace", finished).exit_code == 1
