"""What the commands that compare recommenders do, on a terminal and in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.cli.progress import open_display
from app.experiment.cautions import notes
from app.pipeline.records import Record, read_record
from app.pipeline.runner import choose_device
from app.results.ablations import Ablation, ablation, ablation_table, run_missing, with_parts
from app.results.comparison import (
    beyond_table,
    cautions_told,
    compare_contenders,
    contenders,
    judging_told,
    make_lists,
)
from app.results.differences import NOTE
from app.results.latex import comparison_latex
from app.results.metrics import show_compared
from app.terminal import open_console
from data import atomic
from data.errors import ConfigError
from data.inert import csv_bytes


def judged(names: Sequence[str], workspace: Path) -> list[Record]:
    """Experiments of which something is trained and judged.

    Raises:
        ConfigError: one was not run, or nothing of it is finished.
    """
    records = [read_record(name, workspace) for name in dict.fromkeys(names)]
    for record in records:
        if not record.finished():
            raise ConfigError(
                f"Nothing of {record.experiment.name!r} is trained and judged. Run it first: "
                f"autograph run {record.experiment.name}"
            )
    return records


def show_comparison(
    names: Sequence[str],
    workspace: Path,
    against: str | None = None,
    csv: Path | None = None,
    latex: Path | None = None,
) -> None:
    """Shows recommenders against their plain twins, or against one of them; writes files if asked.

    Raises:
        AutoGraphError: an experiment was not run, nothing of it is finished, or results cannot be
            compared.
    """
    found = contenders(judged(names, workspace))
    table = compare_contenders(found, against)
    console = open_console()
    console.print(show_compared(table))
    what = f"{against!r}" if against else "the plain twin"
    console.print(f"Changes are against {what}; t-tests are paired over users.")
    cautions = [*judging_told(found), *cautions_told(found)]
    for note in (NOTE, *cautions):
        console.print(note)
    if csv is not None:
        atomic.write_bytes(csv, csv_bytes(table))
    if latex is not None:
        atomic.write_text(latex, comparison_latex(table, cautions))
    for path in filter(None, (csv, latex)):
        console.print(f"Written to {path}", style="dim", soft_wrap=True)


def show_beyond(names: Sequence[str], workspace: Path, k: int) -> None:
    """Makes the lists that are missing, and shows what they are like.

    Raises:
        AutoGraphError: an experiment was not run, or nothing of it is finished.
    """
    from app.cli.show_factors import rich_table

    records = judged(names, workspace)
    for record in records:
        make_lists(record, showing=open_display)
    found = contenders(records)
    table = beyond_table(found, k).drop("backbone", "enhancer", "lists")
    console = open_console()
    console.print(rich_table(table, f"The first {k} items of every user"))
    console.print("Novelty is in bits; diversity is 1 − cosine of the items' vectors.")
    for note in cautions_told(found):
        console.print(note)


def show_ablation(
    name: str,
    workspace: Path,
    choice: tuple[str | None, str | None],
    device: str = "auto",
    dry_run: bool = False,
) -> None:
    """Trains the variants that are missing unless it is a dry run, and shows all that are there.

    Args:
        name: Of the experiment, or its file.
        workspace: Where it was run.
        choice: Backbone and enhancer; None leaves it to validation.
        device: That the missing are trained on; "auto" is a GPU where there is one.
        dry_run: Train none.

    Raises:
        AutoGraphError: no recommender of the experiment has parts to leave out, or one fails.
    """
    record = judged([name], workspace)[0]
    of = ablation(record, *_chosen(record, *choice))
    if not dry_run:
        run_missing(of, choose_device(device), open_display)
        of = ablation(record, of.backbone, of.enhancer)
    console = open_console()
    console.print(show_compared(ablation_table(of)))
    console.print("Changes are against the recommender as set; t-tests are paired over users.")
    for line in (NOTE, *notes([of.marks]), *_missing(of)):
        console.print(line)


def _missing(of: Ablation) -> list[str]:
    return [f"Not trained: {variant.name(of.base)}" for variant in of.missing]


def _chosen(record: Record, backbone: str | None, enhancer: str | None) -> tuple[str, str]:
    """Backbone and enhancer; the best on validation that fits."""
    fitting = [
        cell
        for cell in record.finished()
        if (cell.backbone, cell.enhancer) in with_parts(record)
        and backbone in (None, cell.backbone)
        and enhancer in (None, cell.enhancer)
    ]
    if not fitting:
        there = ", ".join(f"{b}+{e}" for b, e in with_parts(record)) or "none"
        raise ConfigError(
            f"No trained recommender of {record.experiment.name!r} with parts to leave out fits "
            f"--backbone and --enhancer. There are: {there}."
        )
    best = max(fitting, key=lambda cell: record.summary("train", cell)["valid_ndcg@10"])
    return best.backbone, best.enhancer
