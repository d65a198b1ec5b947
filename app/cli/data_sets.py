"""The commands about data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(
    no_args_is_help=True, help="Data sets: which there are, and what is in them."
)

Name = Annotated[str, typer.Argument(help="Name in the catalogue, for instance ml-1m.")]
Source = Annotated[
    Path | None, typer.Option("--from", help="Folder with the publisher's files of the data.")
]
Workspace = Annotated[
    Path,
    typer.Option(help="Folder of results, caches and downloads.", envvar="AUTOGRAPH_WORKSPACE"),
]
WORKSPACE = Path("workspace")


@data_app.command("list")
def list_cards() -> None:
    """List the data sets that are known by name."""
    from app.cli.cards import show_cards

    show_cards()


@data_app.command()
def show(name: Name) -> None:
    """Show the card of a data set: what it is, whose, under which terms."""
    from app.cli.cards import show_card

    show_card(name)


@data_app.command()
def stats(name: Name, source: Source = None, workspace: Workspace = WORKSPACE) -> None:
    """Read, prepare and measure a data set."""
    from app.cli.cards import show_statistics

    show_statistics(name, source, workspace)


@data_app.command()
def check(
    experiment: Annotated[
        str, typer.Argument(help="Experiment file, or the name of a saved experiment.")
    ],
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: data.files.time_format='day first'."),
    ] = None,
) -> None:
    """Read a person's own tables: how times and decimals are understood, and which rows are bad."""
    from app.cli.cards import show_check

    show_check(experiment, change or ())


@data_app.command()
def download(name: Name, workspace: Workspace = WORKSPACE) -> None:
    """Fetch the publisher's files of a data set, and check them."""
    from app.cli.cards import download_files

    download_files(name, workspace)
