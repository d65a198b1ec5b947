"""A person's own tables: what becomes of them, and the experiment that they are for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.experiment.file import checked, experiment_toml, save_experiment
from app.experiment.settings import Experiment
from app.pipeline.starting_points import saved_folder
from data.errors import AutoGraphError, ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

    from data.settings import DataConfig


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of tables as they were read.

    Attributes:
        bad_rows: `file`, `line` (from 1), `reason`; a row a row that could not be used.
        counts: Users, items and interactions that are left; empty with `problem`.
        left_out: Counts of what was read and not kept, in words.
        problem: Why they cannot be used at all, in a sentence; "" if they can.
        understood: How columns were read whose meaning was told from their values, in sentences.
    """

    bad_rows: pl.DataFrame
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    problem: str = ""
    understood: tuple[str, ...] = ()


def try_tables(config: DataConfig) -> Outcome:
    """What becomes of a person's tables, all rows of them, as a run would read them.

    Every row that cannot be used is listed, whatever the settings would do at the first.
    """
    import polars as pl

    from data.loaders import own_files
    from data.loaders.raw import BadRows
    from data.preprocess import preprocess

    assert config.files is not None, "these are settings of own tables"
    bad_rows, least = BadRows("skip"), config.min_rating
    try:
        raw = own_files.load(config.files, bad_rows)
        low = -math.inf if least is None else least
        prepared = preprocess(raw, config.name, low, config.min_history)
    except AutoGraphError as error:
        return Outcome(bad_rows.table(), {}, {}, _without_folders(str(error), config))
    except pl.exceptions.PolarsError as error:
        first = str(error).partition("\n")[0]
        return Outcome(bad_rows.table(), {}, {}, f"The tables cannot be read: {first}.")
    made = prepared.dataset
    counts = {"users": made.n_users, "items": made.n_items, "interactions": len(made.interactions)}
    return Outcome(bad_rows.table(), counts, prepared.left_out, understood=prepared.understood)


def _without_folders(sentence: str, config: DataConfig) -> str:
    """A message in which files are called as the person calls them."""
    files = config.files
    paths = [files.interactions, files.users, files.items] if files else []
    for path in filter(None, paths):
        sentence = sentence.replace(str(path), path.name)
    return sentence


def own_experiment(name: str, config: DataConfig, note: str = "") -> Experiment:
    """An experiment on a person's own tables; everything else is as it is by default.

    Raises:
        ConfigError: the name does not do.
    """
    given: dict[str, Any] = {"name": name, "note": note, "data": config.model_dump(mode="json")}
    if len(name) > 80:
        raise ConfigError("The name is longer than 80 letters.")
    return checked(given, "The experiment")


def save_own(experiment: Experiment, workspace: Path, *, replace: bool = False) -> Path:
    """The file that `autograph run` takes.

    Args:
        experiment: To be saved under its name.
        workspace: That keeps it.
        replace: Whether another one of that name may go.

    Raises:
        ConfigError: there is another one of that name.
        ArtifactError: the workspace may not be written.
    """
    path = saved_folder(workspace) / f"{experiment.name}.toml"
    if path.exists() and not replace and not _says(path, experiment):
        raise ConfigError(
            f"There is another experiment {experiment.name!r} in this workspace. Choose another "
            "name, or tick that it is to be replaced."
        )
    return save_experiment(experiment, path)


def _says(path: Path, experiment: Experiment) -> bool:
    try:
        return path.read_text(encoding="utf-8") == experiment_toml(experiment)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {path} ({error}). Choose another name.") from error
