"""What stands on a terminal: texts of data as they are, and nothing in them that it obeys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from data.inert import visible

LOG_WIDTH = 120
"""Columns where the output is no terminal."""


def styled(*parts: str | tuple[str, str]) -> Text:
    """A line of which some parts have a style: `styled(("Heat [1995]", "bold"), " for user 3")`."""
    shown = ((part, "") if isinstance(part, str) else part for part in parts)
    return Text.assemble(*((_line(text), style) for text, style in shown))


def _line(text: str) -> str:
    return visible(text.replace("\r\n", "\n").replace("\n", " "))


class Terminal(Console):
    """A console that takes strings as they are: no markup, no emoji names, no colours of its own.

    Whatever has a style is a `Text`; see `styled`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A string, of a line, a cell or a title, as it is shown."""
        return super().render_str(visible(text.replace("\r\n", "\n")), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What a line consists of; a `Text` shows its control characters, too."""
        if isinstance(renderable, Text):
            renderable = renderable.copy()
            renderable.plain = visible(renderable.plain)
        return super().render(renderable, options)


def open_console() -> Terminal:
    """Where commands write; a file or a pipe is wide enough for every table."""
    console = Terminal()
    return console if console.is_terminal else Terminal(width=LOG_WIDTH)
