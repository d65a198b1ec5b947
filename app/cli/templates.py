"""The commands about templates of prompts: list, show, new, edit and diff."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.options import WORKSPACE, Workspace
from app.terminal import open_console, styled
from data.errors import ConfigError
from prompts.diff import Change, template_diff
from prompts.library import Library, Saved
from prompts.template import load_template, own_templates, template_text

prompts_app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Of a template of your own.")]
Reference = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="A template; its latest version by default.")
]
File = Annotated[
    str | None, typer.Option(metavar="FILE", help="Take the text from a file; - is the input.")
]
STYLES = {"equal": "", "removed": "red strike", "added": "green underline"}
"""How the words of a diff look in colour."""
MARKS = {"equal": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}
"""What stands around them where there is no colour."""
USUAL = ("sensible-editor", "nano", "vi")
"""Editors that are looked for where a person names none."""


@prompts_app.command("list")
def list_all(workspace: Workspace = WORKSPACE) -> None:
    """List the templates that ship, and your own."""
    table = Table("name", "side", "version", "whose", "note")
    for entry in Library(own_templates(workspace)).entries():
        one = entry.template
        saved = f"yours, {entry.saved:%Y-%m-%d}" if entry.saved else "ships"
        table.add_row(one.name, one.side, str(one.version), saved, one.note)
    open_console().print(table)


@prompts_app.command()
def show(
    name: Reference,
    history: Annotated[
        bool, typer.Option("--history", help="List all versions in its place.")
    ] = False,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show a template as it is written."""
    if history:
        _show_history(name, workspace)
        return
    text = template_text(load_template(name, own_templates(workspace)))
    open_console().print(Text(text), soft_wrap=True, end="")


def _show_history(name: str, workspace: Path) -> None:
    """Shows all versions of a template of one's own."""
    table = Table("version", "saved", "note")
    for entry in Library(own_templates(workspace)).history(name):
        saved = f"{entry.saved:%Y-%m-%d %H:%M}" if entry.saved else ""
        table.add_row(str(entry.template.version), saved, entry.template.note)
    open_console().print(table)


@prompts_app.command()
def new(
    name: Name,
    source: Annotated[
        str | None, typer.Option("--from", metavar="NAME[@VERSION]", help="Template to copy.")
    ] = None,
    file: File = None,
    note: Annotated[str, typer.Option(help="What it is for, in a line.")] = "",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Begin a template of your own, as a copy of another or from a file."""
    library = Library(own_templates(workspace))
    if (source is None) == (file is None):
        raise ConfigError(
            f"Say what {name} begins as: --from any-item (autograph prompts list shows all), or "
            "--file FILE."
        )
    if source is not None:
        copied = load_template(source, library.folder)
        saved = library.create(name, template_text(copied), note or f"Copy of {copied.label}.")
    else:
        saved = library.create(name, _read(str(file)), note)
    _tell_saved(saved)


@prompts_app.command()
def edit(
    name: Name,
    file: File = None,
    note: Annotated[str, typer.Option(help="What is different, in a line.")] = "",
    restore: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Go back to what a version said.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Save the next version of a template, written in your $EDITOR; the old ones stay."""
    library = Library(own_templates(workspace))
    if restore is not None:
        _tell_saved(library.restore(name, restore))
        return
    latest = library.history(name)[-1].template
    text = edit_text(template_text(latest)) if file is None else _read(file)
    _tell_saved(library.save(name, text, note, base=latest.version))


@prompts_app.command()
def diff(a: Reference, b: Reference, workspace: Workspace = WORKSPACE) -> None:
    """Show word by word what differs between two templates or versions."""
    folder, console = own_templates(workspace), open_console()
    old, new = load_template(a, folder), load_template(b, folder)
    for sign, one in (("-", old), ("+", new)):
        console.print(styled(f"{sign} {one.label} ", (one.note, "dim")), soft_wrap=True)
    console.print()
    changes = template_diff(old, new)
    if all(op == "equal" for op, _ in changes):
        console.print("They say the same.")
        return
    coloured = console.is_terminal and not console.no_color
    console.print(diff_text(changes, coloured), soft_wrap=True)


def diff_text(changes: Iterable[Change], coloured: bool) -> Text:
    """Changes in colour, or with marks around them."""
    text = Text()
    for op, words in changes:
        before, after = ("", "") if coloured else MARKS[op]
        text.append(f"{before}{words}{after}", STYLES[op] if coloured else "")
    return text


def _tell_saved(saved: Saved) -> None:
    console = open_console()
    if not saved.new:
        console.print(f"Nothing differs from {saved.template.label}; no version was made.")
        return
    console.print(f"Saved {saved.template.label}: {saved.path}", soft_wrap=True)
    if saved.meanwhile:
        others = ", ".join(map(str, saved.meanwhile))
        console.print(
            f"Somebody saved version {others} while you wrote; compare: "
            f"autograph prompts diff {saved.template.name}@{saved.meanwhile[-1]} "
            f"{saved.template.label}"
        )


def _read(file: str) -> str:
    """The text of a file, or of the standard input for "-".

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--file {file} cannot be read as UTF-8 text: {error}.") from None


def edit_text(text: str) -> str:
    """`text` as a person leaves it in $VISUAL, $EDITOR, or the first usual editor there is.

    Raises:
        ConfigError: there is no editor, or it fails.
    """
    command = _editor()
    path = Path(tempfile.mkdtemp(prefix="autograph-")) / "template.md"
    path.write_text(text, encoding="utf-8")
    try:
        subprocess.run([*command, str(path)], check=True)
        changed = path.read_text(encoding="utf-8")
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The editor {shlex.join(command)} did not end well ({error}). Nothing was saved; the "
            f"text is in {path}. Set EDITOR to another, or give the text with --file."
        ) from None
    shutil.rmtree(path.parent)
    return changed


def _editor() -> list[str]:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named:
        return shlex.split(named)
    found = next((name for name in USUAL if shutil.which(name)), None)
    if found is None:
        raise ConfigError("There is no editor here. Set EDITOR, or give the text with --file FILE.")
    return [found]
