"""Which results an experiment needs, how they are called, and where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from app.experiment.settings import PLAIN, Cell, Experiment
from app.pipeline.own_texts import with_changes_so_far, with_versions
from app.pipeline.stages.order import STAGES, stages_behind, stages_named
from data.artifacts import ArtifactStore, fingerprint


@dataclass(frozen=True, slots=True)
class Step:
    """One result: a stage, for a cell of the grid if there is one for each, and its fingerprint.

    Attributes:
        stage: Its name in `STAGES`.
        key: Fingerprint of the result.
        inputs: Fingerprints of what it reads, by stage.
        cell: Of the grid.
        settings: All that the result depends on beside its inputs, JSON-able.
    """

    stage: str
    key: str
    inputs: Mapping[str, str]
    cell: Cell | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        what = STAGES[self.stage].what
        return f"{what} {self.cell}" if self.cell else what


@dataclass(frozen=True)
class Plan:
    """The steps of an experiment.

    Attributes:
        experiment: Its settings; a person's own templates and texts by hand are pinned to what
            they are when the plan is made.
        workspace: Holds artifacts, caches, downloads, templates, runs and results.
        file: That the settings are from, as `origin_of` calls it; "" where it is not known.
        recorded: The settings as a record keeps them: whoever runs them again takes in later texts
            by hand, too.
    """

    experiment: Experiment
    workspace: Path
    file: str = ""
    recorded: Experiment = field(init=False, repr=False)
    _steps: dict[tuple[str, Cell | None], Step] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        pinned = with_versions(self.experiment, self.workspace)
        object.__setattr__(self, "recorded", pinned)
        object.__setattr__(self, "experiment", with_changes_so_far(pinned, self.workspace))

    @property
    def store(self) -> ArtifactStore:
        """Where results are kept."""
        return ArtifactStore(self.workspace / "artifacts")

    def step(self, stage: str, cell: Cell | None = None) -> Step:
        """The step of a stage; computing its fingerprint reads the files that it depends on.

        Raises:
            AutoGraphError: one of these files is missing or damaged.
        """
        cell = cell if STAGES[stage].a_cell else None
        if (stage, cell) not in self._steps:
            described = STAGES[stage]
            names = described.inputs(self.experiment, cell)
            inputs = {name: self.step(name, cell).key for name in names}
            others = described.of_others(self.experiment, cell)
            inputs |= {name: self.step(name, other).key for name, other in others.items()}
            settings = described.settings(self.experiment, cell, self.workspace)
            key = fingerprint(stage, described.version, settings, inputs)
            self._steps[stage, cell] = Step(stage, key, inputs, cell, settings)
        return self._steps[stage, cell]

    def steps(self, upto: str | None = None) -> list[Step]:
        """What has to be there for the whole experiment, or for what `stages_named`, in order.

        Raises:
            ConfigError: there is no such stage.
        """
        wanted: dict[tuple[str, Cell | None], Step] = {}
        for stage, cell in self._goals(None if upto is None else stages_named(upto)):
            self._gather(stage, cell, wanted)
        order = list(STAGES)
        cells = list(dict.fromkeys(chain.from_iterable(map(self._in_order, self.experiment.grid))))
        shared = [step for step in wanted.values() if step.cell is None]
        a_cell = [step for step in wanted.values() if step.cell is not None]
        shared.sort(key=lambda step: order.index(step.stage))
        a_cell.sort(key=lambda step: (cells.index(step.cell), order.index(step.stage)))  # type: ignore[arg-type]
        return shared + a_cell

    def _in_order(self, cell: Cell) -> Iterator[Cell]:
        """The cells whose results one reads, and it."""
        for stage in STAGES.values():
            if stage.a_cell:
                for other in stage.of_others(self.experiment, cell).values():
                    yield from self._in_order(other)
        yield cell

    def _goals(self, upto: Sequence[str] | None) -> Iterator[tuple[str, Cell | None]]:
        for cell in self.experiment.grid:
            for stage in upto or ("evaluate",):
                yield stage, cell
        if upto is None:
            yield from ((f"factors-{side}", None) for side in self._sides())

    def _sides(self) -> Iterator[str]:
        """Sides whose factors are named: both where an enhancer is a part, or one reads the graph.

        For one that stands around another recommender, or gets its vectors, those whose texts it
        has vectors of.
        """
        grid = self.experiment.grid
        read = {cell: stages_behind(self.experiment, "train", cell=cell) for cell in grid}
        enhanced = [cell for cell in grid if cell.enhancer != PLAIN]
        both = any(self.experiment.reads(cell) is None for cell in enhanced)
        both = both or any("graph" in stages for stages in read.values())
        for side in ("user", "item"):
            if both or any(f"vectors-{side}" in read[cell] for cell in enhanced):
                yield side

    def _gather(
        self, stage: str, cell: Cell | None, wanted: dict[tuple[str, Cell | None], Step]
    ) -> None:
        step = self.step(stage, cell)
        if (stage, step.cell) not in wanted:
            others = STAGES[stage].of_others(self.experiment, step.cell)
            for name in step.inputs:
                self._gather(name, others.get(name, cell), wanted)
            wanted[stage, step.cell] = step
