"""The data set of an experiment and its split by time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.stage import Stage, Task, no_settings, reads
from data import atomic
from data.catalogue import card
from data.loaders.load import load_dataset, source_digests
from data.settings import TABLES, DomainConfig, FilesConfig
from data.split import leave_one_out

READERS = {"demo": 2, "files": 2, "amazon-books": 2}
"""Versions of the readers of single data sets, raised like a stage's when one gives other results;
those that are not here have 1, and their results stay valid."""


def make_dataset(task: Task) -> Mapping[str, Any]:
    """The data set, and a table of rows that could not be read."""
    loaded = load_dataset(task.experiment.data, task.workspace / "downloads", task.on_progress)
    loaded.dataset.save(task.folder)
    atomic.write_parquet(task.folder / "bad_rows.parquet", loaded.bad_rows)
    return {
        "users": loaded.dataset.n_users,
        "items": loaded.dataset.n_items,
        "interactions": loaded.dataset.interactions.height,
        "bad rows": loaded.bad_rows.height,
        "left out": dict(loaded.left_out),
        "understood": list(loaded.understood),
    }


def make_split(task: Task) -> Mapping[str, Any]:
    """The split by time."""
    split = leave_one_out(task.dataset)
    split.save(task.folder)
    return {"train": len(split.train), "valid": len(split.valid), "test": len(split.test)}


def _settings(experiment: Experiment, _cell: Cell | None, workspace: Path) -> Mapping[str, Any]:
    config = experiment.data
    given = config.model_dump(mode="json", exclude={"source", "max_history", "files", "domains"})
    if config.domains:
        given["domains"] = [_domain(one) for one in config.domains]
    if config.name in READERS:
        given["reader"] = READERS[config.name]
    if config.min_rating is None:
        given["min_rating"] = card(config.name).min_rating
    if config.files is not None:
        given["files"] = _files(config.files)
    return {**given, "content": source_digests(config, workspace / "downloads")}


def _domain(config: DomainConfig) -> Mapping[str, Any]:
    """Settings of a domain; of one that has no tables as they were before others had."""
    given = config.model_dump(mode="json", exclude={"files"})
    return given if config.files is None else {**given, "files": _files(config.files)}


def _files(config: FilesConfig) -> Mapping[str, Any]:
    """Settings of own tables without their paths; their content is told apart."""
    unused = set() if config.behaviour else {"behaviour", "behaviours"}
    given = config.model_dump(mode="json", exclude={*TABLES, "log"} | unused)
    if config.log is None:
        return given
    return {**given, "log": config.log.model_dump(mode="json", exclude={"path"})}


STAGES = {
    "dataset": Stage("reading data", 1, reads(), _settings, make_dataset),
    "split": Stage("splitting", 1, reads("dataset"), no_settings, make_split),
}
