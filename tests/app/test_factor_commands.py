"""Factors on the command line, other methods beside the run's own, and maps that are kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.pipeline.records import Record, read_record
from app.results.alternatives import alternative_table, alternatives, fit_alternatives
from app.results.results import Results
from data.errors import ArtifactError, ConfigError
from quantize.fit import FittedCodes

OTHERS = ["rq-kmeans", "hierarchical", "lsh", "pq"]
"""Methods that the run did not use."""


@pytest.fixture
def record(finished: Path, tiny_experiment: Path, tmp_path: Path) -> Record:
    workspace = Path(shutil.copytree(finished, tmp_path / "workspace"))
    return read_record(str(tiny_experiment), workspace)


def test_other_methods_have_the_same_vectors_levels_and_codes(record: Record) -> None:
    own, *others = alternatives(record, "item")
    assert (own.method, own.own) == ("rq-vae", True)
    assert [other.method for other in others] == OTHERS
    assert own.figures is not None and all(other.figures is None for other in others)
    assert own.step.key == record.keys["codes-item"]
    fit_alternatives(record, "item")
    table = alternative_table(alternatives(record, "item"))
    assert table["method"].to_list() == [m for m in ["rq-vae", *OTHERS] for _ in range(2)]
    assert table["codes"].n_unique() == 1 and (table["kept"] <= 1).all()
    place = record.store.place("codes-item", alternatives(record, "item")[1].step.key)
    fitted = FittedCodes.load(place)
    assert fitted.codes.ids == FittedCodes.load(record.folder("codes-item")).codes.ids
    figures = fitted.codes.statistics
    assert table.filter(method="rq-kmeans")["perplexity"].to_list() == figures["perplexity"]


@pytest.mark.parametrize("method", OTHERS)
def test_the_alternative_is_what_a_run_with_it_would_make(
    record: Record, tiny_experiment: Path, method: str
) -> None:
    from app.experiment.file import load_experiment
    from app.pipeline.plan import Plan

    change = [f'quantize.item={{method="{method}", k=4, levels=2, per_code=2}}']
    plan = Plan(load_experiment(str(tiny_experiment), change), record.workspace)
    (same,) = (one for one in alternatives(record, "item") if one.method == method)
    assert plan.step("codes-item").key == same.step.key


def test_a_run_without_vectors_has_no_alternatives(record: Record) -> None:
    bare = Record(record.experiment, record.workspace, {}, {})
    with pytest.raises(ArtifactError, match="has no vectors-item to go on from"):
        alternatives(bare, "item")


def test_a_map_is_drawn_once(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Results(record).codebook_map("user", 0)
    path = Results(record).map_path("user", 0)
    assert path.exists() and Results(record).map_path("user", None) != path
    path.write_bytes(b"damaged")
    assert Results(record).codebook_map("user", 0).equals(drawn)
    monkeypatch.setattr("quantize.codebook_map.draw_map", None)
    assert Results(record).codebook_map("user", 0).equals(drawn)


def test_a_map_is_drawn_where_nothing_can_be_kept(record: Record) -> None:
    (record.workspace / "cache" / "maps").write_text("a file in the way")
    results = Results(record)
    assert results.codebook_map("user", None).height == 2 * results.codes("user").codes.k


def test_commands_show_levels_and_factors(record: Record, autograph: Any) -> None:
    place = ("--workspace", record.workspace)
    told = autograph("factors", "show", "tiny", "item", *place)
    assert told.exit_code == 0 and "distinct" in told.output, told.output
    lexicon = Results(record).lexicon("item")
    level, code = 0, int(lexicon.codes.codes[0, 0])
    told = autograph("factors", "show", "tiny", "item", f"{level}-{code}", *place)
    assert told.exit_code == 0 and f"Members: {lexicon.rows(level, code).size}" in told.output
    assert lexicon.codes.ids[lexicon.rows(level, code)[0]] in told.output
    told = autograph("factors", "alternatives", "tiny", "user", *place)
    assert told.exit_code == 0 and "rq-kmeans" in told.output, told.output
    told = autograph("factors", "show", "tiny", "item", "9-9", *place)
    assert told.exit_code == 1 and "no factor '9-9'" in told.output


@pytest.mark.parametrize("written", ["", "0", "0-99", "7-0", "-1-0", "a-b", "0-1-2"])
def test_what_is_no_factor_is_refused(record: Record, written: str) -> None:
    with pytest.raises(ConfigError, match="LEVEL-CODE"):
        Results(record).lexicon("item").factor(written)


def test_typical_members_are_named_by_the_rows_of_the_table(record: Record) -> None:
    lexicon = Results(record).lexicon("item")
    level, code = lexicon.factor(f"1-{lexicon.codes.codes[3, 1]}")
    members = lexicon.members(level, code)
    assert members["distance"].is_sorted() and "f3" in members["id"].to_list()
    assert members["id"].to_list() == [lexicon.codes.ids[row] for row in members["row"]]
    assert isinstance(members, pl.DataFrame)
