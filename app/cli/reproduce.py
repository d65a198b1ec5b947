"""The commands that rebuild the paper's tables and look for hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from typer.core import TyperCommand

from app.cli.options import (
    WORKSPACE,
    Beside,
    Changes,
    Device,
    ExperimentName,
    Only,
    Source,
    Workspace,
)
from app.cli.progress import open_display
from app.experiment.cautions import notes, of_settings, tell, with_signs
from app.experiment.file import load_experiment, read_tree
from app.pipeline.runner import choose_device
from app.reproduce import triples
from app.reproduce.domains import account_of_domains, run_ablations
from app.reproduce.figures import look_up_other, make_other
from app.reproduce.results import account_of, results_of
from app.reproduce.sheets import print_account, write_account
from app.reproduce.split_account import account_of_split
from app.reproduce.split_runs import run_split
from app.reproduce.splits import open_split
from app.reproduce.tables import (
    OTHERS,
    SPLITS,
    find_record,
    kind_of,
    names,
    open_reproduction,
    run_rows,
)
from app.reproduce.tokens import account_of_tokens
from app.reproduce.triple_account import account_of_triples
from app.reproduce.variants import DOMAINS, TOKENS
from app.search.search import override_toml
from app.search.search import search as find_settings
from app.terminal import open_console
from data.errors import AutoGraphError, ConfigError

app = typer.Typer()
MANY: Mapping[str, Callable[[str], bool]] = {
    "--seeds": str.isdigit,
    "--only": lambda word: "+" in word or "*" in word,
}
"""Options that take several values one after another, and what is one of them."""


class ManyValues(TyperCommand):
    """A command whose options of `MANY` take values up to the first word that is none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is left after options, with `--seeds 0 1` read as `--seeds 0 --seeds 1`."""
        return super().parse_args(ctx, spread(args))


def spread(args: list[str]) -> list[str]:
    """Every value behind an option of its own.

    >>> spread(["leak", "--seeds", "0", "1", "--jobs", "2"])
    ['leak', '--seeds', '0', '--seeds', '1', '--jobs', '2']
    """
    out: list[str] = []
    option, first = "", False
    for word in args:
        if word in MANY:
            option, first = word, True
            out.append(word)
        elif option and (first or MANY[option](word)):
            out += [word] if first else [option, word]
            first = False
        else:
            option = ""
            out.append(word)
    return out


@app.command(cls=ManyValues)
def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of a table; without it all are listed.")
    ] = None,
    seeds: Annotated[
        list[int] | None, typer.Option(metavar="0 1 2", help="By default those of the file.")
    ] = None,
    only: Only = None,
    source: Source = None,
    jobs: Beside = 1,
    device: Device = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is there; train nothing.")
    ] = False,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Runs what is missing of a table, then shows it beside the paper's.

    What is finished is not run again: a table can be filled bit by bit.
    """
    console = open_console()
    if name is None:
        _show_names(workspace)
        return
    if name == triples.NAME:
        if dry_run or jobs == 1:
            _reproduce_triples(source, workspace, seeds or (), only or (), dry_run)
            return
        raise ConfigError(
            f"{name} trains one row after another. For several beside each other, start the "
            "command once more with other rows as --only."
        )
    kind = kind_of(str(read_tree(name)["name"]))
    if kind in OTHERS:
        if only or seeds:
            raise ConfigError(
                f"--only and --seeds choose among recommenders, and {name} has none. Leave them "
                "out."
            )
        if dry_run:  # it may hold less than the files of an earlier run, so they stay
            print_account(look_up_other(kind, name, workspace, source), console)
            return
        told = make_other(kind, name, workspace, source, choose_device(device), open_display)
    elif kind in SPLITS:
        if jobs > 1:
            raise ConfigError(
                f"{name} trains one row after another. For several beside each other, start the "
                "command once more with other rows as --only."
            )
        table = open_split(name, workspace, source, seeds or (), only or ())
        left_out = {} if dry_run else run_split(table, choose_device(device), open_display)
        every = open_split(name, workspace, source, seeds or ())
        told = account_of_split(every, left_out)
    else:
        of = open_reproduction(name, workspace, source, seeds or ())
        of.chosen(only or ())
        if not dry_run:
            run = run_ablations if kind in DOMAINS else run_rows
            run(of, only or (), jobs, choose_device(device), open_display)
        if kind in DOMAINS:
            told = account_of_domains(of)
        else:
            account = account_of_tokens if kind == TOKENS else account_of
            told = account(of, results_of(of))
    print_account(told, console)
    path, *others = write_account(told, workspace)
    beside = ", ".join(other.name for other in others)
    console.print(f"Written to {path}; beside it: {beside}", style="dim", soft_wrap=True)


def _reproduce_triples(
    source: Path | None, workspace: Path, seeds: Sequence[int], only: Sequence[str], dry_run: bool
) -> None:
    """Runs what is missing of triples of a person, a tag and a film, then shows all that is there.

    Raises:
        ConfigError: no folder is named.
    """
    if source is None:
        raise ConfigError(
            f"{triples.NAME} is measured on tags, and no folder is named. Add --from FOLDER, with "
            "tags.dat and movies.dat of MovieLens-10M, or tags.csv and movies.csv of a later one."
        )
    of = tuple(dict.fromkeys(seeds)) or triples.SEEDS
    table = triples.TripleTable(source, workspace, of, tuple(only))
    if not dry_run:
        triples.run_triples(table, open_display)
    told = account_of_triples(triples.TripleTable(source, workspace, of))
    console = open_console()
    print_account(told, console)
    path, *others = write_account(told, workspace)
    beside = ", ".join(other.name for other in others)
    console.print(f"Written to {path}; beside it: {beside}", style="dim", soft_wrap=True)


def _show_names(workspace: Path) -> None:
    """Shows every table that can be reproduced, and how much of it is there."""
    table = Table(box=SIMPLE_HEAD)
    for head in ("name", "trained", "what"):
        table.add_column(head, justify="right" if head == "trained" else "left")
    for name in names():
        table.add_row(name, *_state(name, workspace))
    there = (workspace / "results" / f"{triples.NAME}.md").exists()
    table.add_row(triples.NAME, "there" if there else "–", triples.NOTE)
    console = open_console()
    console.print(table)
    console.print("Run one: autograph reproduce NAME --from FOLDER")


def _state(name: str, workspace: Path) -> tuple[str, str]:
    """How many recommenders are trained, of how many; and what the table is."""
    note = str(read_tree(name).get("note", ""))
    if kind_of(name) in (*OTHERS, *SPLITS):
        made = (workspace / "results" / f"{name}.md").exists()
        return "there" if made else "–", note
    if find_record(name, workspace) is None:
        return "–", note
    try:
        of = open_reproduction(name, workspace)
    except AutoGraphError as error:
        return "?", f"{note} ({error})"
    every, done = 0, 0
    for experiment, rows in of.experiments():
        record = find_record(experiment.name, workspace)
        finished = set(record.finished_cells()) if record else set()
        for row in rows:
            cells = row.cells(of.base.grid.seeds)
            every, done = every + len(cells), done + sum(cell in finished for cell in cells)
    return f"{done} of {every}", note


@app.command(cls=ManyValues)
def search(
    experiment: ExperimentName,
    trials: Annotated[int, typer.Option(min=1, help="Of every row, all calls together.")] = 20,
    only: Only = None,
    change: Changes = None,
    source: Source = None,
    device: Device = "auto",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Searches, then shows the best of each row and the override to paste.

    Stop it at any time: the same command goes on from there.
    """
    chosen = load_experiment(experiment, change or (), source)
    console = open_console()
    tell(chosen.name, of_settings(chosen), console)
    found = find_settings(
        chosen, workspace, trials, only or (), choose_device(device), open_display
    )
    table = Table(title=f"{chosen.name}: validation NDCG@10", box=SIMPLE_HEAD)
    for head in ("row", "trials", "best", "as the file has it"):
        table.add_column(head, justify="left" if head == "row" else "right")
    for one in found:
        own = "" if one.default is None else f"{one.default:.4f}"
        table.add_row(
            with_signs(one.cell.label, one.marks), str(one.trials), f"{one.value:.4f}", own
        )
    console.print(table)
    for note in notes(one.marks for one in found):
        console.print(note)
    console.print("To use them, put this into the experiment's file:\n")
    console.print(override_toml(found), soft_wrap=True)
