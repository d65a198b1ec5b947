"""The table of a published split: rows are trained, chosen by validation and judged on the test.

Each user has several items of validation and several of the test; lists hold none of those of
training and, on the test, none of validation. A row is trained on those of training alone, and its
state is kept after every epoch, so that whoever kills it loses the epoch that is under way.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from app.experiment.file import PUBLISHED, put, read_tree, settle
from app.experiment.settings import Cell, Experiment
from data import atomic
from data.errors import ConfigError
from data.loaders import gowalla
from data.loaders.source import Source
from recommend.curve import epochs_of
from recommend.settings import BACKBONES, PLAIN, ModelConfig, TrainConfig

K = 20
"""Length of the lists that are reported."""
KS = (10, K)
WATCHED = f"recall@{K}"
"""The figure of validation whose best epoch is kept, and by which patience is lost."""
JUDGED = 3000
"""Users of validation that are asked after an epoch; the same for every row."""
VARIANTS: Mapping[str, Mapping[str, Any]] = {"gate": {"meeting": "gate"}}
"""Settings of a further row of each backbone that has them, by what ends its name."""
LIMIT = "most_items"
"""The setting of a backbone that refuses large catalogues; a row asked for by name may exceed it"""
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One recommender of the table.

    Attributes:
        key: What `--only` calls it: its backbone, and what differs, after a hyphen.
        backbone: Its name.
        changes: Settings of the backbone that differ from the file's.
    """

    key: str
    backbone: str
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class SplitTable:
    """A table on a split that its publisher made.

    Attributes:
        base: Settings, by an experiment's file.
        rows: What it holds.
        seeds: Of trained rows.
        workspace: Where states and results are kept.
        named: Rows that were asked for one by one.
    """

    base: Experiment
    rows: tuple[SplitRow, ...]
    seeds: tuple[int, ...]
    workspace: Path
    named: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        """With the publisher's files."""
        assert self.base.data.source is not None
        return Path(self.base.data.source)

    @cached_property
    def data_digest(self) -> str:
        """What tells these files from others.

        Raises:
            DataError: one is missing.
        """
        found = hashlib.sha256()
        for name in gowalla.PARTS.values():
            found.update(Source(self.folder).need(name).read_bytes())
        return found.hexdigest()

    def runs(self) -> Iterator[SplitRun]:
        """Every row with every seed; what is not trained is there once."""
        for row in self.rows:
            seeds = self.seeds if BACKBONES[row.backbone].config.learns else (0,)
            yield from (SplitRun(self, row, seed) for seed in seeds)


@dataclass(frozen=True)
class SplitRun:
    """A row with a seed.

    Attributes:
        table: That it is of.
        row: What is trained.
        seed: Draws what is drawn.
    """

    table: SplitTable
    row: SplitRow
    seed: int

    def __str__(self) -> str:
        learns = BACKBONES[self.row.backbone].config.learns
        return f"{self.row.key} seed {self.seed}" if learns else self.row.key

    @cached_property
    def settings(self) -> tuple[ModelConfig, TrainConfig]:
        """What it is, and how it is trained."""
        tree = self.table.base.model_dump(mode="json", exclude_none=True)
        for name, value in self.row.changes.items():
            put(tree, f"override.{self.row.backbone}.model.backbone.{name}", value)
        cell = Cell(self.row.backbone, PLAIN, self.seed)
        experiment = Experiment.model_validate(tree)
        return experiment.model_of(cell), experiment.train_of(cell)

    @cached_property
    def place(self) -> Path:
        """The folder of its state and result: another one for other settings or other data.

        More epochs or more patience go on from the same state, unless the rate falls with epochs.
        """
        config, train = self.settings
        if train.final_share == 1:
            train = train.model_copy(update={"epochs": 1})
        lasting = train.model_copy(update={"patience": 1})
        parts = (one.model_dump_json(exclude_defaults=True) for one in (config, lasting))
        what = "\n".join((*parts, str(JUDGED), self.table.data_digest))
        digest = hashlib.sha256(what.encode()).hexdigest()[:12]
        name = f"{self.row.key}-{self.seed}-{digest}"
        return self.table.workspace / "splits" / self.table.base.name / name

    def epochs(self) -> list[dict[str, Any]]:
        """A row a finished epoch: loss, figures of validation, seconds; none before the first."""
        return epochs_of(self.place, self.place)

    def is_over(self) -> bool:
        """Whether nothing is left to do: it is judged, and out of epochs or of patience."""
        if self.result() is None:
            return False
        if not BACKBONES[self.row.backbone].config.learns:
            return True
        figures, (_, train) = [row[WATCHED] for row in self.epochs()], self.settings
        waited = len(figures) - 1 - figures.index(max(figures))
        return len(figures) >= train.epochs or waited >= train.patience

    def result(self) -> dict[str, Any] | None:
        """Its figures on the test; None where it was not judged, or trained further since."""
        path = self.place / RESULT
        if not path.exists():
            return None
        found: dict[str, Any] = atomic.read_json(path)
        return found if found["epochs"] == len(self.epochs()) else None


def open_split(
    name: str,
    workspace: Path,
    source: Path | None = None,
    seeds: Sequence[int] = (),
    only: Sequence[str] = (),
) -> SplitTable:
    """The table as an experiment's file says.

    Args:
        name: Of an experiment, or its file.
        workspace: Where states and results are kept.
        source: Folder of the publisher's files.
        seeds: To run; by default those of the file.
        only: Rows by name, of which `*` stands for anything; none for all.

    Raises:
        ConfigError: no folder is named, a row is unknown, or one reads what is not there.
    """
    tree = read_tree(name)
    if source is not None:
        put(tree, "data.source", str(source))
    base = settle(tree, name)
    if base.data.source is None:
        raise ConfigError(
            f"{base.name} is trained and judged by the files of a split, and no folder is named. "
            f"Add --from FOLDER, with {', '.join(gowalla.PARTS.values())} in it."
        )
    every = list(_rows(base))
    for wanted in only:
        if not any(fnmatchcase(row.key, wanted) for row in every):
            known = ", ".join(row.key for row in every)
            raise ConfigError(f"{base.name} has no row {wanted!r}. It has: {known}.")
    rows = [row for row in every if not only or any(fnmatchcase(row.key, one) for one in only)]
    of = tuple(dict.fromkeys(seeds)) or base.grid.seeds
    return SplitTable(base, tuple(rows), of, workspace, frozenset(only))


def _rows(base: Experiment) -> Iterator[SplitRow]:
    for backbone in base.grid.backbones:
        needs = base.model_of(Cell(backbone, PLAIN, 0)).needs
        if needs:
            raise ConfigError(
                f"{base.name}: {backbone} reads {' and '.join(needs)}, and a split has "
                "interactions alone. Take it out of grid.backbones, or change its settings."
            )
        yield SplitRow(backbone, backbone, {})
        for slug, changes in VARIANTS.items():
            if set(changes) <= set(BACKBONES[backbone].config.model_fields):
                yield SplitRow(f"{backbone}-{slug}", backbone, changes)


def published(kind: str) -> Mapping[str, Any]:
    """Figures that others published on a split.

    Args:
        kind: One of `tables.SPLITS`.

    It has `source`; `settings`, how they were reached; `digest`, of the files; `rows`, [recall@20,
    NDCG@20] by key of a row; `others`, the same by name of what is no row; and `curve`, validation
    recall@20 by epoch of the row `curve_of`.
    """
    found: Mapping[str, Any] = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))[f"{kind}-split"]
    return found
