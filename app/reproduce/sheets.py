"""What a person reads of a reproduction: tables of text, and sentences under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from data import atomic

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console


TABLE = "-table"
"""Follows the name of a file of figures that has no other name of its own."""
WIDE = 180
"""Columns where the output is a file or a pipe: every cell on one line."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text cells.

    Attributes:
        title: Above it.
        heads: Of columns.
        rows: Cells.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Account:
    """A reproduced table or figure.

    Attributes:
        name: Of its experiment.
        note: What it is.
        sheets: Its tables.
        notes: Sentences under them.
        figures: What is written to Parquet, by what follows the name of the file; never nothing,
            since `autograph run` keeps its results under the bare name.
        pictures: SVG, by what follows the name of the file.
        texts: Other files of text, likewise.
    """

    name: str
    note: str
    sheets: Sequence[Sheet]
    notes: Sequence[str]
    figures: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def print_account(told: Account, console: Console) -> None:
    """Prints tables and sentences."""
    for sheet in told.sheets:
        table = Table(
            title=sheet.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for at, head in enumerate(sheet.heads):
            table.add_column(head, justify="left" if at == 0 else "right", no_wrap=at == 0)
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table, width=None if console.is_terminal else WIDE, crop=False)
    for note in told.notes:
        console.print(note)


def write_account(told: Account, workspace: Path) -> list[Path]:
    """The files of a reproduction: Markdown first, figures as Parquet and pictures after it."""
    folder = workspace / "results"
    beside = [
        *(
            atomic.write_parquet(folder / f"{told.name}{tail}.parquet", table)
            for tail, table in told.figures.items()
        ),
        *(
            atomic.write_text(folder / f"{told.name}{tail}.svg", picture)
            for tail, picture in told.pictures.items()
        ),
        *(
            atomic.write_text(folder / f"{told.name}{tail}", text)
            for tail, text in told.texts.items()
        ),
    ]
    return [atomic.write_text(folder / f"{told.name}.md", markdown(told)), *beside]


def markdown(told: Account) -> str:
    """The tables and sentences in Markdown."""
    parts = [f"# {told.name}", told.note]
    parts += [f"![{told.note}]({told.name}{tail}.svg)" for tail in told.pictures]
    for sheet in told.sheets:
        lines = [f"## {sheet.title}", ""]
        lines += [_line(sheet.heads), "|---" + "|---:" * (len(sheet.heads) - 1) + "|"]
        parts.append("\n".join([*lines, *map(_line, sheet.rows)]))
    parts.append("\n".join(f"- {_safe(note)}" for note in told.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_safe(cell) for cell in cells)} |"


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("\n", " ")
