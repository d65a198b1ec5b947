"""Table 3: what each graph is charged for, and which gains count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.experiment.file import load_experiment
from app.experiment.settings import Cell
from app.pipeline.records import Record, keep_record
from app.reproduce.figures import gauc_improvement, table_3
from app.reproduce.sheets import TABLE
from data import atomic

SECONDS = {
    **{"dataset": 1024, "split": 512, "phrases": 128, "pairs": 256},
    **{"knowledge-user": 1, "knowledge-item": 2, "vectors-user": 4, "vectors-item": 8},
    **{"codes-user": 16, "codes-item": 32, "graph": 64},
}
"""A power of two a stage, so that a sum says what it is of."""


def left(workspace: Path, stage: str, key: str, summary: Mapping[str, Any]) -> None:
    """A finished stage that left nothing but figures."""
    path = workspace / "artifacts" / stage / key / "manifest.json"
    atomic.write_json(path, {"files": {}, "summary": summary})


def test_every_graph_is_charged_for_all_it_is_made_from(tmp_path: Path) -> None:
    for stage, seconds in SECONDS.items():
        left(tmp_path, stage, "k", {"clock": {"seconds": seconds}, "model": "facts"})
    experiment = load_experiment("table3-ml-1m", source=tmp_path)
    told = table_3(Record(experiment, tmp_path, dict.fromkeys(SECONDS, "k"), {}))
    table = told.figures[TABLE]
    assert dict(table.select("enhancer", "built").iter_rows()) == {
        "lightgcn": 512,
        "ccgnn": 128 + 2,
        "topoi2i": 256 + 2 + 8,
        "autograph": 1 + 2 + 4 + 8 + 16 + 32 + 64,
    }


@pytest.mark.parametrize(("leaking", "gain"), [(False, 50.0), (True, None)])
def test_a_gain_that_is_no_fair_one_does_not_count(
    leaking: bool, gain: float | None, tmp_path: Path
) -> None:
    """Texts that saw held-out interactions are in the graph of autograph, not in lightgcn's."""
    gauc, cells = {"none": 0.4, "lightgcn": 0.5, "autograph": 0.6}, {}
    for enhancer, value in gauc.items():
        for stage in ("train", "evaluate"):
            left(tmp_path, stage, enhancer, {"gauc": value})
        keys = dict.fromkeys(("train", "evaluate"), enhancer)
        cells[Cell("sasrec", enhancer, 0)] = keys
    left(tmp_path, "knowledge-user", "k", {"leaking": leaking})
    experiment = load_experiment("table2-ml-1m", source=tmp_path)
    keep_record(experiment, tmp_path, {"knowledge-user": "k"}, cells)
    assert gauc_improvement(tmp_path, "lightgcn") == pytest.approx(25)
    assert gauc_improvement(tmp_path, "autograph") == pytest.approx(gain)
