"""The commands about latent factors."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.cli.options import WORKSPACE, ExperimentName, Side, Workspace
from app.cli.progress import open_display
from app.experiment.cautions import tell
from app.pipeline.records import Record, read_record
from app.results.alternatives import alternative_table, alternatives, fit_alternatives
from app.results.results import Results
from app.terminal import open_console
from prompts.template import Side as AnySide
from quantize.diagnostics import level_table

factors_app = typer.Typer(no_args_is_help=True)


@factors_app.command()
def show(
    experiment: ExperimentName,
    side: Side,
    factor: Annotated[
        str | None, typer.Argument(metavar="[LEVEL-CODE]", help="One factor, for instance 0-12.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of a list.")] = 10,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show how the codes of each level are used, or one factor: terms, members, neighbours."""
    record = read_record(experiment, workspace)
    if factor is None:
        _show_levels(record, side, limit)
    else:
        _show_factor(record, side, factor, limit)


@factors_app.command("alternatives")
def show_alternatives(
    experiment: ExperimentName, side: Side, workspace: Workspace = WORKSPACE
) -> None:
    """Quantise the same vectors by every other method, with as many levels and codes; compare."""
    record = read_record(experiment, workspace)
    fit_alternatives(record, side, open_display)
    table = alternative_table(alternatives(record, side)).drop("own", "codes")
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph([side]), console)
    console.print(rich_table(table, f"Ways to quantise the vectors of {side}s"))


def _show_levels(record: Record, side: AnySide, limit: int) -> None:
    """Shows how the codes of each level are used, and the largest factors of the first.

    Raises:
        AutoGraphError: the experiment was not run, or its codes are not finished.
    """
    results = Results(record)
    figures = results.codes(side).codes.statistics
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph([side]), console)
    console.print(rich_table(level_table(figures), f"Codes of {side}s, level by level"))
    console.print(f"{figures['collisions']:.2%} of the {side}s share their full code with another.")
    factors = results.factors(side)
    named = factors.table.with_columns(pl.Series("name", factors.names, pl.String))
    largest = named.filter(level=0).sort("size", descending=True).head(limit)
    written = largest.select(pl.format("{}-{}", "level", "code").alias("factor"), "name", "size")
    console.print(rich_table(written, "Largest factors of level 0"))


def _show_factor(record: Record, side: AnySide, written: str, limit: int) -> None:
    """Shows one factor: what its texts say, who has it, and what is near.

    Raises:
        AutoGraphError: there is no such factor, or the factors are not finished.
    """
    lexicon = Results(record).lexicon(side)
    level, code = lexicon.factor(written)
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph([side]), console)
    console.print(lexicon.name(level, code), style="bold")
    if told := lexicon.told(level, code):
        console.print(told)
    console.print(rich_table(lexicon.terms(level, code), "Terms"))
    members = lexicon.members(level, code)
    console.print(rich_table(members.drop("row").head(limit), f"Members: {members.height:,}"))
    console.print(rich_table(lexicon.neighbours(level, code, limit), "Nearest codes of the level"))


def rich_table(table: pl.DataFrame, title: str) -> Table:
    """A table as a person reads it on a terminal; hostile texts do no harm."""
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column, kind in table.schema.items():
        shown.add_column(column.replace("_", " "), justify="right" if kind.is_numeric() else "left")
    for row in table.iter_rows():
        shown.add_row(*map(_cell, row))
    return shown


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
