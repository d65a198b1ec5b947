"""What the commands about templates alone show: list, show, new, edit and diff."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from app.cli.editor import edited
from app.terminal import open_console, styled
from data.errors import ConfigError
from prompts.library import Library, Saved
from prompts.template import load_template, own_templates, template_text

if TYPE_CHECKING:
    from prompts.diff import Change

STYLES = {"equal": "", "removed": "red strike", "added": "green underline"}
"""How the words of a diff look in colour."""
MARKS = {"equal": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}
"""What stands around them where there is no colour."""


def show_list(workspace: Path) -> None:
    """Shows all templates."""
    table = Table("name", "side", "version", "whose", "note")
    for entry in Library(own_templates(workspace)).entries():
        one = entry.template
        saved = f"yours, {entry.saved:%Y-%m-%d}" if entry.saved else "ships"
        table.add_row(one.name, one.side, str(one.version), saved, one.note)
    open_console().print(table)


def show_history(name: str, workspace: Path) -> None:
    """Shows all versions of a template of one's own."""
    table = Table("version", "saved", "note")
    for entry in Library(own_templates(workspace)).history(name):
        saved = f"{entry.saved:%Y-%m-%d %H:%M}" if entry.saved else ""
        table.add_row(str(entry.template.version), saved, entry.template.note)
    open_console().print(table)


def show_template(reference: str, workspace: Path) -> None:
    """Shows a template as it is written."""
    text = template_text(load_template(reference, own_templates(workspace)))
    open_console().print(Text(text), soft_wrap=True, end="")


def create_template(
    name: str, source: str | None, file: str | None, note: str, workspace: Path
) -> None:
    """Begins a template.

    Raises:
        ConfigError: not one of `source` and `file` is given.
        TemplateError: the name cannot be had, or the text is no template.
    """
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


def edit_template(
    name: str, file: str | None, note: str, restore: int | None, workspace: Path
) -> None:
    """Saves the next version of a template.

    Raises:
        TemplateError: there is no such template, or the text is none.
    """
    library = Library(own_templates(workspace))
    if restore is not None:
        _tell_saved(library.restore(name, restore))
        return
    latest = library.history(name)[-1].template
    text = edited(template_text(latest)) if file is None else _read(file)
    _tell_saved(library.save(name, text, note, base=latest.version))


def show_diff(a: str, b: str, workspace: Path) -> None:
    """Shows what differs between two templates."""
    from prompts.diff import template_diff

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
