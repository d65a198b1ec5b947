"""The commands about jobs: long work that was started on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

jobs_app = typer.Typer(
    no_args_is_help=True, help="Jobs that were started on the page: look, stop, continue."
)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `autograph jobs list` shows it.")]
Workspace = Annotated[
    Path,
    typer.Option(help="Folder of results, caches and jobs.", envvar="AUTOGRAPH_WORKSPACE"),
]
WORKSPACE = Path("workspace")


@jobs_app.command("list")
def list_all(workspace: Workspace = WORKSPACE) -> None:
    """List the jobs of a workspace, the newest first."""
    from app.cli.show_jobs import show_jobs

    show_jobs(workspace)


@jobs_app.command()
def show(
    id: Id,
    lines: Annotated[int, typer.Option(min=0, help="Of the log's end.")] = 20,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show how far a job is, and the end of its log."""
    from app.cli.show_jobs import show_job

    show_job(workspace, id, lines)


@jobs_app.command()
def stop(id: Id, workspace: Workspace = WORKSPACE) -> None:
    """Ask a job to end; what is finished is kept."""
    from app.cli.show_jobs import stop_job

    stop_job(workspace, id)


@jobs_app.command("continue")
def continue_(id: Id, workspace: Workspace = WORKSPACE) -> None:
    """Start a job again that was stopped, failed or crashed; it goes on where it was."""
    from app.cli.show_jobs import continue_job

    continue_job(workspace, id)


@jobs_app.command()
def forget(id: Id, workspace: Workspace = WORKSPACE) -> None:
    """Take a job that has ended off the list; results that it made stay."""
    from app.cli.show_jobs import forget_job

    forget_job(workspace, id)
