"""The commands about latent factors."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.cli.templates import WORKSPACE, ExperimentName, Workspace

factors_app = typer.Typer(
    no_args_is_help=True, help="Latent factors: how codes are used, and what each one means."
)
Side = Annotated[Literal["user", "item"], typer.Argument(help="Whose factors.")]


@factors_app.command()
def show(
    experiment: ExperimentName,
    side: Side,
    factor: Annotated[
        str | None, typer.Argument(metavar="[LEVEL-CODE]", help="One factor, for instance 0-12.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of a list.")] = 10,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show how the codes of each level are used, or one factor: terms, members, neighbours."""
    from app.cli.show_factors import show_factor, show_levels

    if factor is None:
        show_levels(experiment, workspace, side, limit)
    else:
        show_factor(experiment, workspace, side, factor, limit)


@factors_app.command()
def alternatives(
    experiment: ExperimentName,
    side: Side,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Quantise the same vectors by every other method, with as many levels and codes; compare."""
    from app.cli.show_factors import show_alternatives

    show_alternatives(experiment, workspace, side)
