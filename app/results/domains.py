"""Ablations over several domains: what each setting of a recommender is worth, and for whom.

Rows differ from the one as set in a single setting. What is compared is whether the item that
somebody had next is among the first of its own domain, for people with much and little in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from app.experiment.file import put
from app.experiment.settings import PLAIN, Cell, Experiment
from app.pipeline.derived import holds, step_from
from app.pipeline.records import Record, read_record
from app.pipeline.stages.order import STAGES
from data.columns import USER
from data.errors import AutoGraphError, DataError
from recommend.settings import BACKBONES

if TYPE_CHECKING:
    from recommend.settings.part import BackboneConfig

STAGE = "engagement"
"""What ranks are read of: one row a user and route."""
ROUTE = "u2i"
"""The route that is compared: a user's vector against those of items."""
MEASURES = {"recall@100": "Recall@100", "recall@20": "Recall@20", "ndcg@10": "NDCG@10"}
"""By column, what is measured: NDCG among the whole catalogue, recall within the item's domain."""
MAIN = "recall@100"
FEW, NOBODY = "5 or fewer", "0"
BUCKETS: Mapping[str, tuple[int, int | None]] = {
    "all": (0, None),
    NOBODY: (0, 0),
    "1–5": (1, 5),
    FEW: (0, 5),
    "6+": (6, None),
}
"""By name: least and most training interactions in the domain of what somebody had next."""
LEVEL = 0.05
"""A difference counts where its p stays below it, corrected for all tests of the table."""


@dataclass(frozen=True, slots=True)
class Group:
    """A setting and the values that it is tried with.

    Attributes:
        title: What a person calls it.
        setting: Name in the settings of the backbone.
        values: By what ends the name of a row, a value and what it is called.
    """

    title: str
    setting: str
    values: Mapping[str, tuple[Any, str]]


GROUPS: Mapping[str, Group] = {
    "loss": Group(
        "Loss",
        "balance",
        {
            "infonce": (0.0, "InfoNCE (λ = 0)"),
            "0.25": (0.25, "both (λ = 0.25)"),
            "both": (0.5, "both (λ = 0.5)"),
            "0.75": (0.75, "both (λ = 0.75)"),
            "triplet": (1.0, "triplet (λ = 1)"),
        },
    ),
    "negatives": Group(
        "Negatives",
        "negatives",
        {
            "batch": (("batch",), "in the batch"),
            "pool": (("pool",), "from a pool"),
            "semantic": (("semantic",), "semantic"),
            "batch-pool": (("batch", "pool"), "batch and pool"),
            "batch-semantic": (("batch", "semantic"), "batch and semantic"),
            "all": (("batch", "pool", "semantic"), "all three"),
        },
    ),
    "types": Group(
        "Types",
        "types",
        {"typed": ("typed", "typed"), "homogeneous": ("homogeneous", "homogeneous")},
    ),
    "layers": Group(
        "Layers",
        "layers",
        {"1": (1, "1 layer"), "2": (2, "2 layers"), "3": (3, "3 layers")},
    ),
    "domains": Group(
        "Domains", "domains", {"joined": ("joined", "joined"), "apart": ("apart", "apart")}
    ),
    "edges": Group(
        "Edges between items",
        "alike",
        {
            "none": ((), "none"),
            "engaged": (("engaged",), "engaged"),
            "engaged-factors": (("engaged", "factors"), "engaged and factors"),
            "engaged-texts": (("engaged", "texts"), "engaged and texts"),
            "all": (("engaged", "factors", "texts"), "all three"),
        },
    ),
}
"""By what begins the name of a row."""
OTHERS = "Recommenders"
"""Title of the group of other recommenders, the one that is ablated first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a setting, or another recommender, and the row that has it.

    Attributes:
        row: Name of the row; the base's where it is as set.
        group: Title of its group.
        words: What it is called.
        setting: That it differs in; "" of other recommenders.
        value: Of the setting.
    """

    row: str
    group: str
    words: str
    setting: str = ""
    value: Any = None


Runs = Mapping[str, tuple[Record, Sequence[Cell]]]
"""By name of a row: where it was run, and its finished cells."""


def base_row(experiment: Experiment) -> str:
    """Name of the row that all others are compared with: the first backbone of the grid."""
    return experiment.grid.backbones[0]


def choices_of(experiment: Experiment) -> list[Choice]:
    """All rows by group, the one as set in every group that has its value.

    A group is left out whose setting the backbone does not have. A value that is tried by nobody
    else stands as it is.
    """
    base = base_row(experiment)
    config = experiment.model_of(Cell(base, PLAIN, 0)).backbone
    found = [choice for slug, group in GROUPS.items() for choice in _of(slug, group, config, base)]
    every = experiment.grid.backbones
    others = [Choice(name, OTHERS, title_of(name)) for name in every] if len(every) > 1 else []
    return [*found, *others]


def _of(slug: str, group: Group, config: BackboneConfig, base: str) -> Iterator[Choice]:
    own = getattr(config, group.setting, None)
    if group.setting not in type(config).model_fields:
        return
    if not any(_same(value, own) for value, _ in group.values.values()):
        yield Choice(base, group.title, f"{group.setting} = {own}", group.setting, own)
    for name, (value, words) in group.values.items():
        row = base if _same(value, own) else f"{slug}-{name}"
        yield Choice(row, group.title, words, group.setting, value)


def _same(value: Any, other: Any) -> bool:
    """Whether two values of a setting mean the same; in lists the order does not count."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        return set(value) == set(other)
    return bool(value == other)


def families(workspace: Path, begins: str) -> list[str]:
    """Names of the experiments that ablations are of.

    Args:
        workspace: Where they were run.
        begins: How names of such experiments begin.
    """
    names = sorted(path.stem for path in (workspace / "runs").glob(f"{begins}*.json"))
    ends = tuple(f"-{slug}-{name}" for slug, group in GROUPS.items() for name in group.values)
    return [name for name in names if not name.endswith(ends)]


def runs_of(base: Record) -> dict[str, tuple[Record, list[Cell]]]:
    """The finished rows of a family; one that differs in more than it should is left out."""
    found = {}
    own = base.finished_cells()
    for name in base.experiment.grid.backbones:
        if cells := [cell for cell in own if cell.backbone == name]:
            found[name] = (base, cells)
    for choice in choices_of(base.experiment):
        if choice.row in found or not choice.setting:
            continue
        record = _record(f"{base.experiment.name}-{choice.row}", base.workspace)
        if record is None or not _differs_in(choice, record.experiment, base.experiment):
            continue
        if cells := record.finished_cells():
            found[choice.row] = (record, cells)
    return found


def _record(name: str, workspace: Path) -> Record | None:
    if not (workspace / "runs" / f"{name}.json").exists():
        return None
    try:
        return read_record(name, workspace)
    except AutoGraphError:
        return None


def changed(experiment: Experiment, choice: Choice) -> tuple[str, Any]:
    """Dotted name and value of the setting that makes a row of the base."""
    key = f"override.{base_row(experiment)}.model.backbone.{choice.setting}"
    return key, list(choice.value) if isinstance(choice.value, tuple) else choice.value


def _differs_in(choice: Choice, experiment: Experiment, base: Experiment) -> bool:
    """Whether an experiment is the base with this choice, and nothing else differs."""
    tree = base.model_dump(mode="json", exclude_none=True)
    put(tree, *changed(base, choice))
    return _bare(experiment) == _bare(Experiment.model_validate(tree))


def _bare(experiment: Experiment) -> dict[str, Any]:
    return experiment.model_dump(mode="json", exclude={"name", "note", "grid"})


@dataclass(frozen=True, slots=True)
class Reached:
    """What one trained recommender reached, user by user.

    Attributes:
        had: (n,) training interactions of each user in the domain of the item to come.
        values: By measure, (n,) float64 of the same users.
    """

    had: np.ndarray
    values: Mapping[str, np.ndarray]


Load = Callable[[Record, Cell], "Reached | None"]


def load_reached(record: Record, cell: Cell) -> Reached | None:
    """What a cell reached; None where its ranks within domains are not measured."""
    if STAGE not in STAGES:
        return None
    step = step_from(record, STAGE, cell)
    if not holds(record, step):
        return None
    from app.results.comparison import load_evaluation

    place = record.store.place(step.stage, step.key)
    judged = load_evaluation(record, cell).per_user.select(USER, "ndcg@10")
    return reached(pl.read_parquet(place / f"{STAGE}.parquet"), judged)


def reached(engagement: pl.DataFrame, judged: pl.DataFrame) -> Reached:
    """Recall of the true item within its domain, beside NDCG among all items.

    Args:
        engagement: Columns `user`, `domain`, `had`, `route`, `rank` (best = 1; 0: not found).
        judged: Columns `user` and `ndcg@10`.

    Source: `recommend.judge.engagement`.
    """
    own = engagement.filter(pl.col("route").cast(pl.String) == ROUTE).select(USER, "had", "rank")
    table = own.join(judged.with_columns(pl.col(USER).cast(own.schema[USER])), on=USER).sort(USER)
    rank = table["rank"].to_numpy()
    values = {f"recall@{k}": ((rank > 0) & (rank <= k)).astype(np.float64) for k in (20, 100)}
    values["ndcg@10"] = table["ndcg@10"].to_numpy().astype(np.float64)
    return Reached(table["had"].to_numpy(), values)


SCHEMA = {
    "row": pl.String,
    "bucket": pl.String,
    "measure": pl.String,
    "users": pl.Int64,
    "mean": pl.Float64,
    "mean_low": pl.Float64,
    "mean_high": pl.Float64,
    "sd": pl.Float64,
    "seed_low": pl.Float64,
    "seed_high": pl.Float64,
    "seeds": pl.Int64,
    "shared": pl.Int64,
    "ratio": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "p_holm": pl.Float64,
}


def reach_table(runs: Runs, base: str, load: Load = load_reached) -> pl.DataFrame:
    """One row a row of the table, bucket of users and measure.

    Columns: `row`, `bucket`, `measure`, `users`, `mean` with `mean_low` and `mean_high` (95 % over
    users), `sd` over seeds with `seed_low` and `seed_high` (95 % of the mean over seeds; null with
    one), `seeds`; against the base `shared` (seeds that both have), `ratio`, `difference` with
    `low` and `high` (95 % over users), `p` (paired t-test over users, averaged over shared seeds)
    and `p_holm`, over all tests of the table.

    Args:
        runs: Finished rows.
        base: Name of the one that all are compared with.
        load: What a cell reached.

    Raises:
        DataError: rows are not of the same users.
    """
    from recommend.judge.compare import EVERY, holm

    found: dict[str, dict[int, Reached]] = {}
    for key, (record, cells) in runs.items():
        for cell in cells:
            if (one := load(record, cell)) is not None:
                found.setdefault(key, {})[cell.seed if cell.learns else EVERY] = one
    _check_people(found)
    rows = [
        row
        for key in found
        for bucket in BUCKETS
        for measure in MEASURES
        if (row := _row(key, bucket, measure, found, base))
    ]
    table = pl.DataFrame(rows, schema=SCHEMA)
    return table.with_columns(p_holm=pl.Series(holm(table["p"].to_list()), dtype=pl.Float64))


def _check_people(found: Mapping[str, Mapping[int, Reached]]) -> None:
    every = [(key, one) for key, of in found.items() for one in of.values()]
    for key, one in every[1:]:
        if not np.array_equal(one.had, every[0][1].had):
            raise DataError(
                f"{every[0][0]!r} and {key!r} were not judged on the same users and domains, so "
                "they cannot be compared. Run both on the same data and split."
            )


def _row(
    key: str, bucket: str, measure: str, found: Mapping[str, Mapping[int, Reached]], base: str
) -> dict[str, Any] | None:
    from recommend.judge.compare import paired_test, shared_seeds

    had = next(iter(found[key].values())).had
    low, high = BUCKETS[bucket]
    inside = (had >= low) & (had <= (np.inf if high is None else high))
    if not inside.any():
        return None

    def of_users(some: Sequence[Reached]) -> np.ndarray:
        return np.asarray(np.mean([one.values[measure][inside] for one in some], axis=0))

    own = list(found[key].values())
    users = of_users(own)
    mean, mean_low, mean_high, _ = paired_test(users, np.zeros_like(users))
    by_seed = np.array([one.values[measure][inside].mean() for one in own])
    row = {"row": key, "bucket": bucket, "measure": measure, "users": int(inside.sum())}
    row |= {"mean": mean, "mean_low": mean_low, "mean_high": mean_high, "seeds": len(own)}
    if len(own) > 1:
        _, seed_low, seed_high, _ = paired_test(by_seed, np.zeros_like(by_seed))
        row |= {"sd": float(by_seed.std(ddof=1)), "seed_low": seed_low, "seed_high": seed_high}
    if key == base or base not in found:
        return row
    ours, theirs = shared_seeds(found[key], found[base])
    if not ours:
        return row
    a, b = of_users(ours), of_users(theirs)
    difference, low_, high_, p = paired_test(a, b)
    ratio = float(a.mean() / b.mean()) if b.mean() else None
    row |= {"shared": len(ours), "ratio": ratio}
    return row | {"difference": difference, "low": low_, "high": high_, "p": p}


BETTER, WORSE, NONE, SELF = "better", "worse", "no difference beyond chance", "as set"


def verdict(row: Mapping[str, Any]) -> str:
    """What may be said of a row of `reach_table` against the base.

    >>> verdict({"p_holm": 0.01, "difference": 0.02}), verdict({"p_holm": 0.2, "difference": 0.02})
    ('better', 'no difference beyond chance')
    """
    if row["p_holm"] is None:
        return SELF
    if row["p_holm"] >= LEVEL:
        return NONE
    return BETTER if row["difference"] > 0 else WORSE


def count_tests(table: pl.DataFrame) -> int:
    """How many tests the correction is over."""
    return int(table["p"].is_not_null().sum())


def row_in_words(row: Mapping[str, Any], called: str, base: str) -> str:
    """How a row stands beside the base, in a sentence.

    Args:
        row: Of `reach_table`.
        called: What the row is called.
        base: What the base is called.
    """
    what = f"{called}: {MEASURES[row['measure']]} {row['mean']:.4f}"
    if row["p_holm"] is None:
        return f"{what}."
    ratio = "" if row["ratio"] is None else f", {row['ratio']:.2f} times that of {base}"
    return f"{what}{ratio}: {verdict(row)} (p {p_in_words(row['p_holm'])})."


def group_in_words(rows: pl.DataFrame, base: str) -> list[str]:
    """What may be said of a group against the one as set: a sentence a verdict.

    Args:
        rows: Of `reach_table`, of one bucket and measure, with `name`.
        base: Name of the row that is as set.
    """
    own = [one["name"] for one in rows.filter(row=base).to_dicts()]
    against = f"Against {own[0]}, as set" if own else f"Against {title_of(base)} as set"
    told = []
    for said in (BETTER, WORSE, NONE):
        some = [one for one in rows.to_dicts() if verdict(one) == said]
        names = [
            one["name"]
            + ("" if said == NONE or one["ratio"] is None else f" ({one['ratio']:.2f} times)")
            for one in some
        ]
        if names:
            told.append(f"{said}: {', '.join(names)}")
    return [f"{against}: {'; '.join(told)}."] if told else []


def p_in_words(p: float) -> str:
    """A p-value with its sign.

    >>> p_in_words(0.0342), p_in_words(1e-9)
    ('= 0.034', '< 0.0001')
    """
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


def seeds_in_words(table: pl.DataFrame) -> str:
    """How many trainings stand behind the rows that are trained, and what that leaves open."""
    simple = {name for name, spec in BACKBONES.items() if not spec.config.learns}
    trained = table.filter(~pl.col("row").is_in(simple))
    counts = sorted(set(trained["seeds"]))
    if not counts:
        return "None of these is trained, so that there is no luck of a seed in it."
    if counts == [1]:
        return (
            "One seed each, so nothing is known of what another training would change; tests are "
            "over users."
        )
    told = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    alone = trained.filter(pl.col("seeds") == 1)["row"].unique(maintain_order=True).to_list()
    rest = f" With one seed alone: {', '.join(alone)}." if alone else ""
    return f"Seeds of what is trained: {told}.{rest}"


GOAL_APART, GOAL_P, GOAL_OTHERS = 1.2, 0.001, 2.0
"""Ratios of Recall@100 that were aimed at, and the p that the first should stay below."""


def goals_in_words(table: pl.DataFrame, choices: Sequence[Choice], base: str) -> list[str]:
    """What was aimed at and what came of it, as far as it is measured."""
    named = {c.words: c.row for c in choices if c.setting == "domains"}
    told: list[str] = []
    if {"joined", "apart"} <= set(named):
        told += _apart_in_words(table, named["joined"], named["apart"], base)
    for rival in (choice.row for choice in choices if choice.group == OTHERS):
        row = _at(table, rival, "all")
        if row is None or not row["ratio"] or not BACKBONES[rival].config.embeds:
            continue
        ratio = 1 / row["ratio"]
        told.append(
            f"{title_of(base)} against {title_of(rival)}, all users: Recall@100 {_times(ratio)}, "
            f"p {p_in_words(row['p_holm'])}{_seeds(row)}. Aimed at: {GOAL_OTHERS:g} times; "
            f"{_came(ratio >= GOAL_OTHERS)}."
        )
    return told


def _apart_in_words(table: pl.DataFrame, joined: str, apart: str, base: str) -> Iterator[str]:
    rows = [_at(table, apart if joined == base else joined, some) for some in (FEW, NOBODY)]
    (row, ratio), (new, of_new) = [(one, _ratio(one, joined == base)) for one in rows]
    if row is None or not ratio:
        return
    reached_it = ratio >= GOAL_APART and row["p_holm"] < GOAL_P
    yield (
        f"Domains joined against apart, {row['users']:,} users with {FEW} training interactions in "
        f"the domain of what they had next: Recall@100 {_times(ratio)}, "
        f"p {p_in_words(row['p_holm'])}{_seeds(row)}. Aimed at: {GOAL_APART:g} times, p < "
        f"{GOAL_P:g}; {_came(reached_it)}."
    )
    if new is not None and of_new:
        yield (
            f"Of these, {new['users']:,} had none there: Recall@100 {_times(of_new)}, "
            f"p {p_in_words(new['p_holm'])}{_seeds(new)}."
        )


def _ratio(row: Mapping[str, Any] | None, turned: bool) -> float | None:
    """The ratio of a row to the base, or, turned, of the base to it; None where there is none."""
    ratio = row["ratio"] if row else None
    return 1 / ratio if ratio and turned else ratio


def _at(table: pl.DataFrame, row: str, bucket: str) -> dict[str, Any] | None:
    """The row of `reach_table` for the main measure; None where it is not there or not tested."""
    found = table.filter(row=row, bucket=bucket, measure=MAIN).to_dicts()
    return found[0] if found and found[0]["p_holm"] is not None else None


def _times(ratio: float) -> str:
    return f"{ratio:.2f} times as high"


def _came(reached_it: bool) -> str:
    return "reached" if reached_it else "not reached"


def _seeds(row: Mapping[str, Any]) -> str:
    return f" ({row['shared']} seed{'s' * (row['shared'] > 1)})"


def title_of(backbone: str) -> str:
    """What a recommender is called."""
    return BACKBONES[backbone].config.title
