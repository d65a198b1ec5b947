"""How near the items are that people had next, and what recommenders make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import polars as pl

from app.experiment.settings import Cell, Experiment
from app.pipeline.derived import holds, run_derived, step_from
from app.pipeline.plan import Step
from app.pipeline.records import Record
from app.pipeline.runner import Showing, in_silence
from app.pipeline.stages.near import LIST_LENGTH
from app.results.comparison import Contender
from recommend.settings import BACKBONES

if TYPE_CHECKING:
    from recommend.context.locality import Closeness, Locality

STEPS = 3
"""Edges that the words and groups are about: the least that lead to an item nobody has had yet."""
WAYS = {
    "interactions": "interactions",
    "item_factors": "+ items' factors",
    "all_factors": "+ users', not walked",
}
"""What is walked over, in words."""
SEEN = (
    "Next items are those of the test. Users stand beside what they had in training and "
    "validation; all other edges are of training."
)
MEASURES = ("near", "of_list", "covered", "bound")
QUANTILES = {"low": 0.1, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "high": 0.9}
"""Of what users make of near items, by column."""


def looks_around(one: Contender) -> bool:
    """Whether a recommender scores by a sample of what is around a user."""
    return _looks(one.cells[0])


def _looks(cell: Cell) -> bool:
    spec = BACKBONES.get(cell.backbone)
    return spec is not None and spec.config.looks_around


def nearness_steps(record: Record) -> list[tuple[Experiment, Step]]:
    """The steps that measure it: one for all, and one for every recommender that looks around."""
    looking = [cell for cell in record.finished_cells() if _looks(cell)]
    steps = [step_from(record, "locality")]
    steps += [step_from(record, "closeness", cell) for cell in looking]
    return [(record.experiment, step) for step in steps]


def missing_nearness(records: Sequence[Record]) -> int:
    """How many of these measurements are not there yet."""
    return sum(not holds(record, step) for record in records for _, step in nearness_steps(record))


def measure_nearness(record: Record, device: str = "cpu", showing: Showing = in_silence) -> None:
    """Makes the measurements that are missing.

    Raises:
        AutoGraphError: of the first that fails.
    """
    run_derived(record, nearness_steps(record), device, showing)


def load_locality(record: Record) -> Locality | None:
    """What was near each user of an experiment; None where it was not measured."""
    from recommend.context.locality import Locality

    step = step_from(record, "locality")
    return Locality.load(_place(record, step)) if holds(record, step) else None


def load_closeness(one: Contender) -> list[Closeness]:
    """What the samples of a recommender hold, for every seed that was measured."""
    from recommend.context.locality import Closeness

    if not looks_around(one):
        return []
    steps = (step_from(one.record, "closeness", cell) for cell in one.cells)
    return [Closeness.load(_place(one.record, step)) for step in steps if holds(one.record, step)]


def _place(record: Record, step: Step) -> Path:
    return record.store.place(step.stage, step.key)


def scores_table(records: Sequence[Record]) -> pl.DataFrame:
    """s_k, a row an experiment, way and number of edges.

    Columns: `experiment`, `way` (in words), `k`, `score`, `near` (mean share of all items there).
    """
    tables = [
        found.scores.select(
            pl.lit(record.experiment.name).alias("experiment"),
            pl.col("way").replace_strict(WAYS),
            pl.col("k").cast(pl.Int64),
            "score",
            "near",
        )
        for record in records
        if (found := load_locality(record)) is not None
    ]
    return pl.concat(tables) if tables else pl.DataFrame(schema=_SCORES)


_SCORES = {
    "experiment": pl.String,
    "way": pl.String,
    "k": pl.Int64,
    "score": pl.Float64,
    "near": pl.Float64,
}


def groups_table(records: Sequence[Record]) -> pl.DataFrame:
    """s_3 by groups of users, a row an experiment, group and way.

    Columns: `experiment`, `group`, `users`, `way` (in words), `score`, `near` (mean share of all
    items there). Groups are of users with histories of a length, and where some have had an item
    twice, those and the others.
    """
    rows: list[dict[str, object]] = []
    for record in records:
        found = load_locality(record)
        if found is None:
            continue
        at = found.per_user.filter(k=STEPS)
        for name, part in _groups(at):
            for (way,), of in part.group_by("way", maintain_order=True):
                told = {"experiment": record.experiment.name, "group": name, "users": of.height}
                near = _mean(of["near"]) / found.n_items
                rows.append(
                    {**told, "way": WAYS[str(way)], "score": _mean(of["share"]), "near": near}
                )
    schema = {"experiment": pl.String, "group": pl.String, "users": pl.Int64, "way": pl.String}
    return pl.DataFrame(rows, schema={**schema, "score": pl.Float64, "near": pl.Float64})


def _groups(users: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Names and rows of groups of users: by length of history, and by whether they repeat."""
    from recommend.judge.buckets import bounds, name_of

    lengths = users.unique("user")["history"].to_numpy()
    for low, high in bounds(lengths):
        inside = pl.col("history") >= low
        if high is not None:
            inside &= pl.col("history") <= high
        yield f"{name_of(low, high)} items had", users.filter(inside)
    if "repeats" in users.columns and users["repeats"].any():
        yield "had an item twice", users.filter("repeats")
        yield "had none twice", users.filter(~pl.col("repeats"))


def closeness_table(found: Mapping[str, Contender]) -> pl.DataFrame:
    """What samples hold, a row a recommender that looks around; means over users and seeds.

    Columns: `run`, `near` (items of a sample that may be in a list), `within` (share of the true
    items that are within 3 steps, over items' factors where it reads them), `covered` (share that
    is in the sample), `bound` (what the recall of a list of sampled items alone cannot be above),
    `of_list` (share of the first items of a list that are in the sample), `seeds`.
    """
    rows = []
    for label, one in found.items():
        if measured := load_closeness(one):
            means = {name: mean(m.mean(name) or 0.0 for m in measured) for name in MEASURES}
            rows.append({"run": label, "within": _within(one), **means, "seeds": len(measured)})
    measures = ("near", "within", "covered", "bound", "of_list")
    schema = {"run": pl.String, **dict.fromkeys(measures, pl.Float64), "seeds": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def _within(one: Contender) -> float | None:
    """The share of true items within 3 steps of what a recommender walks over."""
    of, config = load_locality(one.record), one.record.experiment.model_of(one.cells[0])
    way = "item_factors" if "graph" in config.needs else "interactions"
    found = None if of is None else of.scores.filter(way=way, k=STEPS)["score"]
    return None if found is None or not len(found) else float(found[0])


def gates_table(found: Mapping[str, Contender]) -> pl.DataFrame:
    """What users make of near items, a row a recommender and group of users, over all seeds.

    Columns: `run`, `meeting` ("gate": the share that the score of a pair has; "offset": the number
    that is added to it), `group`, `users`, and the `QUANTILES`. All users stand first, then those
    with histories of a length.
    """
    rows: list[dict[str, object]] = []
    for label, one in found.items():
        measured = load_closeness(one)
        if not measured or measured[0].about["meeting"] is None:
            continue
        users = pl.concat([m.per_user for m in measured])
        for name, part in (("all", users), *_groups(users)):
            told = {"run": label, "meeting": measured[0].about["meeting"], "group": name}
            quantiles = {column: part["gate"].quantile(q) for column, q in QUANTILES.items()}
            rows.append({**told, "users": part["user"].n_unique(), **quantiles})
    schema = {"run": pl.String, "meeting": pl.String, "group": pl.String, "users": pl.Int64}
    return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(QUANTILES, pl.Float64)})


def nearness_in_words(records: Sequence[Record], found: Mapping[str, Contender]) -> list[str]:
    """What was measured, in sentences: of each experiment, then of each that looks around."""
    several = len(records) > 1
    told: list[str] = []
    for record in records:
        of = load_locality(record)
        if of is not None:
            head = f"{record.experiment.name}: " if several else ""
            told += [head + one for one in _near_in_words(of)]
    for row in closeness_table(found).iter_rows(named=True):
        told.append(
            f"{row['run']}: the samples hold {_percent(row['covered'])} of the items that people "
            "had next, so no list made of sampled items alone can have the next item of a larger "
            f"share of people; {_percent(row['of_list'])} of its first {LIST_LENGTH} are sampled."
        )
    return told


def _near_in_words(of: Locality) -> list[str]:
    at = {(row["way"], row["k"]): row for row in of.scores.iter_rows(named=True)}
    plain, repeat = at["interactions", STEPS], at["interactions", 1]["score"]
    told = [
        f"Of the items that people had next, {_percent(plain['score'])} are within {STEPS} steps "
        f"of those people over interactions, where {_percent(plain['near'])} of all items are."
    ]
    if ("item_factors", STEPS) in at:
        wide = at["item_factors", STEPS]
        told[0] = (
            f"{told[0][:-1]}; over items' factors besides, {_percent(wide['score'])} are, where "
            f"{_percent(wide['near'])} of all are."
        )
    told.append(
        f"{_percent(repeat)} are items that their user had had before (s₁)."
        if repeat
        else "None of them is an item that its user had had before, so s₁ is 0."
    )
    return told


def _percent(share: float) -> str:
    """A share in per cent, without a "0" or "100" that it is not.

    >>> _percent(0.1234), _percent(0.9999), _percent(1.0), _percent(0.0001)
    ('12.3 %', '99.9 %', '100 %', '0.1 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def _mean(values: pl.Series) -> float:
    found = values.mean()
    return float(found) if found is not None else 0.0  # type: ignore[arg-type]
