"""The commands about language models."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich.table import Table

from app.experiment.file import load_experiment
from app.terminal import open_console
from data.errors import ConfigError
from llm.inspection import inspect_endpoint
from llm.settings import ServerConfig

llm_app = typer.Typer(no_args_is_help=True)


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
    show_inspection(endpoint_of(experiment, side, url, model, key_variable))


def endpoint_of(
    experiment: str | None, side: str | None, url: str | None, model: str | None, key_variable: str
) -> ServerConfig:
    """The endpoint of an experiment's side, or one that is given by address and model.

    Raises:
        ConfigError: there is none, or too little is said.
    """
    if experiment is None:
        if url is None or model is None:
            raise ConfigError(
                "Name an experiment whose backend is 'server', or give both --url and --model."
            )
        try:
            return ServerConfig(backend="server", url=url, model=model, key_variable=key_variable)
        except ValidationError as error:  # what was given may be a key: it is not shown
            first = error.errors()[0]
            reason = first["msg"].removeprefix("Value error, ")
            option = str(first["loc"][0]).replace("_", "-")
            raise ConfigError(f"--{option}: {reason}.") from None
    settings = load_experiment(experiment).llm
    for name in (side,) if side else ("user", "item"):
        config = getattr(settings, name)
        if isinstance(config, ServerConfig):
            return config
    raise ConfigError(
        f"No {side or 'side'} of {experiment!r} asks an endpoint. Set, for instance: "
        'llm.item = {backend = "server", url = "http://127.0.0.1:8000/v1", model = "…"}'
    )


def show_inspection(config: ServerConfig) -> None:
    """Calls the endpoint and prints what it is.

    Raises:
        BackendError: it does not answer.
    """
    found = inspect_endpoint(config)
    table = Table(show_header=False, box=None)
    table.add_row("address", config.url)
    table.add_row("model", found.model)
    if found.models:
        more = f" and {len(found.models) - 5} more" if len(found.models) > 5 else ""
        table.add_row("offers", ", ".join(found.models[:5]) + more)
    table.add_row("latency", f"{found.latency_s:.2f} s")
    table.add_row("tokens", f"{found.tokens_in} in, {found.tokens_out} out")
    table.add_row("answer", found.text[:200] or "(no text)")
    for ability, reason in found.supports.items():
        table.add_row(ability, "yes" if reason is None else f"no: {reason}")
    open_console().print(table)
