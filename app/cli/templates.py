"""The commands about prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

prompts_app = typer.Typer(
    no_args_is_help=True, help="Templates of prompts: write, compare, try and cost them."
)

Name = Annotated[str, typer.Argument(help="Of a template of your own.")]
Reference = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="A template; its latest version by default.")
]
ExperimentName = Annotated[
    str, typer.Argument(metavar="EXPERIMENT", help="A .toml file, or a name such as demo.")
]
Side = Annotated[Literal["user", "item"], typer.Argument(help="Who is described.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting.")
]
Source = Annotated[
    Path | None, typer.Option("--from", help="Folder with the publisher's files of the data.")
]
Workspace = Annotated[
    Path,
    typer.Option(help="Folder of results, caches and templates.", envvar="AUTOGRAPH_WORKSPACE"),
]
File = Annotated[
    str | None, typer.Option(metavar="FILE", help="Take the text from a file; - is the input.")
]
Entities = Annotated[
    list[str] | None, typer.Option("--entity", metavar="ID", help="Of a user or item.")
]
Template = Annotated[
    str | None,
    typer.Option(metavar="NAME[@VERSION]", help="By default the experiment's template."),
]
WORKSPACE = Path("workspace")


@prompts_app.command("list")
def list_all(workspace: Workspace = WORKSPACE) -> None:
    """List the templates that ship, and your own."""
    from app.cli.show_templates import show_list

    show_list(workspace)


@prompts_app.command()
def show(
    name: Reference,
    history: Annotated[
        bool, typer.Option("--history", help="List all versions in its place.")
    ] = False,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show a template as it is written."""
    from app.cli.show_templates import show_history, show_template

    (show_history if history else show_template)(name, workspace)


@prompts_app.command()
def new(
    name: Name,
    source: Annotated[
        str | None, typer.Option("--from", metavar="NAME[@VERSION]", help="Template to copy.")
    ] = None,
    file: File = None,
    note: Annotated[str, typer.Option(help="What it is for, in a line.")] = "",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Begin a template of your own, as a copy of another or from a file."""
    from app.cli.show_templates import create_template

    create_template(name, source, file, note, workspace)


@prompts_app.command()
def edit(
    name: Name,
    file: File = None,
    note: Annotated[str, typer.Option(help="What is different, in a line.")] = "",
    restore: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Go back to what a version said.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Save the next version of a template, written in your $EDITOR; the old ones stay."""
    from app.cli.show_templates import edit_template

    edit_template(name, file, note, restore, workspace)


@prompts_app.command()
def diff(a: Reference, b: Reference, workspace: Workspace = WORKSPACE) -> None:
    """Show word by word what differs between two templates or versions."""
    from app.cli.show_templates import show_diff

    show_diff(a, b, workspace)


@prompts_app.command()
def render(
    experiment: ExperimentName,
    side: Side,
    entity: Entities = None,
    template: Template = None,
    variables: Annotated[
        bool, typer.Option("--variables", help="Show what templates may write, with its values.")
    ] = False,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show what is sent about a user or item; nothing is sent."""
    from app.cli.show_prompts import open_side, show_prompts

    scene = open_side(experiment, side, change, source, workspace)
    show_prompts(scene, entity or [], template, variables)


@prompts_app.command("try")
def try_out(
    experiment: ExperimentName,
    side: Side,
    template: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[@VERSION]", help="A variant; give several to compare them."),
    ] = None,
    entity: Entities = None,
    count: Annotated[int, typer.Option(min=1, help="Entities at random, if none is named.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the choice of entities.")] = 0,
    only_different: Annotated[
        bool, typer.Option("--only-different", help="Leave out where all variants say the same.")
    ] = False,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Ask about a few users or items under several templates; answers are kept."""
    from app.cli.show_prompts import open_side, show_trial

    scene = open_side(experiment, side, change, source, workspace)
    show_trial(scene, template or [], (entity or [], count, seed), only_different)


@prompts_app.command()
def estimate(
    experiment: ExperimentName,
    side: Side,
    template: Template = None,
    sample: Annotated[int, typer.Option(min=2, help="Prompts to count tokens of.")] = 20,
    measure: Annotated[
        int, typer.Option(min=0, help="Calls to make, and pay, to measure answers; they are kept.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Say what it takes to describe everybody: calls, tokens, time and money."""
    from app.cli.show_prompts import open_side, show_estimate

    scene = open_side(experiment, side, change, source, workspace)
    show_estimate(scene, template, sample, measure, seed)
