"""A reproduced table in words and numbers that a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from app.experiment.cautions import with_signs
from app.reproduce.results import BARRED, BEATEN, RARE, Results
from app.reproduce.sheets import TABLE, Sheet, Told
from app.reproduce.tables_run import Reproduction
from app.results.metrics import METRICS
from app.results.wording import change_in_words, no_difference_note

HEADS = (
    *("recommender", "ours", "seeds", "Δ plain", "95 %", "p (Holm)"),
    *("Δ rival", "p (Holm)", "paper", "ours − paper", "", "rare"),
)
"""Columns of the table of one metric."""
UNDER = (
    "Δ plain: change against the plain twin, with the 95 % interval of the mean difference a user. "
    "Δ rival: against the control with shuffled texts; of variants, against the one as it is. "
    "Paired t-tests over users, averaged over the seeds that both have (in brackets if not all), "
    "corrected by Holm over the whole table. "
    f"rare: on users whose held-out item has fewer than {RARE} training interactions. "
    "beaten: the paper's figure is below the 95 % interval of ours over users."
)


def sheets(of: Reproduction, results: Results) -> Iterator[Sheet]:
    """A table a metric, rows backbone by backbone."""
    for metric, title in METRICS.items():
        rows = results.table.filter(metric=metric).to_dicts()
        yield Sheet(f"{of.name}: {title}", HEADS, [_cells(row) for row in rows])


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
    seeds = "" if row[f"{head}shared"] == row["seeds"] else f" ({row[f'{head}shared']} seeds)"
    reach = f"{row[f'{head}low']:+.4f} … {row[f'{head}high']:+.4f}"
    p = row[f"{head}p_holm"]
    return [f"{change_in_words(row, head)}{seeds}", reach, _number(p, ".2g")]


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def notes(of: Reproduction, results: Results) -> list[str]:
    """Sentences under the tables: what beats the paper, what cannot be compared, what lacks."""
    ranked = [f"The held-out item is ranked among {among}." for among in results.among]
    told = [
        *_beaten(results),
        UNDER,
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


def _told(head: str, found: Iterable[Any]) -> list[str]:
    bars = "Not comparable with the paper: "
    return [f"{bars if one.bars else 'Not as in the paper: '}{head}{one.what}" for one in found]


def _beaten(results: Results) -> Iterator[str]:
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


def told_of(of: Reproduction, results: Results) -> Told:
    """All that is to be read of a table, and its figures."""
    shown = tuple(sheets(of, results)) if results.table.height else ()
    return Told(of.name, of.base.note, shown, notes(of, results), {TABLE: results.table})
