"""What differs between two texts, marked word by word."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from app.results.colours import Palette
from app.ui.shared.charts import palette

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prompts.diff import Change

TAGS = {"removed": "del", "added": "ins"}


def diff_html(
    changes: Iterable[Change], colours: Palette, code: bool = False, framed: bool = True
) -> str:
    """The changes as HTML in which every word of the texts is escaped.

    What was removed is struck out and what was added is underlined, so that nobody has to tell
    colours apart.

    Args:
        changes: From `prompts.diff`.
        colours: Of the page.
        code: Whether letters are to be of one width.
        framed: Whether there is a line around it.
    """
    parts = []
    for op, text in changes:
        words = escape(text)
        if op == "equal":
            parts.append(words)
            continue
        colour = colours.bad if op == "removed" else colours.good
        line = "line-through" if op == "removed" else "underline"
        style = f"color:{colour};background:{colour}1f;text-decoration:{line}"
        parts.append(f'<{TAGS[op]} style="{style}">{words}</{TAGS[op]}>')
    frame = f"border:1px solid {colours.line};border-radius:0.5rem;padding:0.75rem 0.9rem;"
    face = "white-space:pre-wrap;overflow-wrap:anywhere;font-size:0.83rem;line-height:1.55"
    if code:
        face += ";font-family:'Source Code Pro',monospace"
    return f'<div style="{frame if framed else ""}{face}">{"".join(parts)}</div>'


def show_diff(old: str, new: str, framed: bool = True) -> None:
    """Draws what differs between two texts."""
    from prompts.diff import word_diff

    st.html(diff_html(word_diff(old, new), palette(), framed=framed))


def show_changes(changes: Iterable[Change]) -> None:
    """Draws changes of a template."""
    st.html(diff_html(changes, palette(), code=True))
