"""The commands that rebuild the paper's tables and look for hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from app.cli.templates import WORKSPACE, ExperimentName, Workspace

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


def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of a table; without it all are listed.")
    ] = None,
    seeds: Annotated[
        list[int] | None, typer.Option(metavar="0 1 2", help="By default those of the file.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW …", help="Rows to run, such as sasrec+autograph or 'mind+*'."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder with the publisher's files of the data.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Recommenders trained beside each other, a process each.")
    ] = 1,
    device: Annotated[
        str, typer.Option(help="That models are trained on: auto, cpu, cuda, cuda:1, …")
    ] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is there; train nothing.")
    ] = False,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Rebuild a table of the paper, and show its figures beside ours.

    What is finished is not run again: a table can be filled bit by bit.
    """
    from app.cli.progress import open_display
    from app.reproduce.session import reproduce as run
    from app.reproduce.session import show_names

    if name is None:
        show_names(workspace)
    else:
        run(name, workspace, source, seeds or (), only or (), jobs, device, dry_run, open_display)


def search(
    experiment: ExperimentName,
    trials: Annotated[int, typer.Option(min=1, help="Of every row, all calls together.")] = 20,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW …", help="Rows such as sasrec+autograph or 'mind+*'."),
    ] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder with the publisher's files of the data.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="That models are trained on: auto, cpu, cuda, cuda:1, …")
    ] = "auto",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Look for hyper-parameters on validation data, over the grids of the paper's appendix D.

    Stop it at any time: the same command goes on from there.
    """
    from app.cli.show_search import show_search
    from app.experiment.file import load_experiment

    show_search(
        load_experiment(experiment, change or (), source), workspace, trials, only or (), device
    )
