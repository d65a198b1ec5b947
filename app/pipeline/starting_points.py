"""What a new experiment may begin with: those that ship, those that are saved, those that ran."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

from app.experiment.drafts import Base, saved_folder
from app.experiment.file import SHIPPED, read_tree
from app.experiment.settings import Experiment
from app.pipeline.records import read_record
from data.errors import AutoGraphError
from data.settings import DataConfig


def bases(workspace: Path) -> list[Base]:
    """What there is in a workspace and beside it: what ran is there if it is in no file.

    Files that are no experiments, and records that cannot be read, are left out.
    """
    files = [*_files(saved_folder(workspace), "saved"), *_files(SHIPPED, "ships")]
    return [*files, *_runs(workspace, [base.experiment for base in files])]


def users_of_data(workspace: Path) -> list[tuple[str, DataConfig]]:
    """Name and data of every experiment that may be begun with."""
    return [(base.experiment.name, base.experiment.data) for base in bases(workspace)]


def _files(folder: Path, where: Literal["ships", "saved"]) -> Iterator[Base]:
    for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem):
        ships = where == "ships"
        try:
            tree = read_tree(str(path))
            experiment = _experiment(json.dumps(tree, default=str))
        except (AutoGraphError, ValueError):
            continue
        key = path.stem if ships else f"{path.stem} (saved)"
        yield Base(key, where, tree, experiment, path.stem if ships else str(path))


@lru_cache(maxsize=512)
def _experiment(tree: str) -> Experiment:
    """The experiment of nested tables, checked once for as long as they say the same.

    Args:
        tree: As JSON.
    """
    return Experiment.model_validate(json.loads(tree))


def _runs(workspace: Path, known: list[Experiment]) -> Iterator[Base]:
    for path in sorted((workspace / "runs").glob("*.json")):
        try:
            experiment = read_record(path.stem, workspace).experiment
        except AutoGraphError:
            continue
        if experiment not in known:
            tree = experiment.model_dump(mode="json", exclude_none=True)
            yield Base(f"{path.stem} (as it ran)", "run", tree, experiment, None)
