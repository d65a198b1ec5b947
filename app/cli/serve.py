"""The command that answers over HTTP, or to an assistant, from an export."""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import ConfigError
from data.inert import visible

if TYPE_CHECKING:
    from app.serve.desk import Desk
    from app.serve.limits import Limits

app = typer.Typer()
TOKEN = "AUTOGRAPH_TOKEN"
"""In the environment: what every request has to bring."""
LEAST = 16
"""Characters of a token."""
NEEDED = ("starlette", "uvicorn", "msgspec", "prometheus_client", "mcp")


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="That `export` wrote.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is all of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8800,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Holds a token that every request has to bring. AUTOGRAPH_TOKEN in the "
            "environment does the same.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name of this server, as of a proxy."),
    ] = None,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Answer an assistant over stdin and stdout, no HTTP.")
    ] = False,
    max_bytes: Annotated[int, typer.Option(min=1000, help="Of the body of a request.")] = 1_000_000,
    max_asks: Annotated[int, typer.Option(min=1, help="In one body.")] = 256,
    max_k: Annotated[int, typer.Option(min=1, max=1000, help="Items in one answer.")] = 1000,
    max_history: Annotated[int, typer.Option(min=1, help="Items of a history.")] = 10_000,
    max_requests: Annotated[
        int, typer.Option(min=1, help="Answered at the same time; others are asked to come again.")
    ] = 256,
    max_kept: Annotated[
        int, typer.Option(min=1, help="Users and queries whose neighbours are kept for asks.")
    ] = 100_000,
    seconds: Annotated[float, typer.Option(min=0.01, help="That one request may take.")] = 10.0,
    grace: Annotated[
        int, typer.Option(min=0, help="Seconds for requests in flight, once told to stop.")
    ] = 10,
) -> None:
    """Answers until it is stopped; a newer export in the same place takes over by itself."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(f"Serving needs {', '.join(missing)}: pip install 'autograph-rec[serve]'")
    token = read_token(token_file)
    if token is None and not mcp and not _is_loopback(host):
        raise ConfigError(
            f"--host {host} lets other machines in, so a token is needed. Write one into a file "
            f"and add --token-file FILE, or set {TOKEN} in the environment."
        )
    from app.serve.desk import Desk, open_export
    from app.serve.limits import Limits

    logging.basicConfig(level="WARNING", format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("autograph.serve").setLevel("INFO")
    desk = Desk(folder, partial(open_export, entries=max_kept))
    limits = Limits(
        bytes=max_bytes,
        asks=max_asks,
        k=max_k,
        history=max_history,
        seconds=seconds,
        requests=max_requests,
    )
    desk.watch()
    if mcp:
        _talk(desk, limits)
        return
    from app.serve.api import make_app
    from app.serve.gate import Door
    from app.serve.hosts import Hosts
    from app.serve.run import Place, run

    hosts = Hosts(host, allow_host or (), "server", "autograph serve FOLDER")
    place = Place(host, port, grace)
    there = place.listen()
    at = there.getsockname()[1]
    for line in greeting(desk, host, at, token is not None):
        typer.echo(visible(line))
    run(make_app(desk, limits, Door(hosts, token)), place, there)


def _talk(desk: Desk, limits: Limits) -> None:
    """Answers an assistant; what stands on stdout is the protocol alone."""
    from app.serve.tools import make_tools

    typer.echo(f"{desk.folder.name} answers over stdin and stdout.", err=True)
    make_tools(desk, limits).run()


def read_token(file: Path | None) -> str | None:
    """The token that requests have to bring; None where none is set.

    Raises:
        ConfigError: the file cannot be read, or what is in it is no token.
    """
    given = os.environ.get(TOKEN)
    where = TOKEN
    if file is not None:
        where = f"--token-file {file}"
        try:
            given = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text in UTF-8"
            raise ConfigError(f"{where} cannot be read: {why}.") from None
    elif not given:
        return None
    assert given is not None
    if len(given) < LEAST or not given.isascii() or not given.isprintable() or " " in given:
        raise ConfigError(
            f"{where} holds no token: it has to be {LEAST} or more letters, digits and signs of "
            "ASCII without spaces, for instance of: python -c 'import secrets; "
            "print(secrets.token_urlsafe())'"
        )
    return given


def greeting(desk: Desk, host: str, port: int, with_token: bool) -> list[str]:
    """What is printed as a server begins.

    Args:
        desk: Whose export answers.
        host: That it listens on.
        port: Likewise.
        with_token: Whether requests have to bring one.
    """
    from app.serve.openapi import some_names

    user, _ = some_names(desk.opened)
    sizes = desk.opened.export.card["sizes"]
    shown = f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host
    at = f"http://{shown}:{port}"
    body = shlex.quote(json.dumps({"user": user, "k": 5}, ensure_ascii=False))
    header = ' -H "Authorization: Bearer $TOKEN"' if with_token else ""
    return [
        f"{desk.folder} answers at {at}: {sizes['users']:,} users, {sizes['items']:,} items.",
        f"  curl {at}/recommend{header} -d {body}",
        f"All that it answers: {at}/docs. For assistants (MCP): {at}/mcp",
        "Every request but /health and /docs has to bring the token."
        if with_token
        else "Only this machine reaches it, and it asks for no token.",
        "A newer export in the same place takes over by itself. Stop with Ctrl-C.",
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
