"""The command that starts the page."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.cli.options import WORKSPACE, Workspace
from data.errors import ConfigError

app = typer.Typer()
PAGE = Path(__file__).resolve().parents[2] / "streamlit_app.py"
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")


@app.command()
def ui(
    workspace: Workspace = WORKSPACE,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Other machines see it under 0.0.0.0; think of --viewer then.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further name that the page answers under, such as that of a reverse proxy.",
        ),
    ] = None,
    viewer: Annotated[
        bool,
        typer.Option(
            "--viewer",
            help="Visitors see Demo, Ask, Serve, Graph, Query, Factors, Compare and Report; they "
            "run and change nothing.",
        ),
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Holds a password: who gives it may do everything, all others are viewers. "
            "AUTOGRAPH_PASSWORD in the environment does the same.",
        ),
    ] = None,
    from_export: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Show what `autograph export` wrote there, and nothing else: Demo and Serve, "
            "without a workspace.",
        ),
    ] = None,
) -> None:
    """Runs the page until it is stopped."""
    if from_export is not None:
        from recommend.serve.folder import read_card

        read_card(from_export)
    door = Door(port, address, allow_host or (), viewer, password_file, from_export)
    serve(workspace, door, browser)


@dataclass(frozen=True, slots=True)
class Door:
    """How the page is reached.

    Attributes:
        port: Of the address.
        address: Of the machine that it listens on.
        hosts: Names that it answers under, beside the address and those of this machine.
        viewer: Whether visitors only look, until they sign in.
        password_file: Holds the password by which they sign in.
        export: Folder of the export that it shows alone, if it does.
    """

    port: int
    address: str
    hosts: Sequence[str] = ()
    viewer: bool = False
    password_file: Path | None = None
    export: Path | None = None

    def __post_init__(self) -> None:
        """Refuses what opens no door.

        Raises:
            ConfigError: a name holds more than a host and a port, or there is no password in the
                file.
        """
        if self.password_file is not None:
            _check_password(self.password_file)
        wrong = next((host for host in self.hosts if not _HOST.fullmatch(host)), None)
        if wrong is not None:
            raise ConfigError(
                f"--allow-host {wrong!r} is no name of a host. Give it as example.org, or with "
                "its port, as example.org:8443; no https:// before it and nothing behind it."
            )

    @property
    def settings(self) -> dict[str, str]:
        """What the process of the page finds in its environment."""
        settings = {"AUTOGRAPH_ALLOWED_HOSTS": ",".join(self.hosts)}
        if self.viewer:
            settings["AUTOGRAPH_VIEWER"] = "1"
        if self.password_file is not None:
            settings["AUTOGRAPH_PASSWORD_FILE"] = str(self.password_file.resolve())
        if self.export is not None:
            settings["AUTOGRAPH_EXPORT"] = str(self.export.resolve())
        return settings


def _check_password(path: Path) -> None:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError(f"--password-file {path} cannot be read: {why}.") from None
    if not found:
        raise ConfigError(f"--password-file {path} is empty. Write the password into it.")


def serve(workspace: Path, door: Door, browser: bool) -> NoReturn:
    """Becomes the process of the page, so that a signal that stops it stops the page.

    Args:
        workspace: That it shows and writes to.
        door: How it is reached.
        browser: Whether to open a browser.

    Raises:
        ConfigError: Streamlit is not installed, or the page's file is not there.
    """
    if find_spec("streamlit") is None:
        raise ConfigError("The page needs Streamlit: pip install 'autograph-rec[ui]'")
    if not PAGE.exists():
        raise ConfigError(f"The page's file is not there: {PAGE}. Install from a checkout.")
    words = [
        *(sys.executable, "-m", "streamlit", "run", str(PAGE)),
        *("--server.address", door.address, "--server.port", str(door.port)),
        *("--server.headless", "false" if browser else "true"),
        *("--server.showEmailPrompt", "false"),
    ]
    here = {"AUTOGRAPH_WORKSPACE": str(workspace.resolve()), "TOKENIZERS_PARALLELISM": "false"}
    sys.stdout.flush()
    os.chdir(PAGE.parent)
    os.execve(sys.executable, words, {**os.environ, **here, **door.settings})
