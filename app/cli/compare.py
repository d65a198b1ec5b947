"""The commands that compare recommenders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.templates import WORKSPACE, ExperimentName, Workspace

Experiments = Annotated[
    list[str], typer.Argument(metavar="EXPERIMENT…", help="Files or names that were run.")
]


def compare(
    experiments: Experiments,
    against: Annotated[
        str | None,
        typer.Option(metavar="RECOMMENDER", help="Compare with this one, not with plain twins."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the table here, as CSV.")] = None,
    latex: Annotated[
        Path | None, typer.Option(help="Also write the table here, in LaTeX with booktabs.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Compare recommenders with their plain twins: means, gains, tests over users."""
    from app.cli.show_comparison import show_comparison

    show_comparison(experiments, workspace, against, csv, latex)


def beyond(
    experiments: Experiments,
    k: Annotated[int, typer.Option("-k", min=2, max=20, help="Items of a list.")] = 10,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Measure lists beyond accuracy: coverage, concentration, novelty, diversity."""
    from app.cli.show_comparison import show_beyond

    show_beyond(experiments, workspace, k)


def ablate(
    experiment: ExperimentName,
    backbone: Annotated[
        str | None, typer.Option(help="By default that of the best on validation.")
    ] = None,
    enhancer: Annotated[
        str | None, typer.Option(help="By default that of the best on validation.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is there and what is missing; train none.")
    ] = False,
    device: Annotated[
        str, typer.Option(help="That models are trained on: auto, cpu, cuda, cuda:1, …")
    ] = "auto",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Train a recommender without each kind of metapath and with other levels; compare."""
    from app.cli.show_comparison import show_ablation

    show_ablation(experiment, workspace, (backbone, enhancer), device, dry_run)
