"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prompts.template import Side as AnySide

WORKSPACE = Path("workspace")
Workspace = Annotated[
    Path,
    typer.Option(
        help="Folder of results, caches, templates and jobs.", envvar="AUTOGRAPH_WORKSPACE"
    ),
]
ExperimentName = Annotated[
    str, typer.Argument(metavar="EXPERIMENT", help="A .toml file, or a name such as demo.")
]
Experiments = Annotated[
    list[str], typer.Argument(metavar="EXPERIMENT…", help="Files or names that were run.")
]
Side = Annotated[AnySide, typer.Argument(help="Who is described: user or item.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting.")
]
Source = Annotated[
    Path | None, typer.Option("--from", help="Folder with the publisher's files of the data.")
]
Device = Annotated[str, typer.Option(help="That models are trained on: auto, cpu, cuda, cuda:1, …")]
Beside = Annotated[
    int, typer.Option(min=1, help="Recommenders trained beside each other, a process each.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="ROW …", help="Rows such as sasrec+autograph or 'mind+*'."),
]
User = Annotated[str, typer.Option(help="Id of a user, as in the data.")]
