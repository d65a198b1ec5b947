"""The commands that compare recommenders, on a terminal and in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.cli.factors import rich_table
from app.cli.options import WORKSPACE, Device, ExperimentName, Experiments, Workspace
from app.cli.progress import open_display
from app.experiment.cautions import notes
from app.pipeline.records import Record, read_record
from app.pipeline.runner import choose_device
from app.results.ablations import Ablation, ablation, ablation_table, run_missing, with_parts
from app.results.bar import against_in_words, learning_in_words, twins_below_in_words
from app.results.comparison import (
    beyond_table,
    caution_notes,
    compare_contenders,
    contenders,
    drawn_among,
    judging_notes,
    make_lists,
    short_lists,
)
from app.results.latex import comparison_latex
from app.results.metrics import METRICS
from app.results.nearness import (
    SEEN,
    STEPS,
    closeness_table,
    gates_table,
    groups_table,
    measure_nearness,
    nearness_in_words,
    scores_table,
)
from app.results.wording import change_in_words, no_difference_note
from app.terminal import open_console
from data import atomic
from data.errors import ConfigError
from data.inert import csv_bytes

app = typer.Typer()


def judged_records(names: Sequence[str], workspace: Path) -> list[Record]:
    """Experiments of which something is trained and judged.

    Raises:
        ConfigError: one was not run, or nothing of it is finished.
    """
    records = [read_record(name, workspace) for name in dict.fromkeys(names)]
    for record in records:
        if not record.finished_cells():
            raise ConfigError(
                f"Nothing of {record.experiment.name!r} is trained and judged. Run it first: "
                f"autograph run {record.experiment.name}"
            )
    return records


@app.command()
def compare(
    experiments: Experiments,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="RECOMMENDER",
            help="Compare with this one, not with plain twins or the best simple one.",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the table here, as CSV.")] = None,
    latex: Annotated[
        Path | None, typer.Option(help="Also write the table here, in LaTeX with booktabs.")
    ] = None,
    short: Annotated[
        bool, typer.Option("--short-lists", help="Also show HR and NDCG of the first 1, 5 and 10.")
    ] = False,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Shows recommenders against their plain twins, or against one of them; writes files, too."""
    found = contenders(judged_records(experiments, workspace))
    table = compare_contenders(found, against)
    console, drawn = open_console(), drawn_among(found)
    console.print(show_compared(table, drawn))
    if short:
        console.print(rich_table(short_lists(found), f"Shorter lists{drawn}"))
    if what := against_in_words(found, against):
        console.print(f"{what} T-tests are paired over users.")
    cautions = [*judging_notes(found), *caution_notes(found)]
    bar = [*learning_in_words(found), *twins_below_in_words(found)]
    for note in (*bar, *no_difference_note(table), *cautions):
        console.print(note)
    if csv is not None:
        atomic.write_bytes(csv, csv_bytes(table))
    if latex is not None:
        atomic.write_text(latex, comparison_latex(table, cautions, drawn=drawn))
    for path in filter(None, (csv, latex)):
        console.print(f"Written to {path}", style="dim", soft_wrap=True)


@app.command()
def beyond(
    experiments: Experiments,
    k: Annotated[int, typer.Option("-k", min=2, max=20, help="Items of a list.")] = 10,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Makes the lists that are missing, and shows what they are like."""
    records = judged_records(experiments, workspace)
    for record in records:
        make_lists(record, showing=open_display)
    found = contenders(records)
    table = beyond_table(found, k).drop("backbone", "enhancer", "lists")
    console = open_console()
    console.print(rich_table(table, f"The first {k} items of every user"))
    console.print("Novelty is in bits; diversity is 1 − cosine of the items' vectors.")
    for note in caution_notes(found):
        console.print(note)


@app.command()
def locality(experiments: Experiments, workspace: Workspace = WORKSPACE) -> None:
    """Measures what is missing, and shows how near the test's items were to their users.

    It needs no trained recommender; what samples hold is shown of those that look around.
    """
    records = [read_record(name, workspace) for name in dict.fromkeys(experiments)]
    for record in records:
        measure_nearness(record, showing=open_display)
    found = contenders(records)
    console = open_console()
    scores = scores_table(records).pivot("k", index=["experiment", "way"], values="score")
    heads = {str(k): f"s_{k}" for k in range(1, 5)}
    console.print(rich_table(scores.rename(heads), "Share of next items within k steps"))
    titles = {
        f"The same within {STEPS} steps, by group of users": groups_table(records),
        "Samples of recommenders that look around": closeness_table(found),
        "What users make of the scores of near items, by group": gates_table(found),
    }
    for title, table in titles.items():
        if table.height:
            console.print(rich_table(table, title))
    for sentence in (*nearness_in_words(records, found), SEEN, *caution_notes(found)):
        console.print(sentence)


@app.command()
def ablate(
    experiment: ExperimentName,
    backbone: Annotated[
        str | None, typer.Option(help="By default that of the best on validation.")
    ] = None,
    enhancer: Annotated[
        str | None, typer.Option(help="By default that of the best on validation.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is there and what is missing; train none.")
    ] = False,
    device: Device = "auto",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Trains the variants that are missing unless it is a dry run, and shows all that are there."""
    record = judged_records([experiment], workspace)[0]
    of = ablation(record, *_chosen(record, backbone, enhancer))
    if not dry_run:
        run_missing(of, choose_device(device), open_display)
        of = ablation(record, of.backbone, of.enhancer)
    console = open_console()
    table = ablation_table(of)
    console.print(show_compared(table, drawn_among(contenders([record]))))
    console.print("Changes are against the recommender as set; t-tests are paired over users.")
    for line in (*no_difference_note(table), *notes([of.marks]), *_missing(of)):
        console.print(line)


def _missing(of: Ablation) -> list[str]:
    return [f"Not trained: {variant.name(of.base)}" for variant in of.missing]


def _chosen(record: Record, backbone: str | None, enhancer: str | None) -> tuple[str, str]:
    """Backbone and enhancer; the best on validation that fits."""
    fitting = [
        cell
        for cell in record.finished_cells()
        if (cell.backbone, cell.enhancer) in with_parts(record)
        and backbone in (None, cell.backbone)
        and enhancer in (None, cell.enhancer)
    ]
    if not fitting:
        there = ", ".join(f"{b}+{e}" for b, e in with_parts(record)) or "none"
        raise ConfigError(
            f"No trained recommender of {record.experiment.name!r} with parts to leave out fits "
            f"--backbone and --enhancer. There are: {there}."
        )
    best = max(fitting, key=record.validated().__getitem__)
    return best.backbone, best.enhancer


def show_compared(compared: pl.DataFrame, drawn: str = "") -> Table:
    """The table a person reads of `compare_contenders`, without the plain twins' missing tests.

    Its title says what `drawn_among` says.
    """
    table = Table(title=f"Test metrics{drawn}", title_justify="left", box=SIMPLE_HEAD)
    for name in ("recommender", "metric", "mean", "change", "difference, 95 %", "p", "p (Holm)"):
        table.add_column(name, justify="left" if name in ("recommender", "metric") else "right")
    for row in compared.iter_rows(named=True):
        spread = "" if row["sd"] is None else f" ± {row['sd']:.4f}"
        cells = [row["run"], METRICS[row["metric"]], f"{row['mean']:.4f}{spread}"]
        if row["baseline"] is not None:
            some = "" if row["shared"] == row["seeds"] else f" ({row['shared']} seeds)"
            cells += [
                f"{change_in_words(row)}{some}",
                f"{row['difference']:+.4f} ({row['low']:+.4f} … {row['high']:+.4f})",
                f"{row['p']:.2g}",
                f"{row['p_holm']:.2g}",
            ]
        table.add_row(*cells)
    return table
