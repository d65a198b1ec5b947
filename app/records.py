"""What was run in a workspace: the settings of each experiment and where its results are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.cautions import ALL_EDGES, LEAKING_TEXTS, TEXTS_SHUFFLED, Caution, of_settings, signs
from app.experiment_file import checked, name_in
from app.plan import Plan, Step
from app.settings import Cell, Experiment
from data import atomic
from data.artifacts import ArtifactStore
from data.errors import ArtifactError, ConfigError


@dataclass(frozen=True, slots=True)
class Record:
    """The latest run of an experiment, finished or not.

    Attributes:
        experiment: Its settings, changes by --set and --from included.
        workspace: Where it was run.
        keys: Fingerprints of results that are not of one cell, by stage.
        cells: Fingerprints by stage, for every recommender of the grid.
    """

    experiment: Experiment
    workspace: Path
    keys: Mapping[str, str]
    cells: Mapping[Cell, Mapping[str, str]]

    @property
    def store(self) -> ArtifactStore:
        """Where results are kept."""
        return ArtifactStore(self.workspace / "artifacts")

    def folder(self, stage: str, cell: Cell | None = None) -> Path:
        """The folder of a finished result.

        Raises:
            ArtifactError: it is not finished, or damaged.
        """
        key = (self.cells[cell] if cell else self.keys).get(stage)
        if key is None or not self.store.holds(stage, key):
            what = f"{stage} of {cell}" if cell else stage
            raise ArtifactError(
                f"The experiment {self.experiment.name!r} has no finished {what} in "
                f"{self.workspace}. Run it first: autograph run {self.experiment.name}"
            )
        self.store.manifest(stage, key)
        return self.store.place(stage, key)

    def encoded_texts(self, side: str) -> Path:
        """The folder of the texts that a side's vectors are of; in a control, shuffled ones.

        Raises:
            ArtifactError: they are not finished, or damaged.
        """
        shuffled = f"shuffled-{side}"
        return self.folder(shuffled if shuffled in self.keys else f"knowledge-{side}")

    def summary(self, stage: str, cell: Cell | None = None) -> dict[str, Any]:
        """Figures that a finished stage left."""
        summary: dict[str, Any] = atomic.read_json(self.folder(stage, cell) / "manifest.json")
        return dict(summary["summary"])

    def finished(self) -> list[Cell]:
        """Cells that are trained and judged."""
        return [
            cell
            for cell, keys in self.cells.items()
            if all(
                stage in keys and self.store.holds(stage, keys[stage])
                for stage in ("train", "evaluate")
            )
        ]

    @property
    def left_out(self) -> Mapping[str, int] | None:
        """Counts of what was read of the data and not kept; None of old results."""
        counts: Mapping[str, int] | None = self.summary("dataset").get("left out")
        return counts

    def judging(self, cell: Cell) -> dict[str, Any]:
        """How a finished cell was judged: candidates, what was left out, and the like."""
        return dict(atomic.read_json(self.folder("evaluate", cell) / "evaluation.json")["about"])

    def leaking(self, cell: Cell) -> bool:
        """Whether a cell has seen held-out interactions, in texts or on edges."""
        return any(caution.leak for caution in self.cautions(cell))

    def cautions(self, cell: Cell) -> tuple[Caution, ...]:
        """Why what a cell reached is no fair result, by what its enhancer learns from."""
        needs = set(self.experiment.model_of(cell).enhancer.needs)
        touched = {ALL_EDGES} if "graph" in needs else set()
        touched |= {LEAKING_TEXTS, TEXTS_SHUFFLED} if needs - {"histories"} else set()
        there = self.cautions_of_graph() if touched else ()
        if "pairs" in needs and self._leaking_pairs():
            there = (LEAKING_TEXTS, *there)
        return tuple(one for one in dict.fromkeys(there) if one in touched)

    def _leaking_pairs(self) -> bool:
        """Whether those who said which items are alike had seen held-out interactions."""
        key = self.keys.get("pairs")
        finished = key is not None and self.store.holds("pairs", key)
        return finished and bool(self.summary("pairs").get("leaking"))

    def cautions_of_graph(self, sides: Sequence[str] = ("user", "item")) -> tuple[Caution, ...]:
        """What is to be said wherever texts, factors or the graph show.

        Args:
            sides: Whose texts show; those of the other need not be finished.
        """
        told = [f"knowledge-{side}" for side in sides if f"knowledge-{side}" in self.keys]
        seen = any(self.summary(stage).get("leaking") for stage in told)
        return (*([LEAKING_TEXTS] if seen else []), *of_settings(self.experiment))

    def marks(self, cell: Cell) -> str:
        """The signs of `cautions`."""
        return signs(self.cautions(cell))

    def choose(self, backbone: str | None, enhancer: str | None, seed: int | None) -> Cell:
        """The finished cell that fits, the best on validation where several do.

        Raises:
            ConfigError: none fits.
        """
        finished = self.finished()
        fitting = [
            cell
            for cell in finished
            if backbone in (None, cell.backbone)
            and enhancer in (None, cell.enhancer)
            and seed in (None, cell.seed)
        ]
        if not fitting:
            there = ", ".join(map(str, finished)) or "none"
            raise ConfigError(
                f"No trained recommender of {self.experiment.name!r} fits --backbone, --enhancer "
                f"and --seed. Trained are: {there}."
            )
        return max(fitting, key=lambda cell: self.summary("train", cell)["valid_ndcg@10"])


def write_record(plan: Plan, steps: Sequence[Step]) -> None:
    """Keeps what a run is about, under its name."""
    record = record_of(plan, steps)
    keep_record(record.experiment, record.workspace, record.keys, record.cells)


def record_of(plan: Plan, steps: Sequence[Step]) -> Record:
    """What a run of some steps of a plan is about, whether they are finished or not."""
    cells: dict[Cell, dict[str, str]] = {}
    for step in steps:
        if step.cell:
            cells.setdefault(step.cell, {})[step.stage] = step.key
    keys = {step.stage: step.key for step in steps if step.cell is None}
    return Record(plan.recorded, plan.workspace, keys, cells)


def keep_record(
    experiment: Experiment,
    workspace: Path,
    keys: Mapping[str, str],
    cells: Mapping[Cell, Mapping[str, str]],
) -> None:
    """Writes a record that `read_record` finds by the experiment's name."""
    content = {
        "experiment": experiment.model_dump(mode="json", exclude_none=True),
        "keys": dict(keys),
        "cells": [
            {"backbone": c.backbone, "enhancer": c.enhancer, "seed": c.seed, "keys": dict(of)}
            for c, of in cells.items()
        ],
    }
    atomic.write_json(workspace / "runs" / f"{experiment.name}.json", content)


def read_record(name_or_path: str, workspace: Path) -> Record:
    """The latest run of an experiment, by its name or its file.

    Raises:
        ConfigError: it was never run in this workspace.
    """
    name = _name(name_or_path)
    path = workspace / "runs" / f"{name}.json"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in (workspace / "runs").glob("*.json"))) or "none"
        raise ConfigError(
            f"The experiment {name!r} was not run in {workspace} (run there: {known}). "
            f"Run it first: autograph run {name_or_path}"
        )
    again = f"Run the experiment again: autograph run {name_or_path}. What is finished is kept."
    content = atomic.read_json(path, again)
    cells = {Cell(c["backbone"], c["enhancer"], c["seed"]): c["keys"] for c in content["cells"]}
    experiment = checked(content["experiment"], str(path))
    return Record(experiment, workspace, content["keys"], cells)


def _name(name_or_path: str) -> str:
    """The name in an experiment's file; what is no file is a name itself."""
    try:
        return name_in(name_or_path)
    except ConfigError:
        return name_or_path
