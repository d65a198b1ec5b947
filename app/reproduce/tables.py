"""A table of the paper as experiments of a workspace: its rows, what is there, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from app.experiment.file import put, read_tree, settle, shipped_files
from app.experiment.settings import BACKBONES, CONTROLS, Cell, Experiment
from app.pipeline.plan import Plan, Step
from app.pipeline.records import Record, read_record, write_record
from app.pipeline.runner import Showing, in_silence, run_steps
from app.reproduce.protocol import Figures, figures_of
from app.reproduce.variants import DOMAINS, UNPUBLISHED, Variant, variants_of
from data.errors import ConfigError
from recommend.settings import ENHANCERS, OURS, PLAIN
from recommend.settings.registry import takes_enhancers


@dataclass(frozen=True, slots=True)
class Row:
    """One recommender of a table.

    Attributes:
        key: What `--only` calls it: backbone+enhancer, and what differs, after a hyphen.
        variant: That it belongs to.
        backbone: Its name.
        enhancer: Its name.
        figures: What the paper reports of it; none where it does not.
    """

    key: str
    variant: Variant
    backbone: str
    enhancer: str
    figures: Figures

    def cells(self, seeds: tuple[int, ...]) -> list[Cell]:
        """Of the variant's experiment, a seed each; what is not trained is there once."""
        cells = [Cell(self.backbone, self.enhancer, seed) for seed in seeds]
        return cells if not cells or cells[0].learns else [replace(cells[0], seed=0)]


def rows_of(kind: str, dataset: str, experiment: Experiment) -> list[Row]:
    """The rows of a table, backbone by backbone."""
    variants = variants_of(kind, experiment)
    return [
        Row(
            key=_key(kind, backbone, enhancer, variant.slug),
            variant=variant,
            backbone=backbone,
            enhancer=enhancer,
            figures=figures_of(kind, dataset, backbone).get(
                variant.paper.get(enhancer, enhancer), {}
            ),
        )
        for backbone in experiment.grid.backbones
        for variant in variants
        for enhancer in _enhancers(backbone, variant)
    ]


def _enhancers(backbone: str, variant: Variant) -> tuple[str, ...]:
    """What a variant adds to a backbone; one that takes nothing is there once, as it is."""
    if variant.backbones and backbone not in variant.backbones:
        return ()
    if takes_enhancers(backbone):
        return variant.enhancers
    return () if variant.slug and not variant.backbones else (PLAIN,)


def missing_rows(kind: str, dataset: str, rows: list[Row]) -> list[tuple[str, str]]:
    """Backbone and name of the paper's rows that are none of ours."""
    there = {(row.backbone, row.variant.paper.get(row.enhancer, row.enhancer)) for row in rows}
    return [
        (backbone, name)
        for backbone in BACKBONES
        for name in figures_of(kind, dataset, backbone)
        if (backbone, name) not in there
    ]


def key_of(backbone: str, enhancer: str, slug: str) -> str:
    """What a row is called.

    >>> key_of("sasrec", "autograph", ""), key_of("sasrec", "autograph", "shuffled")
    ('sasrec+autograph', 'sasrec+autograph-shuffled')
    """
    return f"{backbone}+{enhancer}" + (f"-{slug}" if slug else "")


def _key(kind: str, backbone: str, enhancer: str, slug: str) -> str:
    """What a row is called; in ablations over domains, by what differs or by its backbone alone."""
    return (slug or backbone) if kind in DOMAINS else key_of(backbone, enhancer, slug)


def experiment_of(base: Experiment, variant: Variant) -> Experiment:
    """The experiment of a variant: the base's settings, what differs, and its own name."""
    tree = base.model_dump(mode="json", exclude_none=True)
    if variant.slug and variant.slug not in CONTROLS:
        tree["name"] = f"{base.name}-{variant.slug}"
    tree["grid"]["enhancers"] = list(variant.enhancers)
    if variant.backbones:
        tree["grid"]["backbones"] = list(variant.backbones)
    for key, value in variant.changes.items():
        if "{pair}" not in key:
            put(tree, key, value)
            continue
        for backbone in filter(takes_enhancers, base.grid.backbones):
            for enhancer in variant.enhancers:
                put(tree, key.replace("{pair}", f"{backbone}+{enhancer}"), value)
    return Experiment.model_validate(tree)


KINDS = ("table2", "table4", "table5", "table6", "leak", *UNPUBLISHED, *DOMAINS)
"""Tables whose rows are recommenders; the name of an experiment's file begins with one."""
OTHERS = ("table3", "figure3", "figure6")
"""What else can be reproduced."""
SPLITS = ("gowalla",)
"""Tables on a split that the publisher made, which has several held-out items a user."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One table on one data set.

    Attributes:
        name: Of its experiment.
        kind: One of `KINDS`.
        base: Settings that its rows have in common.
        rows: What it holds.
        pending: Rows of the paper that are not trained, and why.
        seeds: That are to be run; the base's grid has those of earlier runs, too.
        workspace: Where it is run.
    """

    name: str
    kind: str
    base: Experiment
    rows: tuple[Row, ...]
    pending: Mapping[str, str]
    seeds: tuple[int, ...]
    workspace: Path

    def experiments(self) -> Iterator[tuple[Experiment, list[Row]]]:
        """The experiment of each variant and its rows, the table's own first."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(row.variant.slug, []).append(row)
        for rows in groups.values():
            yield experiment_of(self.base, rows[0].variant), rows

    def chosen(self, only: Sequence[str]) -> list[Row]:
        """Rows by name; `*` stands for anything, and no names for all.

        Raises:
            ConfigError: a name fits none.
        """
        for name in only:
            if not any(fnmatchcase(row.key, name) for row in self.rows):
                known = ", ".join(row.key for row in self.rows)
                why = f" ({self.pending[name]})" if name in self.pending else ""
                raise ConfigError(f"{self.name} has no row {name!r}{why}. It has: {known}.")
        fits = (row for row in self.rows if any(fnmatchcase(row.key, name) for name in only))
        return list(fits) if only else list(self.rows)


def open_reproduction(
    name: str, workspace: Path, source: Path | None = None, seeds: Sequence[int] = ()
) -> Reproduction:
    """A table as its experiment says, with the folder and the seeds of earlier runs.

    Args:
        name: Of an experiment, or its file; it begins with the table's.
        workspace: Where it was run, or will be.
        source: Folder of the publisher's files.
        seeds: To run; by default those of the file.

    Raises:
        ConfigError: there is no such experiment, or its name is no table's.
    """
    base = _base(name, workspace, source)
    kind = kind_of(base.name)
    if kind not in KINDS:
        raise ConfigError(f"{name} is no table of recommenders. See: autograph reproduce {name}")
    wanted = tuple(dict.fromkeys(seeds)) or base.grid.seeds
    known = _seeds_so_far(kind, base, workspace)
    grid = base.grid.model_copy(update={"seeds": tuple(sorted({*wanted, *known}))})
    base = base.model_copy(update={"grid": grid})
    rows = rows_of(kind, base.data.name, base)
    pending = {
        f"{backbone}+{row}": _why_missing(backbone, row, base)
        for backbone, row in missing_rows(kind, base.data.name, rows)
    }
    return Reproduction(base.name, kind, base, tuple(rows), pending, wanted, workspace)


def plan_of(name: str, workspace: Path, source: Path | None = None) -> Plan:
    """The plan of a table or figure whose rows are no recommenders; arguments as above.

    Raises:
        AutoGraphError: there is no such experiment, or its files cannot be read.
    """
    return Plan(_base(name, workspace, source), workspace)


def _base(name: str, workspace: Path, source: Path | None) -> Experiment:
    """The experiment in a file, with the folder of earlier runs."""
    tree = read_tree(name)
    kind_of(str(tree["name"]))
    before = find_record(str(tree["name"]), workspace)
    if source is None and before is not None:
        source = before.experiment.data.source
    if source is not None:
        put(tree, "data.source", str(source))
    return settle(tree, name)


def _seeds_so_far(kind: str, base: Experiment, workspace: Path) -> set[int]:
    """Seeds that any variant was run with: one may have been run where the others were not."""
    variants = (variant for variant in variants_of(kind, base) if variant.enhancers)
    records = (find_record(experiment_of(base, one).name, workspace) for one in variants)
    return {seed for record in records if record for seed in record.experiment.grid.seeds}


def kind_of(name: str) -> str:
    """The table or figure that an experiment of this name is about.

    Raises:
        ConfigError: it is none.
    """
    kind = name.split("-")[0]
    known = (*KINDS, *OTHERS, *SPLITS)
    if kind not in known:
        raise ConfigError(
            f"{name!r} is no table of the paper: its name has to begin with one of "
            f"{', '.join(known)}. See: autograph reproduce"
        )
    return kind


def names() -> list[str]:
    """The tables and figures that come with AutoGraph."""
    kinds = (*KINDS, *OTHERS, *SPLITS)
    return [path.stem for path in shipped_files() if path.stem.split("-")[0] in kinds]


def find_record(name: str, workspace: Path) -> Record | None:
    """What was run under a name; None where nothing was."""
    if not (workspace / "runs" / f"{name}.json").exists():
        return None
    return read_record(name, workspace)


def run_rows(
    of: Reproduction,
    only: Sequence[str] = (),
    jobs: int = 1,
    device: str = "cpu",
    showing: Showing = in_silence,
) -> None:
    """Makes what is missing of the chosen rows and seeds; all that is finished stays.

    Raises:
        AutoGraphError: of the first step that fails, or a name fits no row.
    """
    rows = {row.key for row in of.chosen(only)}
    for experiment, group in of.experiments():
        cells = {cell for row in group if row.key in rows for cell in row.cells(of.seeds)}
        if not cells and group[0].variant.slug:
            continue  # the table's own is recorded all the same: it knows the folder of the data
        plan = Plan(experiment, of.workspace)
        every = plan.steps()
        write_record(plan, every)
        steps = steps_of(every, cells)
        waiting = [s for s in steps if not plan.store.sound(s.stage, s.key)]
        if waiting:
            with showing() as listener:
                listener.plan_steps([str(step) for step in steps])
                run_steps(plan, steps, listener, jobs, device)


def steps_of(steps: Sequence[Step], cells: set[Cell]) -> list[Step]:
    """The steps of some cells, and those that they read; in the order given.

    Args:
        steps: Of a plan, in its order.
        cells: Of its grid.
    """
    read: set[str] = set()
    kept = []
    for step in reversed(steps):
        if step.cell in cells or step.key in read:
            kept.append(step)
            read.update(step.inputs.values())
    return kept[::-1]


def found_in(of: Reproduction) -> dict[str, tuple[Record, list[Cell]]]:
    """By row: where it was run, and its cells that are finished as the experiment stands."""
    found = {}
    for experiment, rows in of.experiments():
        record = find_record(experiment.name, of.workspace)
        if record is None:
            continue
        plan = Plan(experiment, of.workspace)
        for row in rows:
            cells = [cell for cell in row.cells(of.base.grid.seeds) if _judged(plan, record, cell)]
            if cells:
                found[row.key] = (record, cells)
    return found


def _judged(plan: Plan, record: Record, cell: Cell) -> bool:
    """Whether what is recorded of a cell is what the experiment asks for, and finished."""
    step = plan.step("evaluate", cell)
    recorded = record.cells.get(cell, {}).get("evaluate")
    return recorded == step.key and plan.store.holds("evaluate", step.key)


def _why_missing(backbone: str, row: str, base: Experiment) -> str:
    if backbone not in base.grid.backbones:
        return "its backbone is not in grid.backbones"
    return f"{'it' if row in ENHANCERS else OURS} is not in grid.enhancers"
