"""Texts of data on a terminal: shown as they are, and not obeyed."""

from __future__ import annotations

import io
import re

import polars as pl
import pytest
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from app.cli.factors import rich_table
from app.cli.main import app
from app.cli.progress import Display
from app.terminal import Terminal, open_console, styled
from data.errors import DataError
from data.inert import visible

TITLES = (
    "[/]",
    "[deluxe edition]",
    "[bold red]rich[/bold red]",
    "[link=http://203.0.113.9]x[/link]",
    ":smile: \\[x]",
)
CONTROLS = "".join(map(chr, (*range(9), *range(11, 32), *range(127, 160)))) + (
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ud800"
)
OBEYED = re.compile(f"[{re.escape(CONTROLS)}]")


def _terminal() -> tuple[Terminal, io.StringIO]:
    """A terminal without colours, so that all escapes in its output are somebody else's."""
    out = io.StringIO()
    return Terminal(file=out, force_terminal=True, no_color=True, width=100, color_system=None), out


@pytest.mark.parametrize("title", TITLES)
def test_brackets_are_brackets_everywhere(title: str) -> None:
    terminal, out = _terminal()
    table = Table(title, title=title, caption=title)
    table.add_row(title)
    terminal.print(title)
    terminal.print(table)
    terminal.print(styled((title, "bold"), title))
    terminal.print(Text(title))
    terminal.print(rich_table(pl.DataFrame({title: [title]}), title))
    assert out.getvalue().count(title) == 11


def test_no_control_character_reaches_the_terminal() -> None:
    terminal, out = _terminal()
    table = Table(CONTROLS, title=CONTROLS)
    table.add_row(CONTROLS, Text(CONTROLS))
    terminal.print(CONTROLS, table, Text(CONTROLS), styled(("x" + CONTROLS, "bold")))
    terminal.print(rich_table(pl.DataFrame({"a": ["\x1b[31m\u202e"]}), "\x1b[2J"))
    assert not OBEYED.search(out.getvalue())
    assert "␛[31m�" in out.getvalue()


def test_a_sign_stands_for_each_control_character() -> None:
    assert visible("a\x01b") != visible("ab")
    assert not OBEYED.search(visible(CONTROLS))
    assert len(visible(CONTROLS)) == len(CONTROLS)
    assert visible("Título: 日本語 🙂\n\tشب") == "Título: 日本語 🙂\n\tشب"


def test_styles_are_kept_beside_what_is_shown() -> None:
    text = styled(("[/]\x1b", "bold"), " for user 3")
    assert text.plain == "[/]␛ for user 3"
    assert [(span.start, span.end, span.style) for span in text.spans] == [(0, 4, "bold")]


def test_steps_of_hostile_names_show_in_bars_and_lines() -> None:
    terminal, out = _terminal()
    with Display(terminal) as display:
        display.progress("[/] \x1b]0;pwn\x07", 1, 2, "[/rows]")
        display.finish_step("[/] \x1b]0;pwn\x07", 1.0, {})
    shown = re.sub(r"\x1b\[\??[0-9;]*[A-Za-z]", "", out.getvalue()).replace("\r", "")
    assert "✓ [/] ␛]0;pwn␇ 1.0 s" in shown
    assert not OBEYED.search(shown)


def test_errors_quote_data_harmlessly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise DataError("Row 3 of items.csv: \x1b[31m[/]\u202e is no title. Mend it.")

    monkeypatch.setattr("app.cli.data_sets.open_console", fail)
    answer = CliRunner().invoke(app, ["data", "list"])
    assert answer.exit_code == 1
    assert "␛[31m[/]� is no title" in answer.output
    assert not OBEYED.search(answer.output)


def test_commands_write_where_nothing_is_markup() -> None:
    assert isinstance(open_console(), Terminal)
