"""What the command `reproduce` does: it runs what is missing of a table, and shows all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.experiment.file import read_tree
from app.pipeline.runner import Showing, choose_device, in_silence
from app.reproduce.figures import make_other, there_of
from app.reproduce.results import results_of
from app.reproduce.sheets import print_told, write_told
from app.reproduce.show import told_of
from app.reproduce.tables_run import OTHERS, kind_of, names, open_reproduction, recorded, run_rows
from app.terminal import open_console
from data.errors import AutoGraphError, ConfigError


def reproduce(
    name: str,
    workspace: Path,
    source: Path | None = None,
    seeds: Sequence[int] = (),
    only: Sequence[str] = (),
    jobs: int = 1,
    device: str = "auto",
    dry_run: bool = False,
    showing: Showing = in_silence,
) -> None:
    """Runs what is missing of a table, then shows it beside the paper's.

    Raises:
        AutoGraphError: with what is wrong and how to mend it; what is finished stays.
    """
    kind, console = kind_of(str(read_tree(name)["name"])), open_console()
    if kind in OTHERS:
        if only or seeds:
            raise ConfigError(
                f"--only and --seeds choose among recommenders, and {name} has none. Leave them "
                "out."
            )
        if dry_run:  # it may hold less than the files of an earlier run, so they stay
            print_told(there_of(kind, name, workspace, source), console)
            return
        told = make_other(kind, name, workspace, source, choose_device(device), showing)
    else:
        of = open_reproduction(name, workspace, source, seeds)
        of.chosen(only)
        if not dry_run:
            run_rows(of, only, jobs, choose_device(device), showing)
        told = told_of(of, results_of(of))
    print_told(told, console)
    path, *others = write_told(told, workspace)
    beside = ", ".join(other.name for other in others)
    console.print(f"Written to {path}; beside it: {beside}", style="dim", soft_wrap=True)


def show_names(workspace: Path) -> None:
    """Shows every table that can be reproduced, and how much of it is there."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for head in ("name", "trained", "what"):
        table.add_column(head, justify="right" if head == "trained" else "left")
    for name in names():
        table.add_row(name, *_state(name, workspace))
    console = open_console()
    console.print(table)
    console.print("Run one: autograph reproduce NAME --from FOLDER")


def _state(name: str, workspace: Path) -> tuple[str, str]:
    """How many recommenders are trained, of how many; and what the table is."""
    note = str(read_tree(name).get("note", ""))
    if kind_of(name) in OTHERS:
        made = (workspace / "results" / f"{name}.md").exists()
        return "there" if made else "–", note
    if recorded(name, workspace) is None:
        return "–", note
    try:
        of = open_reproduction(name, workspace)
    except AutoGraphError as error:
        return "?", f"{note} ({error})"
    every, done = 0, 0
    for experiment, rows in of.experiments():
        record = recorded(experiment.name, workspace)
        finished = set(record.finished()) if record else set()
        for row in rows:
            cells = row.cells(of.base.grid.seeds)
            every, done = every + len(cells), done + sum(cell in finished for cell in cells)
    return f"{done} of {every}", note
