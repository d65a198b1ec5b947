"""What a RankGraph is set against, on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from app_fakes import N_ITEMS, run_here

from recommend.rank.profile import COLUMNS

ODD = [f"Title {n}" for n in range(1, N_ITEMS, 2)]


def test_a_row_a_source_and_a_sentence_a_column(
    finished: Path, tiny_experiment: Path, tmp_path: Path, autograph: Any
) -> None:
    workspace = Path(shutil.copytree(finished, tmp_path / "workspace"))
    changes = (
        "name=ranked",
        f'data.domains=[{{name="odd", attribute="title", values={ODD}}}, {{name="even"}}]',
        'grid.backbones=["rankgraph", "popularity"]',
        "train.epochs=1",
    )
    run_here(tiny_experiment, workspace, *(word for one in changes for word in ("--set", one)))
    told = autograph("negatives", "ranked", "--workspace", workspace)
    assert told.exit_code == 0, told.output
    shown = " ".join(told.output.split())
    assert [name for name in ("pairs", "batch", "pool", "semantic") if name not in shown] == []
    assert [words for words in COLUMNS.values() if words not in shown] == []


def test_another_recommender_is_told_to_have_none(
    finished: Path, tiny_experiment: Path, tmp_path: Path, autograph: Any
) -> None:
    workspace = Path(shutil.copytree(finished, tmp_path / "workspace"))
    changes = ("name=other", 'grid.backbones=["lightgcn-cf"]', "train.epochs=1")
    run_here(tiny_experiment, workspace, *(word for one in changes for word in ("--set", one)))
    told = autograph("negatives", "other", "--workspace", workspace)
    assert told.exit_code == 1 and "is a RankGraph" in " ".join(told.output.split())
