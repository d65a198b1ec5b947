"""The table of ablations over several domains: measures what is missing, and says what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from app.experiment.settings import Cell
from app.pipeline.derived import holds, run_derived, step_from
from app.pipeline.records import Record, read_record
from app.pipeline.runner import Showing, in_silence
from app.reproduce.sheets import TABLE, Account, Sheet
from app.reproduce.tables import Reproduction, found_in, run_rows
from app.results.domains import (
    BUCKETS,
    MAIN,
    MEASURES,
    ROUTE,
    STAGE,
    Choice,
    base_row,
    choices_of,
    count_tests,
    goals_in_words,
    p_in_words,
    reach_table,
    seeds_in_words,
    title_of,
    verdict,
)


def run_ablations(
    of: Reproduction,
    only: Sequence[str] = (),
    jobs: int = 1,
    device: str = "cpu",
    showing: Showing = in_silence,
) -> None:
    """Makes what is missing of the chosen rows, ranks within domains included, row by row.

    Raises:
        AutoGraphError: of the first step that fails; what is finished stays.
    """
    chosen = {row.key for row in of.chosen(only)}
    for experiment, rows in of.experiments():
        some = [row for row in rows if row.key in chosen]
        if some:
            run_rows(of, [row.key for row in some], jobs, device, showing)
            cells = [cell for row in some for cell in row.cells(of.seeds)]
            measure_ranks(read_record(experiment.name, of.workspace), cells, device, showing)


def measure_ranks(
    record: Record, cells: Sequence[Cell], device: str = "cpu", showing: Showing = in_silence
) -> None:
    """Ranks within domains of trained recommenders that are not measured yet.

    Raises:
        AutoGraphError: of the first that fails; what is finished stays.
    """
    steps = [(record.experiment, step_from(record, STAGE, cell)) for cell in cells]
    if not all(holds(record, step) for _, step in steps):
        run_derived(record, steps, device, showing)


def account_of_domains(of: Reproduction) -> Account:
    """All that is to be read of the ablations, and their figures."""
    found, base = found_in(of), base_row(of.base)
    table = reach_table(found, base)
    choices = choices_of(of.base)
    sheets = list(_sheets(of, table, choices, found)) if table.height else []
    notes = list(_notes(of, table, choices))
    return Account(of.name, of.base.note, sheets, notes, {TABLE: table})


def _sheets(
    of: Reproduction,
    table: pl.DataFrame,
    choices: Sequence[Choice],
    found: Mapping[str, tuple[Record, Sequence[Cell]]],
) -> Iterator[Sheet]:
    """A table a bucket of users."""
    base = base_row(of.base)
    heads = ["row"]
    for measure, name in MEASURES.items():
        heads += [name, "ratio", *(["95 %"] if measure == MAIN else []), "p (Holm)"]
    heads += ["seeds", "s an epoch"]
    there = set(table["row"])
    for bucket in BUCKETS:
        part = table.filter(bucket=bucket)
        if not part.height:
            continue
        at = {(one["row"], one["measure"]): one for one in part.to_dicts()}
        rows = []
        for choice in choices:
            if choice.row in there:
                own = [at[choice.row, measure] for measure in MEASURES]
                name = f"{choice.group}: {choice.words}{' (as set)' * (choice.row == base)}"
                seconds = _seconds_an_epoch(*found[choice.row])
                cells = [cell for one in own for cell in _cells(one)]
                rows.append([name, *cells, str(own[0]["seeds"]), seconds])
        who = "all users" if bucket == "all" else f"users with {bucket} in the domain"
        yield Sheet(f"{of.name}: {who} ({part['users'][0]:,})", heads, rows)


def _cells(row: Mapping[str, Any]) -> list[str]:
    spread = "" if row["sd"] is None else f" ± {row['sd']:.4f}"
    own = f"{row['mean']:.4f}{spread}"
    main = row["measure"] == MAIN
    if row["p_holm"] is None:
        return [own, "", *([""] * main), ""]
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
    reach = [f"{row['low']:+.4f} … {row['high']:+.4f}"] if main else []
    return [own, ratio, *reach, f"{row['p_holm']:.2g}"]


def _seconds_an_epoch(record: Record, cells: Sequence[Cell]) -> str:
    taken = [record.summary("train", cell).get("seconds_per_epoch") for cell in cells]
    known = [one for one in taken if one is not None]
    return f"{sum(known) / len(known):,.1f}" if known and cells[0].learns else ""


def _notes(of: Reproduction, table: pl.DataFrame, choices: Sequence[Choice]) -> Iterator[str]:
    """What was aimed at, what is compared with what, and what lacks."""
    base = base_row(of.base)
    if table.height:
        yield from goals_in_words(table, choices, base)
        yield from _verdicts(table, choices, base)
        yield (
            f"Recall@K by {ROUTE}: whether the item that somebody had next is among the first K of "
            "its own domain that the person has not had. NDCG@10 is among all items. Ratios, "
            f"intervals of differences and p are against {title_of(base)} as set: paired t-tests "
            "over users, averaged over the seeds that both have, corrected by Holm over the "
            f"{count_tests(table)} tests of all these tables. Users are parted by their training "
            "interactions in the domain of what they had next. ±: standard deviation over seeds."
        )
        yield seeds_in_words(table)
    there = set(table["row"])
    lacking = [row.key for row in of.rows if row.key not in there]
    if lacking:
        yield f"Not run: {', '.join(lacking)}."
    short = table.filter(bucket="all", measure=MAIN)
    for one in short.to_dicts():
        wanted = len(next(row for row in of.rows if row.key == one["row"]).cells(of.seeds))
        if one["seeds"] < wanted:
            yield f"{one['row']}: {one['seeds']} of {wanted} seeds."


def _verdicts(table: pl.DataFrame, choices: Sequence[Choice], base: str) -> Iterator[str]:
    """What is better or worse than the one as set, of all users, beyond chance."""
    names = {c.row: f"{c.group.lower()} {c.words}" for c in choices}
    part = table.filter(bucket="all", measure=MAIN)
    for told in ("better", "worse"):
        rows = [one for one in part.to_dicts() if verdict(one) == told]
        if rows:
            which = "; ".join(
                f"{names[one['row']]} (p {p_in_words(one['p_holm'])})" for one in rows
            )
            head = f"{told.capitalize()} than {title_of(base)} as set in Recall@100 of all users"
            yield f"{head}: {which}."
