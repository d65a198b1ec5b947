"""The commands about knowledge: what was said of users and items."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.cli.templates import WORKSPACE, Changes, ExperimentName, Source, Workspace

knowledge_app = typer.Typer(
    no_args_is_help=True, help="Knowledge: what a model said of every user and item."
)


@knowledge_app.callback()
def knowledge() -> None:
    """Keeps `update` a command of its own while it is the only one."""


@knowledge_app.command()
def update(
    experiment: ExperimentName,
    side: Annotated[
        Literal["user", "item"] | None, typer.Option(help="One side only; by default both.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who would be asked about, and why; ask nobody.")
    ] = False,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Describe who is new or changed, and whose last call failed; nobody else is asked about."""
    from app.cli.show_prompts import open_plan, show_update

    plan = open_plan(experiment, change, source, workspace)
    show_update(plan, ("item", "user") if side is None else (side,), dry_run)
