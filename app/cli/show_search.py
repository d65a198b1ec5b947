"""What a search found, as a table and as tables of an experiment's file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.cli.progress import open_display
from app.experiment.cautions import named, notes, of_settings, tell
from app.experiment.settings import Experiment
from app.pipeline.runner import choose_device
from app.search.search import override_toml, search
from app.terminal import open_console


def show_search(
    experiment: Experiment, workspace: Path, trials: int, only: Sequence[str], device: str
) -> None:
    """Searches, then shows the best of each row and the override to paste.

    Raises:
        AutoGraphError: with what is wrong and how to mend it; finished trials are kept.
    """
    console = open_console()
    tell(experiment.name, of_settings(experiment), console)
    found = search(experiment, workspace, trials, only, choose_device(device), open_display)
    table = Table(title=f"{experiment.name}: validation NDCG@10", box=SIMPLE_HEAD)
    for head in ("row", "trials", "best", "as the file has it"):
        table.add_column(head, justify="left" if head == "row" else "right")
    for one in found:
        own = "" if one.default is None else f"{one.default:.4f}"
        table.add_row(named(one.cell.label, one.marks), str(one.trials), f"{one.value:.4f}", own)
    console.print(table)
    for note in notes(one.marks for one in found):
        console.print(note)
    console.print("To use them, put this into the experiment's file:\n")
    console.print(override_toml(found), soft_wrap=True)
