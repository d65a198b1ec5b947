"""What each metapath and each level of codes is worth: runs that differ in nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from app.experiment.cautions import with_signs
from app.experiment.settings import LONGEST_NAME, PLAIN, Cell, Experiment, Override, merge
from app.pipeline.derived import holds, step_from
from app.pipeline.plan import Step
from app.pipeline.records import Record, keep_record, read_record
from app.pipeline.runner import Showing, StepRunner, in_silence, run_beside
from app.results.comparison import Load, load_evaluation
from data.errors import AutoGraphError, ConfigError

BASE, PLAIN_TWIN = "as set", "without the graph"
Found = tuple[Record, Cell]


@dataclass(frozen=True, slots=True)
class Variant:
    """Which parts of the graph an enhancer uses.

    Attributes:
        metapaths: That carry messages.
        levels: Of codes whose factors take part.
    """

    metapaths: tuple[str, ...]
    levels: tuple[int, ...]

    def name(self, base: Variant) -> str:
        """What differs from `base`, in words; "as set" where nothing does."""
        gone = [path for path in base.metapaths if path not in self.metapaths]
        more = [path for path in self.metapaths if path not in base.metapaths]
        parts = [f"without {path}" for path in gone] + [f"with {path}" for path in more]
        if self.levels != base.levels:
            parts.append(f"level{'s' * (len(self.levels) > 1)} {', '.join(map(str, self.levels))}")
        return "; ".join(parts) or BASE

    def slug(self, base: Variant) -> str:
        """The same for the name of an experiment."""
        words = self.name(base).replace(" > ", "-").replace("; ", ".").replace(", ", "-")
        return words.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Ablation:
    """A recommender, and its relatives in the workspace.

    Attributes:
        record: Of the experiment that it belongs to.
        backbone: Of all of them.
        enhancer: Of all but the plain twin.
        base: The variant that the experiment itself is.
        runs: Finished ones by variant, the base included.
        plain: Finished plain twins.
        missing: Variants of the paper's tables that are not finished with all seeds of the base.
    """

    record: Record
    backbone: str
    enhancer: str
    base: Variant
    runs: Mapping[Variant, Sequence[Found]]
    plain: Sequence[Found]
    missing: Sequence[Variant]

    @property
    def marks(self) -> str:
        """Signs of what keeps all but the plain twin from a fair comparison."""
        return self.record.marks(self.runs[self.base][0][1])


def with_parts(record: Record) -> list[tuple[str, str]]:
    """Backbone and enhancer of finished recommenders with metapaths and levels to leave out."""
    pairs = {
        (cell.backbone, cell.enhancer): None
        for cell in record.finished_cells()
        if _variant(record, cell) is not None
    }
    return list(pairs)


def ablation(record: Record, backbone: str, enhancer: str) -> Ablation:
    """A recommender of a run, all its relatives in the workspace, and who is missing.

    Raises:
        ConfigError: no finished recommender of the run is of that kind.
    """
    own = [c for c in record.finished_cells() if (c.backbone, c.enhancer) == (backbone, enhancer)]
    base = _variant(record, own[0]) if own else None
    if base is None:
        there = ", ".join(f"{b}+{e}" for b, e in with_parts(record)) or "none"
        raise ConfigError(
            f"{record.experiment.name!r} has no finished {backbone}+{enhancer} with metapaths and "
            f"levels that could be left out. There are: {there}."
        )
    runs: dict[Variant, dict[int, Found]] = {base: {cell.seed: (record, cell) for cell in own}}
    for other, cell in _relatives(record, own[0]):
        variant = _variant(other, cell)
        if variant is not None:
            runs.setdefault(variant, {}).setdefault(cell.seed, (other, cell))
    seeds = {cell.seed for cell in own}
    plain = [(record, c) for c in record.finished_cells() if c.label == f"{backbone}+{PLAIN}"]
    missing = [v for v in _standard(record, base) if not seeds <= set(runs.get(v, ()))]
    found = {variant: list(of.values()) for variant, of in runs.items()}
    return Ablation(record, backbone, enhancer, base, found, plain, missing)


def ablation_table(of: Ablation, load: Load = load_evaluation) -> pl.DataFrame:
    """What `compare` says of each variant against the one as set, with `mark`.

    Names of runs have their signs of caution.

    Source: AutoGraph, tables 4 and 6.
    """
    from recommend.judge.compare import compare, mark

    order = sorted(
        of.runs, key=lambda v: (v != of.base, v.levels != of.base.levels, v.name(of.base))
    )
    titles = {v: with_signs(v.name(of.base), of.marks) for v in order}
    places = {title: of.runs[v] for v, title in titles.items()}
    if of.plain:
        places[PLAIN_TWIN] = of.plain
    runs = {
        title: {cell.seed: load(record, cell) for record, cell in found}
        for title, found in places.items()
    }
    base = titles[of.base]
    table = compare(runs, {name: base for name in runs if name != base})
    return table.with_columns(mark=pl.Series([mark(p) for p in table["p_holm"]], dtype=pl.String))


def run_missing(of: Ablation, device: str = "cpu", showing: Showing = in_silence) -> None:
    """Trains and judges the missing variants; each is an experiment of its own afterwards.

    Raises:
        AutoGraphError: of the first that fails; what is finished stays.
    """
    with showing() as listener:
        for variant in of.missing:
            experiment = experiment_of(of, variant)
            cells = {cell: list(_steps(of.record, experiment, cell)) for cell in experiment.grid}
            keys = {cell: {step.stage: step.key for step in steps} for cell, steps in cells.items()}
            keep_record(experiment, of.record.workspace, of.record.keys, keys)
            waiting = [s for s in cells.values() if not all(holds(of.record, one) for one in s)]
            if waiting:
                runner = StepRunner(experiment, of.record.workspace, device)
                run_beside(runner, waiting, listener, 1)


def experiment_of(of: Ablation, variant: Variant) -> Experiment:
    """The settings of the experiment, with one variant of the recommender alone in its grid.

    Its name holds all that tells it apart, or one ablation would take the records of another; that
    of a control ends in what it is by itself.
    """
    given = of.record.experiment
    pair = f"{of.backbone}+{of.enhancer}"
    parts = {"metapaths": list(variant.metapaths), "levels": list(variant.levels)}
    old = given.override.get(pair, Override())
    changed = Override(model=merge(old.model, {"enhancer": parts}), train=old.train)
    seeds = tuple(cell.seed for cell in of.record.finished_cells() if cell.label == pair)
    grid = {"backbones": (of.backbone,), "enhancers": (of.enhancer,), "seeds": seeds}
    what = variant.name(of.base)
    return Experiment.model_validate(
        {
            **given.model_dump(),
            "name": _called(of, variant),
            "note": f"{given.name}, {pair}: {what}.",
            "grid": grid,
            "override": {**{k: v.model_dump() for k, v in given.override.items()}, pair: changed},
        }
    )


def _called(of: Ablation, variant: Variant) -> str:
    """A name; the end of one that is too long for a file is a checksum."""
    texts = of.record.experiment.texts_name
    name = f"{texts}.{of.backbone}.{of.enhancer}.{variant.slug(of.base)}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 17]}.{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _steps(record: Record, experiment: Experiment, cell: Cell) -> Iterator[Step]:
    train = step_from(record, "train", cell, experiment)
    yield train
    yield step_from(record, "evaluate", cell, experiment, {"train": train.key})


def _variant(record: Record, cell: Cell) -> Variant | None:
    enhancer = record.experiment.model_of(cell).enhancer
    metapaths, levels = (getattr(enhancer, name, None) for name in ("metapaths", "levels"))
    return None if metapaths is None or levels is None else Variant(tuple(metapaths), tuple(levels))


def _standard(record: Record, base: Variant) -> list[Variant]:
    """Those of the paper's tables: without a semantic path or the interactions; other levels."""
    interactions = [path for path in base.metapaths if path.count(">") == 1]
    removed = [[path] for path in base.metapaths if path.count(">") > 1] + [interactions]
    kept = (tuple(p for p in base.metapaths if p not in gone) for gone in removed if gone)
    paths = [Variant(metapaths, base.levels) for metapaths in kept if metapaths]
    quantize = record.experiment.quantize
    deepest = min(quantize.user.levels, quantize.item.levels)
    levels = (tuple(range(n)) for n in range(1, deepest + 1))
    return [*paths, *(Variant(base.metapaths, some) for some in levels if some != base.levels)]


def _relatives(record: Record, cell: Cell) -> Iterator[Found]:
    """Finished recommenders of all experiments that differ from a cell in their variant alone."""
    wanted = _signature(record, cell)
    for path in sorted((record.workspace / "runs").glob("*.json")):
        try:
            other = read_record(path.stem, record.workspace)
        except AutoGraphError:
            continue
        for one in other.finished_cells():
            if one.label == cell.label and _signature(other, one) == wanted:
                yield other, one


def _signature(record: Record, cell: Cell) -> str:
    """Everything that a result depends on, seed and variant apart."""
    model: dict[str, Any] = record.experiment.model_of(cell).model_dump(mode="json")
    for name in ("metapaths", "levels"):
        model["enhancer"].pop(name, None)
    return json.dumps(
        {
            "inputs": [record.keys.get(stage) for stage in ("dataset", "split", "graph")],
            "model": model,
            "train": record.experiment.train_of(cell).model_dump(mode="json"),
            "evaluate": record.experiment.evaluate.model_dump(mode="json"),
        },
        sort_keys=True,
    )
