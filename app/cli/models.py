"""The commands about language models."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

llm_app = typer.Typer(no_args_is_help=True, help="Language models: are they there, what can they?")


@llm_app.callback()
def _group() -> None:
    """Language models."""


@llm_app.command()
def check(
    experiment: Annotated[
        str | None,
        typer.Argument(metavar="[EXPERIMENT]", help="Checks the endpoint that it names."),
    ] = None,
    side: Annotated[
        Literal["user", "item"] | None, typer.Option(help="By default the side that has one.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Address up to /v1; no EXPERIMENT then.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model at that address.")] = None,
    key_variable: Annotated[
        str, typer.Option(help="Environment variable that holds the key.")
    ] = "OPENAI_API_KEY",
) -> None:
    """Call an endpoint once: who answers, how fast, and what it supports."""
    from app.cli.endpoints import endpoint_of, show_inspection

    show_inspection(endpoint_of(experiment, side, url, model, key_variable))
