"""What the command `run` does, from settings to what a person sees."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from app.cautions import of_settings, tell
from app.plan import Plan, Step
from app.progress import Display, open_console
from app.records import Record, read_record, write_record
from app.results import result_table, show, write_results
from app.runner import run_steps
from app.settings import Experiment
from data.errors import AutoGraphError, ConfigError

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def run_experiment(
    experiment: Experiment,
    workspace: Path,
    upto: str | None = None,
    jobs: int = 1,
    device: str = "auto",
) -> None:
    """Runs what is not finished of an experiment, and shows its metrics.

    Raises:
        AutoGraphError: with what is wrong and how to mend it.
    """
    console = open_console()
    tell(experiment.name, of_settings(experiment), console)
    plan = Plan(experiment, workspace)
    steps = plan.steps(upto)
    if upto is None or _takes_nothing_away(plan, steps):
        write_record(plan, steps)
    with Display(console) as display:
        display.planned([str(step) for step in steps])
        run_steps(plan, steps, display, jobs, chosen_device(device))
    if upto is None:
        _show_results(read_record(experiment.name, workspace), console)
        return
    for step in steps:
        if step.stage == upto:
            console.print(f"{step}: {plan.store.place(step.stage, step.key)}", soft_wrap=True)


def _takes_nothing_away(plan: Plan, steps: list[Step]) -> bool:
    """Whether a record of a part of a run names all that the one before it has finished."""
    try:
        before = read_record(plan.experiment.name, plan.workspace)
    except AutoGraphError:
        return True
    named = [(None, before.keys), *before.cells.items()]
    finished = {
        (stage, cell)
        for cell, keys in named
        for stage, key in keys.items()
        if before.store.holds(stage, key)
    }
    return not before.finished() and finished <= {(step.stage, step.cell) for step in steps}


def chosen_device(wanted: str) -> str:
    """A device of torch; "auto" is a GPU where there is one.

    Raises:
        ConfigError: this machine does not have it.
    """
    if wanted == "cpu":
        return wanted
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"--device {wanted} is not to be had: {str(error).splitlines()[0]} Use auto or cpu."
        ) from None
    return wanted


def _show_results(record: Record, console: Console) -> None:
    dataset = record.summary("dataset")
    title = (
        f"{record.experiment.name}: {dataset['users']:,} users, {dataset['items']:,} items, "
        f"{dataset['interactions']:,} interactions"
    )
    path = write_results(record)
    table, notes = show(result_table(record), title)
    console.print()
    console.print(table)
    for note in notes:
        console.print(note)
    if dataset.get("bad rows"):
        rows = record.folder("dataset") / "bad_rows.parquet"
        console.print(f"{dataset['bad rows']:,} rows could not be read: {rows}", soft_wrap=True)
    console.print(f"[dim]Written to {path} and .csv[/dim]", soft_wrap=True)
