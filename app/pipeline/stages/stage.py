"""What a stage is: what it reads, which settings its result depends on, and what it leaves.

Settings that cannot change a result (paths, URLs, devices, processes) are in no fingerprint; the
content of the files they point to is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.experiment.settings import Cell, Experiment
from data.dataset import Dataset
from data.split import Split

HOW_IT_IS_RUN = {
    *("batch_size", "tensor_parallel", "memory_share", "path", "url", "key_variable"),
    *("concurrency", "timeout_s", "attempts", "stop_after"),
}
"""Settings of models that say where and how they are asked, and change no result."""
Progress = Callable[[int, int, str], None]
"""Hears of what is done, out of how many (0: not known), and what it is."""
Settings = Callable[[Experiment, Cell | None, Path], Mapping[str, Any]]
Inputs = Callable[[Experiment, Cell | None], tuple[str, ...]]
Others = Callable[[Experiment, Cell | None], Mapping[str, Cell]]


@dataclass(frozen=True, slots=True)
class Task:
    """What a stage is given.

    Attributes:
        experiment: All settings.
        cell: The recommender of the grid, for stages that are run for each.
        inputs: Folder of each input's result.
        folder: To fill.
        scratch: For checkpoints; it is removed when the stage is finished.
        workspace: Holds caches and downloads.
        on_progress: To be told.
        device: That models are trained on, as torch calls it.
    """

    experiment: Experiment
    cell: Cell | None
    inputs: Mapping[str, Path]
    folder: Path
    scratch: Path
    workspace: Path
    on_progress: Progress
    device: str = "cpu"

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        return Dataset.load(self.inputs["dataset"])

    @property
    def split(self) -> Split:
        """Its split."""
        return Split.load(self.inputs["split"])

    def texts(self, side: str) -> Path:
        """The folder of a side's texts, those of the control where there is one."""
        return self.inputs.get(f"shuffled-{side}") or self.inputs[f"knowledge-{side}"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way.

    Attributes:
        what: What it does, for the person who waits.
        version: Raised when the code of the stage gives other results.
        inputs: Names of the stages whose results it reads.
        settings: JSON-able, all that its result depends on beside its inputs; from an experiment, a
            cell and the workspace, where a person's own templates are.
        run: Fills a folder; what it returns is kept in the manifest.
        a_cell: Whether there is one for every recommender of the grid.
        of_others: Cells whose results of a stage it reads, by the stage.
        gives: What training may read of its result: parts of `recommend.sources.Sources`, and what
            opens each from the folder; a new name is a relation.
    """

    what: str
    version: int
    inputs: Inputs
    settings: Settings
    run: Callable[[Task], Mapping[str, Any]]
    a_cell: bool = False
    of_others: Others = lambda _experiment, _cell: {}
    gives: Mapping[str, Callable[[Path], Any]] = field(default_factory=dict)


def reads(*names: str) -> Inputs:
    """The same inputs for every experiment."""
    return lambda _experiment, _cell: names


def no_settings(_experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    """Nothing: the result depends on the inputs alone."""
    return {}
