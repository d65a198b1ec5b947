"""A table of the paper as experiments of a workspace: its rows, what is there, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

from app.experiment.file import put, read_tree, settle, shipped_files
from app.experiment.settings import BACKBONES, CONTROLS, RANDOM, SHUFFLED, Cell, Experiment
from app.pipeline.plan import Plan, Step
from app.pipeline.records import Record, read_record, write_record
from app.pipeline.runner import Showing, in_silence, run_steps
from app.reproduce.protocol import Figures, figures_of
from data.errors import ConfigError
from quantize.settings import SideConfig
from recommend.settings import ENHANCERS, OURS, PLAIN, Metapath
from recommend.settings.fusion import Evidence
from recommend.settings.registry import takes_enhancers

QUANTISERS = {"lsh": "LSH", "hierarchical": "HC", "rq-vae": "RQ"}
"""Methods of table 5 and what the paper calls them; others of this version follow them."""
ALL_EDGES = "all-edges"
SIDES = ("user", "item")


@dataclass(frozen=True, slots=True)
class Variant:
    """Recommenders that differ from the table's experiment in the same way.

    Attributes:
        slug: Ends their names; "" for the experiment as it is.
        enhancers: That are trained so.
        changes: Settings by dotted name; `{pair}` stands for backbone+enhancer.
        paper: The paper's row, by enhancer; an enhancer that is missing has a row of its own name.
        rival: Slug of the variant that the same enhancer is also compared with, None for none.
        backbones: That are trained so; none for all of the experiment's.
    """

    slug: str
    enhancers: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)
    paper: Mapping[str, str] = field(default_factory=dict)
    rival: str | None = None
    backbones: tuple[str, ...] = ()


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


def variants_of(kind: str, experiment: Experiment) -> list[Variant]:
    """The variants of a table, the experiment as it is first.

    Args:
        kind: One of `KINDS`.
        experiment: Its grid names backbones and enhancers.
    """
    if kind in SHOPS:
        first = Variant("", experiment.grid.enhancers, rival=SHUFFLED)
        return [first, *_of_shops(experiment)]
    enhancers = experiment.grid.enhancers
    own = tuple(e for e in enhancers if ENHANCERS[e].config.ours)
    control = Variant(SHUFFLED, own, {"control": SHUFFLED}, dict.fromkeys(own, ""))
    first = Variant("", enhancers, {}, _first_rows(kind), SHUFFLED)
    return [first, *_further(kind, own, experiment), *([control] if own else [])]


def rows_of(kind: str, dataset: str, experiment: Experiment) -> list[Row]:
    """The rows of a table, backbone by backbone."""
    variants = variants_of(kind, experiment)
    return [
        Row(
            key=key_of(backbone, enhancer, variant.slug),
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


def _first_rows(kind: str) -> dict[str, str]:
    """The paper's rows of the experiment as it is, where they are not called after enhancers."""
    return {
        "table5": {OURS: "rq-vae"},
        "table6": {OURS: "levels-0-1", PLAIN: ""},
    }.get(kind, {})


def _further(kind: str, own: tuple[str, ...], experiment: Experiment) -> Iterator[Variant]:
    """What a table trains beside the experiment as it is and its control."""
    ours = tuple(e for e in own if e == OURS)
    if kind == "table4":
        for slug, gone in _REMOVED.items():
            kept = [path for path in get_args(Metapath) if path not in gone]
            yield _parts(slug, ours, "metapaths", kept)
    elif kind == "table5":
        for method in methods():
            changes = {f"quantize.{side}": _quantiser(experiment, side, method) for side in SIDES}
            yield Variant(method, ours, changes, dict.fromkeys(ours, method), "")
    elif kind == "table6":
        for levels in ([0], [0, 1, 2]):
            slug = f"levels-{'-'.join(map(str, levels))}"
            yield _parts(slug, ours, "levels", levels)
    elif kind == "leak":
        yield Variant(ALL_EDGES, ours, {"graph.edges": "all"}, dict.fromkeys(ours, ""), "")


def _of_shops(experiment: Experiment) -> Iterator[Variant]:
    """What a table of a shop trains beside the experiment as it is.

    Fusion is there with one kind of evidence beside behaviour, to see which of them could stand for
    the others, and upon each enhancer of the grid. The controls give texts to other items, or put
    random vectors in their place.
    """
    grid = experiment.grid
    parts = tuple(filter(takes_enhancers, grid.backbones))
    around = tuple(name for name in grid.enhancers if ENHANCERS[name].around)
    place = "override.{pair}.model.enhancer"
    for one in get_args(Evidence) if around else ():
        changes = {f"{place}.evidence": list(dict.fromkeys(("items", one)))}
        yield Variant(f"by-{one}", around, changes, rival="", backbones=parts)
    for name in grid.enhancers if around else ():
        if name == PLAIN or name in around:
            continue
        slug, upon = f"upon-{name}", {f"{place}.upon": name}
        shuffled = f"{slug}-{SHUFFLED}"
        yield Variant(slug, around, upon, rival=shuffled, backbones=parts)
        yield Variant(shuffled, around, {**upon, "control": SHUFFLED}, backbones=parts)
    read = tuple(name for name in grid.enhancers if _reads_texts(experiment, name, parts))
    worded = tuple(name for name in grid.backbones if _is_worded(experiment, name))
    if read or worded:
        kept = (*worded, *(parts if read else ()))
        yield Variant(SHUFFLED, read or (PLAIN,), {"control": SHUFFLED}, backbones=kept)
    if read:
        no_words = {f"override.{name}.model.enhancer.evidence": list(NO_WORDS) for name in around}
        yield Variant(RANDOM, read, {"control": RANDOM, **no_words}, backbones=parts)


NO_WORDS = ("items", "vectors", "factors")
"""Evidence of fusion where vectors are random: words are no vectors."""
OF_TEXTS = {"words", "item_vectors", "user_vectors", "graph", "phrases", "pairs"}
"""Parts of `recommend.sources.Sources` that are made of texts."""


def _reads_texts(experiment: Experiment, enhancer: str, parts: Sequence[str]) -> bool:
    cells = (Cell(backbone, enhancer, 0) for backbone in parts)
    return any(OF_TEXTS & {*experiment.model_of(cell).needs} for cell in cells)


def _is_worded(experiment: Experiment, backbone: str) -> bool:
    """Whether a recommender that takes no enhancer reads texts."""
    needs = experiment.model_of(Cell(backbone, PLAIN, 0)).needs
    return not takes_enhancers(backbone) and bool(OF_TEXTS & {*needs})


def methods() -> list[str]:
    """Ways to quantise beside the paper's own: those of its table 5 first."""
    there = [name for name in _quantisers() if name != "rq-vae"]
    return sorted(there, key=lambda name: (name not in QUANTISERS, name))


def _quantisers() -> dict[str, Any]:
    """Settings of every way to quantise, by its name."""
    kinds = get_args(get_args(SideConfig)[0])
    return {kind.model_fields["method"].default: kind for kind in kinds}


def _quantiser(experiment: Experiment, side: str, method: str) -> dict[str, Any]:
    """Settings of a method with as many levels and codes as the experiment's own."""
    own, known = getattr(experiment.quantize, side), _quantisers()[method].model_fields
    shared = {name: getattr(own, name) for name in ("k", "levels", "per_code") if name in known}
    return {"method": method, **shared}


def _parts(slug: str, ours: tuple[str, ...], part: str, value: list[Any]) -> Variant:
    """A variant whose enhancer has other parts; it is also compared with the one as it is."""
    changes = {f"override.{{pair}}.model.enhancer.{part}": value}
    return Variant(slug, ours, changes, dict.fromkeys(ours, slug), "")


_REMOVED = {
    "without-user-semantic": ("user > user_factor > user",),
    "without-item-semantic": ("item > item_factor > item",),
    "without-interactions": ("item > user", "user > item"),
}
"""Metapaths that table 4 leaves out."""


SHOPS = ("office", "beauty", "shop")
"""Tables of shops, where texts may say what interactions do not."""
KINDS = ("table2", "table4", "table5", "table6", "leak", *SHOPS)
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
