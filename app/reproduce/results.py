"""Ours beside the paper's: means, tests, and which figures may be held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from app.experiment.cautions import notes
from app.experiment.settings import PLAIN, Cell
from app.pipeline.records import Record
from app.reproduce.paper import protocol_of
from app.reproduce.protocol import (
    Difference,
    protocol_differences,
    row_differences,
    training_differences,
)
from app.reproduce.tables import Row, key_of
from app.reproduce.tables_run import Reproduction, found_in
from app.results.comparison import Load, load_evaluation
from app.results.wording import ranked_among

if TYPE_CHECKING:
    from recommend.judge.evaluate import Evaluation

BEATEN, EQUAL, NOT_BEATEN, BARRED = "beaten", "within error", "not beaten", "not comparable"
RARE = 20
"""Items with fewer training interactions are rare."""


@dataclass(frozen=True, slots=True)
class Results:
    """A table, as far as it is there.

    Attributes:
        table: A row a recommender and metric; see `results_of`.
        differences: What is not as in the paper, by row; "" for what concerns all rows.
        cautions: Sentences about signs in the table.
        seconds: Training of everything in the table.
        missing: Rows and seeds that are not finished, in words.
        among: What held-out items were ranked among, in words.
    """

    table: pl.DataFrame
    differences: Mapping[str, Sequence[Difference]]
    cautions: Sequence[str]
    seconds: float
    missing: Sequence[str]
    among: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A row with its results."""

    row: Row
    record: Record
    cells: Sequence[Cell]
    judged: Sequence[Evaluation]


def results_of(of: Reproduction, load: Load = load_evaluation) -> Results:
    """All that is finished of a table.

    Columns: `row`, `backbone`, `enhancer`, `variant`, `marks`, `metric`, `mean`, `sd`, `seeds`;
    against the plain twin `shared` (seeds of both), `change` (%), `difference`, `low`, `high`, `p`,
    `p_holm`; against the rival, a control or the paper's own variant, `rival` and the same with
    `rival_` before; `paper`,
    `from_paper` (%), `verdict`; `rare`, the metric on items with fewer than 20 training
    interactions.

    Holm's correction is over all tests of the table, those against rivals included.

    Raises:
        DataError: rows were not judged alike, so they are no table.
    """
    there = _there(of, load)
    differences = {key: _differences(one) for key, one in there.items()}
    rows = _tested(there)
    for row in rows:
        one = there[str(row["row"])]
        barred = any(difference.bars for difference in differences[one.row.key])
        row |= _beside_paper(row, one, barred) | {"rare": _on_rare(one, str(row["metric"]))}
    trained = ((one.record, cell) for one in there.values() for cell in one.cells)
    return Results(
        table=pl.DataFrame(rows, schema=_schema()),
        differences=_by_row(differences),
        cautions=notes(one.record.marks(one.cells[0]) for one in there.values()),
        seconds=sum(record.summary("train", cell)["seconds"] for record, cell in trained),
        missing=_unfinished(of, there),
        among=tuple(dict.fromkeys(ranked_among(one.judged[0].about) for one in there.values())),
    )


def _there(of: Reproduction, load: Load) -> dict[str, _Found]:
    found = found_in(of)
    return {
        row.key: _Found(
            row, *found[row.key], [load(found[row.key][0], c) for c in found[row.key][1]]
        )
        for row in of.rows
        if row.key in found
    }


def _tested(there: Mapping[str, _Found]) -> list[dict[str, Any]]:
    """Means and tests of every row and metric, corrected over all of them."""
    from recommend.judge.compare import compare, holm

    runs = {
        key: {cell.seed: judged for cell, judged in zip(one.cells, one.judged, strict=True)}
        for key, one in there.items()
    }
    twins = {key: key_of(one.row.backbone, PLAIN, "") for key, one in there.items()}
    rivals = {
        key: key_of(one.row.backbone, one.row.enhancer, one.row.variant.rival)
        for key, one in there.items()
        if one.row.variant.rival is not None and one.row.enhancer != PLAIN
    }
    if not runs:
        return []
    against_twin, against_rival = compare(runs, twins), compare(runs, rivals)
    tested = [*against_twin["p"].to_list(), *against_rival["p"].to_list()]
    corrected = holm(tested)
    half = against_twin.height
    rows = []
    for at, (twin, rival) in enumerate(
        zip(against_twin.to_dicts(), against_rival.to_dicts(), strict=True)
    ):
        one = there[twin["run"]]
        who = {"row": twin["run"], "backbone": one.row.backbone, "enhancer": one.row.enhancer}
        who |= {"variant": one.row.variant.slug, "marks": one.record.marks(one.cells[0])}
        own = {name: twin[name] for name in ("metric", "mean", "sd", "seeds", *_TEST)}
        other = {f"rival_{name}": rival[name] for name in _TEST} | {"rival": rival["baseline"]}
        corrections = {"p_holm": corrected[at], "rival_p_holm": corrected[half + at]}
        rows.append(who | own | other | corrections)
    return rows


_TEST = ("shared", "change", "difference", "low", "high", "p")


def _schema() -> dict[str, Any]:
    """Types of the columns, so that an empty table has them, too."""
    text = ("row", "backbone", "enhancer", "variant", "marks", "metric", "rival", "verdict")
    tests = (*_TEST, "p_holm")
    order = (
        *("row", "backbone", "enhancer", "variant", "marks", "metric", "mean", "sd", "seeds"),
        *tests,
        "rival",
        *(f"rival_{name}" for name in tests),
        *("paper", "from_paper", "verdict", "rare"),
    )
    counts = ("seeds", "shared", "rival_shared")
    kinds = {**dict.fromkeys(text, pl.String), **dict.fromkeys(counts, pl.Int64)}
    return {name: kinds.get(name, pl.Float64) for name in order}


def _differences(one: _Found) -> list[Difference]:
    """What is not as in the paper, of all rows and of this one."""
    protocol = protocol_of(one.record.experiment.data.name)
    sizes = one.record.summary("dataset")
    asked = one.judged[0].about
    cell = one.cells[0]
    cautions = one.record.cautions(cell)
    experiment = one.record.experiment
    return [
        *protocol_differences(protocol, experiment, asked, sizes),
        *row_differences(protocol, experiment, cell, cautions, _writers(one.record)),
        *training_differences(experiment, cell, int(sizes["items"])),
    ]


def _writers(record: Record) -> dict[str, str]:
    """Who wrote the texts of each side; a side that no finished row reads may have none yet."""
    keys = {side: record.keys.get(f"knowledge-{side}", "") for side in ("user", "item")}
    there = [side for side, key in keys.items() if record.store.holds(f"knowledge-{side}", key)]
    return {side: record.summary(f"knowledge-{side}")["model"] for side in there}


def _by_row(found: Mapping[str, Sequence[Difference]]) -> dict[str, list[Difference]]:
    """The same by row, with what concerns every row under ""."""
    each = list(found.values())
    shared = [d for d in each[0] if all(d in of for of in each)] if each else []
    return {"": shared, **{k: [d for d in of if d not in shared] for k, of in found.items()}}


def _beside_paper(row: Mapping[str, Any], one: _Found, barred: bool) -> dict[str, Any]:
    """The paper's figure, how far ours is from it, and what may be said of the two."""
    from recommend.judge.compare import paired

    theirs = one.row.figures.get(str(row["metric"]))
    if theirs is None:
        return {"paper": None, "from_paper": None, "verdict": ""}
    gap = 100 * (row["mean"] / theirs - 1)
    if barred:
        return {"paper": theirs, "from_paper": gap, "verdict": BARRED}
    users = np.mean([e.per_user.sort("user")[row["metric"]].to_numpy() for e in one.judged], axis=0)
    _, low, high, _ = paired(users, np.zeros_like(users))
    verdict = BEATEN if low > theirs else NOT_BEATEN if high < theirs else EQUAL
    return {"paper": theirs, "from_paper": gap, "verdict": verdict}


def _on_rare(one: _Found, metric: str) -> float | None:
    """Mean of a metric over users whose held-out item is rare, and over seeds."""
    parts = (e.per_user.filter(pl.col("popularity") < RARE)[metric] for e in one.judged)
    values = pl.concat(parts)
    return float(values.to_numpy().mean()) if len(values) else None


def _unfinished(of: Reproduction, there: Mapping[str, _Found]) -> list[str]:
    """Rows with the seeds that they lack, of those that were asked for."""
    told = []
    for row in of.rows:
        done = {cell.seed for cell in there[row.key].cells} if row.key in there else set()
        lacking = [seed for seed in of.seeds if seed not in done]
        if lacking:
            seeds = ", ".join(map(str, lacking))
            told.append(f"{row.key}, seed{'s' * (len(lacking) > 1)} {seeds}")
    return told
