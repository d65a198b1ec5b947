"""The command that runs an experiment, from settings to what a person sees."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from app.cli.options import WORKSPACE, Beside, Changes, Device, ExperimentName, Source, Workspace
from app.cli.progress import Display, figures
from app.experiment.cautions import notes, of_settings, tell, with_signs
from app.experiment.file import load_experiment, origin_of
from app.experiment.quick import Shape
from app.experiment.quick import quick as quick_experiment
from app.experiment.settings import Experiment
from app.pipeline.plan import Plan, Step
from app.pipeline.records import (
    Record,
    read_record,
    record_of,
    refuse_namesake,
    write_if_latest,
    write_record,
)
from app.pipeline.runner import choose_device, run_steps
from app.pipeline.stages.order import STAGES, stages_named
from app.results.bar import against_in_words, learning_in_words, twins_below_in_words
from app.results.comparison import changes_in_words, contenders, drawn_among, judging_notes
from app.results.metrics import COSTS, METRICS, means, result_table, write_results
from app.results.wording import NONE, NOTE
from app.terminal import open_console, styled
from data.dataset import Dataset
from data.errors import AutoGraphError, ConfigError

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


app = typer.Typer()
*_FIRST, _LAST = dict.fromkeys(re.sub("-(user|item)$", "", stage) for stage in STAGES)
UPTO = (
    f"Last stage to run: {', '.join(_FIRST)} or {_LAST}. Those with two sides run both; "
    "knowledge-item or knowledge-user is one of them."
)


@app.command()
def run(
    experiment: ExperimentName,
    change: Changes = None,
    upto: Annotated[str | None, typer.Option(metavar="STAGE", help=UPTO)] = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
    jobs: Beside = 1,
    device: Device = "auto",
    control: Annotated[
        Literal["none", "shuffled", "random"] | None,
        typer.Option(
            help="Same as --set control=…: shuffled puts each text on another entity, random draws "
            "a vector in place of each text's."
        ),
    ] = None,
    on_bad_row: Annotated[
        Literal["stop", "skip"] | None, typer.Option(help="Same as --set data.on_bad_row=…")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A first look at the experiment's data, its recommenders aside: simple rows, one "
            "SASRec, and one with texts.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --quick: say how long it would take, and train none."),
    ] = False,
) -> None:
    """Runs what is not finished of an experiment.

    Stop it at any time: the same command goes on from there.
    """
    changes = [
        *(change or []),
        *([f"data.on_bad_row={on_bad_row}"] if on_bad_row else []),
        *([f"control={control}"] if control else []),
    ]
    if upto and quick:
        raise ConfigError("--quick runs everything: leave out --upto, or leave out --quick.")
    if dry_run and not quick:
        raise ConfigError("--dry-run estimates a first look: add --quick, or leave it out.")
    chosen, file = load_experiment(experiment, changes, source), origin_of(experiment, workspace)
    if quick:
        look(chosen, workspace, changes, jobs, device, file, dry_run)
    else:
        run_experiment(chosen, workspace, upto, jobs, device, file)


def run_experiment(
    experiment: Experiment,
    workspace: Path,
    upto: str | None = None,
    jobs: int = 1,
    device: str = "auto",
    file: str = "",
) -> None:
    """Runs what is not finished of an experiment, and shows its metrics.

    Of a part of it, up to a stage, it shows what was read, what was left out and where results are.
    `file` is what `origin_of` calls the file that the settings are from.

    Raises:
        AutoGraphError: with what is wrong and how to mend it.
    """
    console = open_console()
    tell(experiment.name, of_settings(experiment), console)
    plan = Plan(experiment, workspace, file)
    steps = plan.steps(upto)
    refuse_namesake(plan)
    if upto is None or _takes_nothing_away(plan, steps):
        write_record(plan, steps)
    with Display(console) as display:
        display.plan_steps([str(step) for step in steps])
        run_steps(plan, steps, display, jobs, choose_device(device))
    record = record_of(plan, steps)
    if upto is None:
        _show_results(record, console)
        return
    last = stages_named(upto)
    _show_part(record, [step for step in steps if step.stage in last], console)


def look(
    chosen: Experiment,
    workspace: Path,
    changes: Sequence[str],
    jobs: int,
    device: str,
    file: str,
    dry_run: bool,
) -> None:
    """Takes a first look at the data of an experiment: how long it takes, and whether texts help.

    Args:
        chosen: Whose data are looked at.
        workspace: Holds results.
        changes: That go before the preset, each "a.b=c".
        jobs: Recommenders beside each other.
        device: That models are trained on.
        file: What `origin_of` calls the file that the settings are from.
        dry_run: Whether it ends with the estimate.

    Raises:
        AutoGraphError: with what is wrong and how to mend it.
    """
    from app.pipeline.estimate import estimate
    from app.results.first_look import advice, do_texts_help, estimate_in_words, took_in_words

    console = open_console()
    read = Plan(chosen, workspace, file)
    with Display(console) as display:
        steps = read.steps("split")
        run_steps(read, steps, display)
    shape = Shape.of(Dataset.load(record_of(read, steps).folder("dataset")))
    experiment = quick_experiment(chosen, shape, changes)
    plan, on = Plan(experiment, workspace, file), choose_device(device)
    refuse_namesake(plan)
    if not dry_run:
        display.plan_steps([str(step) for step in plan.steps()])
    for note in shape.notes:
        console.print(note, soft_wrap=True)
    cores = os.cpu_count() or 1
    expected = estimate(plan, on, max(1, cores // jobs))
    console.print(estimate_in_words(expected, cores), style="bold", soft_wrap=True)
    if told := advice(expected):
        console.print(told, soft_wrap=True)
    name = experiment.name
    if expected.parts:
        expected.save(workspace, name)
    if dry_run:
        return
    started = time.perf_counter()
    run_experiment(experiment, workspace, None, jobs, device, file)
    if expected.parts:
        expected = replace(expected, took=time.perf_counter() - started)
        expected.save(workspace, name)
        console.print(took_in_words(expected), soft_wrap=True)
    answer = do_texts_help(read_record(name, workspace))
    console.print(answer, style="bold", soft_wrap=True)
    console.print(f"More: autograph compare {name}", style="dim", soft_wrap=True)


def _takes_nothing_away(plan: Plan, steps: list[Step]) -> bool:
    """Whether a record of a part of a run names all that the one before it has finished."""
    try:
        before = read_record(plan.experiment.name, plan.workspace)
    except AutoGraphError:
        return True
    named = [(None, before.keys), *before.cells.items()]
    finished = {
        (stage, cell)
        for cell, keys in named
        for stage, key in keys.items()
        if before.store.holds(stage, key)
    }
    return not before.finished_cells() and finished <= {(step.stage, step.cell) for step in steps}


def _show_part(record: Record, steps: list[Step], console: Console) -> None:
    """Says what was read and what of it is not used, and where the results of some steps are."""
    console.print(_counts(record))
    for sentence in record.summary("dataset").get("understood", ()):
        console.print(sentence, soft_wrap=True)
    left_out = record.summary("dataset").get("left out", {})
    if told := ", ".join(f"{n:,} {what}" for what, n in left_out.items() if n):
        console.print(f"Left out: {told}.", soft_wrap=True)
    _show_bad_rows(record, console)
    for step in steps:
        summary = record.summary(step.stage, step.cell)
        place = record.folder(step.stage, step.cell)
        line = styled(f"{step}: {place} ", (figures(summary), "dim"))
        console.print(line, soft_wrap=True)


def _counts(record: Record) -> str:
    """How large the data of an experiment are."""
    dataset = record.summary("dataset")
    sizes = (f"{dataset[what]:,} {what}" for what in ("users", "items", "interactions"))
    return f"{record.experiment.name}: {', '.join(sizes)}"


def _show_bad_rows(record: Record, console: Console) -> None:
    if n := record.summary("dataset").get("bad rows"):
        rows = record.folder("dataset") / "bad_rows.parquet"
        what = "row" if n == 1 else "rows"
        console.print(f"{n:,} {what} could not be read: {rows}", soft_wrap=True)


def _show_results(record: Record, console: Console) -> None:
    path = write_if_latest(record, write_results)
    found = contenders([record])
    title = f"{_counts(record)}{drawn_among(found)}"
    table, notes = result_sheet(result_table(record), title, changes_in_words(record))
    console.print()
    console.print(table)
    bar = [*learning_in_words(found), *twins_below_in_words(found)]
    changed = [against_in_words(found)] if table.row_count > 1 else []
    for note in filter(None, (*changed, *bar, *judging_notes(found), *notes)):
        console.print(note)
    _show_bad_rows(record, console)
    if path is None:
        name = record.experiment.name
        console.print(
            f"Another run of {name} has begun since: what is kept under that name is of that one.",
            soft_wrap=True,
        )
        return
    console.print(f"Written to {path} and .csv", style="dim", soft_wrap=True)


def result_sheet(
    results: pl.DataFrame, title: str, changes: Mapping[tuple[str, str], str]
) -> tuple[Table, list[str]]:
    """The table a person reads, a row a backbone and enhancer, and the notes under it.

    Args:
        results: From `result_table`; shown are means over seeds.
        title: Above the table.
        changes: In words, how far the NDCG@10 of a backbone and enhancer is from its twin's.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("backbone")
    table.add_column("enhancer")
    for name in (*METRICS.values(), "Δ NDCG", *COSTS.values()):
        table.add_column(name, justify="right")
    for row in means(results):
        change = changes.get((row["backbone"], row["enhancer"]), "")
        table.add_row(*_cells(row, change), end_section=row["last"])
    trained = results.filter(pl.col("epochs").is_not_null())  # the others are there once
    counts = sorted(set(trained.group_by("backbone", "enhancer").len()["len"].to_list()))
    over = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else "1"
    told = [f"Means over {over} seeds."] if over != "1" else []
    told += [NOTE] if NONE in changes.values() else []
    return table, told + notes(results["marks"])


def _cells(row: dict[str, Any], change: str) -> Iterable[str]:
    yield row["backbone"]
    yield with_signs(row["enhancer"], row["marks"])
    for metric in METRICS:
        yield f"{row[metric]:.4f}"
    yield change
    for cost, digits in zip(COSTS, (2, 0, 0), strict=True):
        yield "–" if row[cost] is None else f"{row[cost]:.{digits}f}"
