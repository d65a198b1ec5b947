"""Ours beside the paper's: means, tests, what may be held against each other, and how it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from app.experiment import cautions
from app.experiment.cautions import with_signs
from app.experiment.settings import PLAIN, Cell
from app.pipeline.records import Record
from app.reproduce.protocol import (
    Difference,
    protocol_differences,
    protocol_of,
    row_differences,
    training_differences,
)
from app.reproduce.sheets import TABLE, Account, Sheet
from app.reproduce.shops import Judged, shop_sheets
from app.reproduce.tables import Reproduction, Row, found_in, key_of
from app.reproduce.variants import UNPUBLISHED
from app.results.comparison import SEEN_BY_SIMPLE, Load, by_seed, load_evaluation
from app.results.metrics import METRICS
from app.results.wording import change_in_words, no_difference_note, ranked_among
from recommend.settings.registry import takes_enhancers

if TYPE_CHECKING:
    from recommend.judge.evaluate import Evaluation

BEATEN, EQUAL, NOT_BEATEN, BARRED = "beaten", "within error", "not beaten", "not comparable"
RARE = 20
"""Items with fewer training interactions are rare."""


@dataclass(frozen=True, slots=True)
class TableResults:
    """A table, as far as it is there.

    Attributes:
        table: A row a recommender and metric; see `results_of`.
        differences: What is not as in the paper, by row; "" for what concerns all rows.
        cautions: Sentences about signs in the table.
        seconds: Training of everything in the table; what rows share counts once.
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


def results_of(of: Reproduction, load: Load = load_evaluation) -> TableResults:
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
    shop = of.kind in UNPUBLISHED
    differences = {key: [] if shop else _differences(one) for key, one in there.items()}
    rows = _tested(there)
    for row in rows:
        one = there[str(row["row"])]
        barred = any(difference.bars for difference in differences[one.row.key])
        row |= _beside_paper(row, one, barred) | {"rare": _on_rare(one, str(row["metric"]))}
    trained = ((one.record, cell) for one in there.values() for cell in one.cells)
    return TableResults(
        table=pl.DataFrame(rows, schema=_schema()),
        differences=_by_row(differences),
        cautions=cautions.notes(one.record.marks(one.cells[0]) for one in there.values()),
        seconds=sum(_spent(trained).values()),
        missing=_unfinished(of, there),
        among=tuple(dict.fromkeys(ranked_among(one.judged[0].about) for one in there.values())),
    )


def _spent(trained: Iterable[tuple[Record, Cell]]) -> dict[str, float]:
    """Seconds of each training; what others are made of was trained once for all of them.

    Those of what stands around another recommender have that one's among them.
    """
    spent: dict[str, float] = {}
    for record, cell in trained:
        store, key = record.store, record.cells[cell]["train"]
        made = store.manifest("train", key)
        own, other = made["summary"]["seconds"], made["inputs"].get("train")
        if other is not None and store.holds("train", other):
            shared = store.manifest("train", other)["summary"]["seconds"]
            spent[other] = shared
            own -= shared if record.experiment.beneath(cell) else 0
        spent[key] = own
    return spent


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

    runs = {key: by_seed(one.cells, one.judged) for key, one in there.items()}
    twins = {
        key: key_of(one.row.backbone, PLAIN, "")
        for key, one in there.items()
        if takes_enhancers(one.row.backbone)
    }
    rivals = {
        key: key_of(one.row.backbone, one.row.enhancer, one.row.variant.rival)
        for key, one in there.items()
        if one.row.variant.rival is not None
        and (one.row.enhancer != PLAIN or not takes_enhancers(one.row.backbone))
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
    measured = protocol_differences(protocol, experiment, asked, sizes)
    if not cell.learns:
        return measured  # the paper has none of these, nor any means that they could differ in
    return [
        *measured,
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
    from recommend.judge.compare import paired_test

    theirs = one.row.figures.get(str(row["metric"]))
    if theirs is None:
        return {"paper": None, "from_paper": None, "verdict": ""}
    gap = 100 * (row["mean"] / theirs - 1)
    if barred:
        return {"paper": theirs, "from_paper": gap, "verdict": BARRED}
    users = np.mean([e.per_user.sort("user")[row["metric"]].to_numpy() for e in one.judged], axis=0)
    _, low, high, _ = paired_test(users, np.zeros_like(users))
    verdict = BEATEN if low > theirs else NOT_BEATEN if high < theirs else EQUAL
    return {"paper": theirs, "from_paper": gap, "verdict": verdict}


def _on_rare(one: _Found, metric: str) -> float | None:
    """Mean of a metric over users whose held-out item is rare, and over seeds."""
    parts = (e.per_user.filter(pl.col("popularity") < RARE)[metric] for e in one.judged)
    values = pl.concat(parts)
    return float(values.to_numpy().mean()) if len(values) else None


def _unfinished(of: Reproduction, there: Mapping[str, _Found]) -> list[str]:
    """Rows that lack the same seeds, of those that were asked for, and these seeds."""
    told: dict[str, list[str]] = {}
    for row in of.rows:
        done = set(there[row.key].cells) if row.key in there else set()
        lacking = [cell for cell in row.cells(of.seeds) if cell not in done]
        if lacking and not lacking[0].learns:
            told.setdefault("", []).append(row.key)
        elif lacking:
            seeds = ", ".join(str(cell.seed) for cell in lacking)
            head = f"seed{'s' * (len(lacking) > 1)} {seeds} of "
            told.setdefault(head, []).append(row.key)
    return [f"{head}{', '.join(rows)}" for head, rows in told.items()]


HEADS = (
    *("recommender", "ours", "seeds", "Δ plain", "95 %", "p (Holm)"),
    *("Δ rival", "p (Holm)", "paper", "ours − paper", "", "rare"),
)
"""Columns of the table of one metric."""
UNDER = (
    "Δ plain: change against the plain twin, with the 95 % interval of the mean difference a user. "
    "Δ rival: against the control with texts or vectors of others; of variants, against the one as "
    "it is. "
    "Paired t-tests over users, averaged over the seeds that both have (in brackets if not all), "
    "corrected by Holm over the whole table. "
    f"rare: on users whose held-out item has fewer than {RARE} training interactions. "
    "beaten: the paper's figure is below the 95 % interval of ours over users."
)
OF_PAPER = ("paper", "ours − paper", "")
"""Columns that a table of no paper does not have."""


def sheets(of: Reproduction, results: TableResults) -> Iterator[Sheet]:
    """A table a metric, rows backbone by backbone."""
    kept = [
        at for at, head in enumerate(HEADS) if of.kind not in UNPUBLISHED or head not in OF_PAPER
    ]
    heads = [HEADS[at] for at in kept]
    for metric, title in METRICS.items():
        rows = [_cells(row) for row in results.table.filter(metric=metric).to_dicts()]
        yield Sheet(f"{of.name}: {title}", heads, [[row[at] for at in kept] for row in rows])


def _cells(row: Mapping[str, Any]) -> list[str]:
    spread = "" if row["sd"] is None else f" ± {row['sd']:.4f}"
    plain = _change(row, "") if row["difference"] is not None else ["", "", ""]
    rival = _change(row, "rival_") if row["rival"] is not None else ["", "", ""]
    paper = [_number(row["paper"], ".4f"), _number(row["from_paper"], "+.1f", " %")]
    name = with_signs(row["row"], row["marks"])
    return [
        *(name, f"{row['mean']:.4f}{spread}", str(row["seeds"])),
        *plain,
        *(rival[0], rival[2]),
        *paper,
        *(row["verdict"], _number(row["rare"], ".4f")),
    ]


def _change(row: Mapping[str, Any], head: str) -> list[str]:
    shared = row[f"{head}shared"]
    seeds = "" if shared == row["seeds"] else f" ({shared} seed{'s' * (shared != 1)})"
    reach = f"{row[f'{head}low']:+.4f} … {row[f'{head}high']:+.4f}"
    p = row[f"{head}p_holm"]
    return [f"{change_in_words(row, head)}{seeds}", reach, _number(p, ".2g")]


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def notes(of: Reproduction, results: TableResults) -> list[str]:
    """Sentences under the tables: what beats the paper, what cannot be compared, what lacks."""
    ranked = [f"The held-out item is ranked among {among}." for among in results.among]
    ranked += _simple(of, results)
    told = [
        *_beaten(results),
        UNDER.partition(" beaten: ")[0] if of.kind in UNPUBLISHED else UNDER,
        *no_difference_note(results.table),
        *ranked,
        *results.cautions,
    ]
    if results.table.height:
        told += _told("", results.differences.get("", ()))
        by_what: dict[Any, list[str]] = {}
        for row, found in results.differences.items():
            for difference in found if row else ():
                by_what.setdefault(difference, []).append(row)
        for difference, rows in by_what.items():
            told += _told(f"{', '.join(rows)}: ", [difference])
    told += [f"Not run: {one}." for one in results.missing]
    for why in dict.fromkeys(of.pending.values()):
        rows_of_it = (row for row, reason in of.pending.items() if reason == why)
        told.append(f"Not here: {', '.join(rows_of_it)} ({why}).")
    if results.seconds:
        told.append(f"Training of all of it took {results.seconds / 60:,.1f} minutes.")
    return told


def _simple(of: Reproduction, results: TableResults) -> Iterator[str]:
    """What is to be known of rows that are not trained."""
    there = set(results.table["row"])
    simple = [row for row in of.rows if row.key in there and not row.cells((0,))[0].learns]
    if not simple:
        return
    keys = ", ".join(row.key for row in simple)
    yield f"Not trained, so the same for every seed and measured once: {keys}."
    if not all(among.endswith("not had before") for among in results.among):
        yield SEEN_BY_SIMPLE


def _told(head: str, found: Iterable[Any]) -> list[str]:
    bars = "Not comparable with the paper: "
    return [f"{bars if one.bars else 'Not as in the paper: '}{head}{one.what}" for one in found]


def _beaten(results: TableResults) -> Iterator[str]:
    """How many of the paper's figures are beaten, an enhancer and variant each."""
    held = results.table.filter(pl.col("paper").is_not_null())
    for (enhancer, variant), part in held.group_by("enhancer", "variant", maintain_order=True):
        barred = part.filter(verdict=BARRED).height
        name = f"{enhancer}{'-' if variant else ''}{variant}"
        if barred == part.height:
            yield f"{name}: none of its {barred} figures can be held against the paper's."
            continue
        won = part.filter(verdict=BEATEN).height
        above = part.filter((pl.col("from_paper") > 0) & (pl.col("verdict") != BARRED)).height
        yield (
            f"{name}: {above} of the paper's {part.height} figures are exceeded, {won} of them by "
            "more than the error over users."
        )


def _of_shop(of: Reproduction) -> list[Judged]:
    """Rows as `shop_sheets` reads them."""
    return [
        Judged(
            key,
            one.record.marks(one.cells[0]),
            not takes_enhancers(one.row.backbone),
            by_seed(one.cells, one.judged),
            [one.record.summary("train", cell) for cell in one.cells],
        )
        for key, one in _there(of, load_evaluation).items()
    ]


def account_of(of: Reproduction, results: TableResults) -> Account:
    """All that is to be read of a table, and its figures."""
    shown = tuple(sheets(of, results)) if results.table.height else ()
    if shown and of.kind in UNPUBLISHED:
        shown = (*shown, *shop_sheets(of.base.data.name, _of_shop(of)))
    return Account(of.name, of.base.note, shown, notes(of, results), {TABLE: results.table})
