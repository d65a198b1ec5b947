"""The commands about jobs: long work that was started on the page."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.cli.options import WORKSPACE, Workspace
from app.jobs.control import forget, resume, stop
from app.jobs.state import Job, list_jobs, read_job
from app.jobs.wording import ahead, duration, finished_steps, progress_in_words, seconds_of
from app.terminal import open_console, styled

jobs_app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="As `autograph jobs list` shows it.")]


@jobs_app.command("list")
def list_all(workspace: Workspace = WORKSPACE) -> None:
    """List the jobs of a workspace, the newest first."""
    jobs, console = list_jobs(workspace), open_console()
    if not jobs:
        console.print(f"No job was started in {workspace}.")
        return
    table = Table("id", "title", "state", "began", "took", "steps")
    for job in jobs:
        seconds = seconds_of(job)
        began = "" if job.started is None else _clock(job.started)
        steps = f"{finished_steps(job)} of {len(job.steps)}" if job.steps else ""
        spent = "" if seconds is None else duration(seconds)
        table.add_row(job.id, job.title, job.state, began, spent, steps)
    console.print(table)


@jobs_app.command()
def show(
    id: Id,
    lines: Annotated[int, typer.Option(min=0, help="Of the log's end.")] = 20,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show how far a job is, and the end of its log."""
    job, console = read_job(workspace, id), open_console()
    console.print(styled((job.title, "bold"), f": {_standing(job, workspace)}"))
    console.print(shlex.join(("autograph", *job.words)), style="dim", soft_wrap=True)
    if job.error:
        console.print(job.error, soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for step in job.steps:
        table.add_row(step.name, step.state, progress_in_words(step))
    console.print(table)
    if lines and (tail := job.log_tail(lines)):
        console.print(f"{job.folder / 'log.txt'} ends:", style="dim", soft_wrap=True)
        console.print(tail, soft_wrap=True)


def _standing(job: Job, workspace: Path) -> str:
    if job.state == "queued" and (before := ahead(job, list_jobs(workspace))):
        return f"queued behind {len(before)}, next of which is {before[0].title}"
    again = f", attempt {job.attempt}" if job.attempt > 1 else ""
    seconds = seconds_of(job)
    return job.state + again + ("" if seconds is None else f", {duration(seconds)}")


@jobs_app.command("stop")
def stop_job(id: Id, workspace: Workspace = WORKSPACE) -> None:
    """Ask a job to end; what is finished is kept."""
    job, console = read_job(workspace, id), open_console()
    if not job.active:
        console.print(f"{job.title} has ended already: {job.state}.")
        return
    stop(job)
    console.print(f"{job.title} is asked to end. Continue it with: autograph jobs continue {id}")


@jobs_app.command("continue")
def continue_job(id: Id, workspace: Workspace = WORKSPACE) -> None:
    """Start a job again that was stopped, failed or crashed; it goes on where it was."""
    job = resume(read_job(workspace, id))
    open_console().print(f"{job.title} goes on. See: autograph jobs show {id}")


@jobs_app.command("forget")
def forget_job(id: Id, workspace: Workspace = WORKSPACE) -> None:
    """Take a job that has ended off the list; results that it made stay."""
    job = next((one for one in list_jobs(workspace) if one.id == id), None)
    forget(job or read_job(workspace, id))
    open_console().print(f"{id} is forgotten. Results stay where they are.")


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"
