"""What was run in a workspace: the settings of each experiment and where its results are."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.experiment.cautions import (
    ALL_EDGES,
    LEAKING_TEXTS,
    TEXTS_SHUFFLED,
    VECTORS_RANDOM,
    Caution,
    of_enhancer,
    of_settings,
    signs,
)
from app.experiment.file import (
    SHIPPED,
    check_experiment,
    exists,
    experiment_toml,
    find_experiment,
    load_experiment,
    name_in,
    origin_of,
    save_experiment,
)
from app.experiment.settings import Cell, Experiment
from app.pipeline.own_texts import with_versions
from app.pipeline.plan import Plan, Step
from data import atomic
from data.artifacts import ArtifactStore
from data.config import Config
from data.errors import ArtifactError, AutoGraphError, ConfigError


@dataclass(frozen=True, slots=True)
class Record:
    """The latest run of an experiment, finished or not.

    Attributes:
        experiment: Its settings, changes by --set and --from included.
        workspace: Where it was run.
        keys: Fingerprints of results that are not of one cell, by stage.
        cells: Fingerprints by stage, for every recommender of the grid.
        file: That the settings are from, as `origin_of` calls it; "" where it is not known.
    """

    experiment: Experiment
    workspace: Path
    keys: Mapping[str, str]
    cells: Mapping[Cell, Mapping[str, str]]
    file: str = ""

    @property
    def store(self) -> ArtifactStore:
        """Where results are kept."""
        return ArtifactStore(self.workspace / "artifacts")

    def folder(self, stage: str, cell: Cell | None = None) -> Path:
        """The folder of a finished result.

        Raises:
            ArtifactError: it is not finished, or damaged.
        """
        return self.store.place(stage, self._sound(stage, cell)["fingerprint"])

    def _sound(self, stage: str, cell: Cell | None) -> dict[str, Any]:
        """The manifest of a finished result, which is as it was written.

        Raises:
            ArtifactError: it is not finished, or damaged.
        """
        key, run = self._key(stage, cell), f"autograph run {self.file or self.experiment.name}"
        if key is None or not self.store.holds(stage, key):
            what = f"{stage} of {cell}" if cell else stage
            raise ArtifactError(
                f"The experiment {self.experiment.name!r} has no finished {what} in "
                f"{self.workspace}. Run it first: {run}"
            )
        again = f"Run it again as before, and this result alone is made anew: {run}"
        return {**self.store.manifest(stage, key, again), "fingerprint": key}

    def _key(self, stage: str, cell: Cell | None) -> str | None:
        return (self.cells[cell] if cell else self.keys).get(stage)

    def encoded_texts(self, side: str) -> Path:
        """The folder of the texts that a side's vectors are of; in a control, shuffled ones.

        Raises:
            ArtifactError: they are not finished, or damaged.
        """
        shuffled = f"shuffled-{side}"
        return self.folder(shuffled if shuffled in self.keys else f"knowledge-{side}")

    def summary(self, stage: str, cell: Cell | None = None) -> dict[str, Any]:
        """Figures that a finished stage left."""
        return dict(self._sound(stage, cell)["summary"])

    def finished_cells(self) -> list[Cell]:
        """Cells that are trained and judged."""
        return [
            cell
            for cell, keys in self.cells.items()
            if all(
                stage in keys and self.store.holds(stage, keys[stage])
                for stage in ("train", "evaluate")
            )
        ]

    def validated(self) -> dict[Cell, float]:
        """NDCG@10 on validation of every finished cell: what one is chosen by."""
        cells = self.finished_cells()
        return {cell: float(self.summary("train", cell)["valid_ndcg@10"]) for cell in cells}

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
        needs = set(self.experiment.learns_from(cell))
        touched = {ALL_EDGES} if "graph" in needs else set()
        touched |= {TEXTS_SHUFFLED, VECTORS_RANDOM} if needs - {"histories"} else set()
        titles = {"words"} if self.experiment.words.of != "texts" else set()
        touched |= {LEAKING_TEXTS} if needs - {"histories"} - titles else set()
        there = self.cautions_of_graph() if touched else ()
        if "pairs" in needs and self._leaking_pairs():
            there = (LEAKING_TEXTS, *there)
        found = tuple(one for one in dict.fromkeys(there) if one in touched)
        return (*found, *of_enhancer(self.experiment, cell))

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
        finished = self.finished_cells()
        fitting = [
            cell
            for cell in finished
            if backbone in (None, cell.backbone)
            and enhancer in (None, cell.enhancer)
            and (seed in (None, cell.seed) or not cell.learns)
        ]
        if not fitting:
            there = ", ".join(map(str, finished)) or "none"
            asked = {"backbone": backbone, "enhancer": enhancer, "seed": seed}
            told = " and ".join(f"{what} {one}" for what, one in asked.items() if one is not None)
            having = f" has {told}" if told else " is there"
            raise ConfigError(
                f"No trained recommender of {self.experiment.name!r}{having}. Trained are: {there}."
            )
        return max(fitting, key=self.validated().__getitem__)


def write_record(plan: Plan, steps: Sequence[Step]) -> Record:
    """What a run is about, kept under its name.

    Raises:
        ConfigError: the name is that of another experiment; see `refuse_namesake`.
    """
    record = record_of(plan, steps)
    with _alone(plan.workspace):
        refuse_namesake(plan)
        before = _before(record.experiment.name, record.workspace)
        file = record.file or (before.file if before else "")
        keep_record(record.experiment, record.workspace, record.keys, record.cells, file)
    return record


def refuse_namesake(plan: Plan) -> None:
    """Nothing, where a plan may have its name in its workspace.

    A name is that of the file which was run under it as long as there is that file; others may have
    it only on the same data.

    Raises:
        ConfigError: another file was run under it, on other data.
    """
    for name in {plan.experiment.name, plan.experiment.texts_name}:
        before = _before(name, plan.workspace)
        if before is None or plan.file in ("", before.file) or not _is_there(before.file):
            continue
        if before.keys.get("dataset") != plan.step("dataset").key:
            raise ConfigError(
                f"The name {name!r} is taken in {plan.workspace}: {before.file} was run under it, "
                f"on other data than {plan.file} names. Give this one another name, by "
                'name = "…" at its top or --set name=…, or choose another --workspace. To let it '
                f"have the name, delete {_place(plan.workspace, name)}: all results stay stored."
            )


def write_if_latest(record: Record, write: Callable[[Record], Path]) -> Path | None:
    """What `write` gives, or None where another run under the name has begun since."""
    with _alone(record.workspace):
        there = read_record(record.experiment.name, record.workspace)
        same = (there.keys, there.cells) == (record.keys, record.cells)
        return write(record) if same else None


@contextmanager
def _alone(workspace: Path) -> Iterator[None]:
    """The only process that looks at the records of a workspace and changes them."""
    with atomic.explain_failures(workspace):
        workspace.mkdir(parents=True, exist_ok=True)
        lock = (workspace / ".runs.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _before(name: str, workspace: Path) -> Record | None:
    """What was run under a name so far, if that can be read."""
    with suppress(ConfigError, ArtifactError):
        return read_record(name, workspace)
    return None


def _is_there(file: str) -> bool:
    """Whether the file of a record is still there."""
    with suppress(ConfigError):
        return bool(file) and find_experiment(file).is_file()
    return False


def record_of(plan: Plan, steps: Sequence[Step]) -> Record:
    """What a run of some steps of a plan is about, whether they are finished or not."""
    cells: dict[Cell, dict[str, str]] = {}
    for step in steps:
        if step.cell:
            cells.setdefault(step.cell, {})[step.stage] = step.key
    keys = {step.stage: step.key for step in steps if step.cell is None}
    return Record(plan.recorded, plan.workspace, keys, cells, plan.file)


def keep_record(
    experiment: Experiment,
    workspace: Path,
    keys: Mapping[str, str],
    cells: Mapping[Cell, Mapping[str, str]],
    file: str = "",
) -> None:
    """Writes a record that `read_record` finds by the experiment's name."""
    content = {
        "file": file,
        "experiment": experiment.model_dump(mode="json", exclude_none=True),
        "keys": dict(keys),
        "cells": [
            {"backbone": c.backbone, "enhancer": c.enhancer, "seed": c.seed, "keys": dict(of)}
            for c, of in cells.items()
        ],
    }
    atomic.write_json(_place(workspace, experiment.name), content)


def _place(workspace: Path, name: str) -> Path:
    return workspace / "runs" / f"{name}.json"


class _Recommender(Config):
    """A cell of the grid, as a record holds it."""

    backbone: str
    enhancer: str
    seed: int
    keys: dict[str, str]


class _Content(Config):
    """What the file of a record holds."""

    file: str = ""
    experiment: dict[str, Any]
    keys: dict[str, str]
    cells: tuple[_Recommender, ...]


def read_record(name_or_path: str, workspace: Path) -> Record:
    """The latest run of an experiment, by its name or its file.

    Raises:
        ConfigError: it was never run in this workspace, or another file was run under its name.
        ArtifactError: the record is damaged.
    """
    name = _name(name_or_path)
    path = _place(workspace, name)
    if not exists(path):
        known = ", ".join(sorted(p.stem for p in (workspace / "runs").glob("*.json"))) or "none"
        raise ConfigError(
            f"The experiment {name!r} was not run in {workspace} (run there: {known}). "
            f"Run it first: autograph run {name_or_path}"
        )
    record = _read(path, workspace, name_or_path)
    if exists(Path(name_or_path)):
        _refuse_another(record, name_or_path)
    return record


def _read(path: Path, workspace: Path, name_or_path: str) -> Record:
    again = f"Run the experiment again: autograph run {name_or_path}. What is finished is kept."
    try:
        content = _Content.model_validate(atomic.read_json(path, again))
        experiment = check_experiment(content.experiment, str(path))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "all of it"
        raise ArtifactError(
            f"The stored file {path} is damaged: {where} is amiss. {again}"
        ) from None
    cells = {Cell(c.backbone, c.enhancer, c.seed): c.keys for c in content.cells}
    return Record(experiment, workspace, content.keys, cells, content.file)


def _refuse_another(record: Record, name_or_path: str) -> None:
    """Nothing, where a record is of the file that it was asked for by.

    Raises:
        ConfigError: it is of another file, and of other results.
    """
    file = origin_of(name_or_path, record.workspace)
    if file in ("", record.file) or not _is_there(record.file) or _gives_same(file, record):
        return
    raise ConfigError(
        f"What is stored in {record.workspace} under the name {record.experiment.name!r} is of "
        f'{record.file}, not of {file}. Run this one under a name of its own, by name = "…" at its '
        "top or --set name=…, or in another --workspace."
    )


def _gives_same(file: str, record: Record) -> bool:
    """Whether a run of a file would give the very results of a record."""
    with suppress(AutoGraphError):
        plan = Plan(load_experiment(file), record.workspace)
        found = record_of(plan, plan.steps())
        cells = {cell: found.cells.get(cell) for cell in record.cells}
        return (cells, {**found.keys, **record.keys}) == (record.cells, found.keys)
    return False


def _name(name_or_path: str) -> str:
    """The name in an experiment's file; what is no file is a name itself."""
    try:
        return name_in(name_or_path)
    except ConfigError:
        return name_or_path


def settings_file(record: Record) -> str:
    """What the command line calls the experiment of a record.

    The name of one that ships, where it was run as it ships; otherwise the path of a file with all
    its settings, which is written beside the record.

    Raises:
        ArtifactError: the disk is full or the workspace may not be written.
    """
    name = record.experiment.name
    if (SHIPPED / f"{name}.toml").exists():
        shipped = with_versions(load_experiment(name), record.workspace)
        if shipped == record.experiment:
            return name
    path = record.workspace.resolve() / "runs" / f"{name}.toml"
    if not path.exists() or path.read_text("utf-8") != experiment_toml(record.experiment):
        save_experiment(record.experiment, path)
    return str(path)
