"""Cells that hold several values: parted by a mark, or written as Python and JSON write lists."""

from __future__ import annotations

import ast
import json
import re

import polars as pl

LONGEST_CELL = 1 << 16
"""Characters of a cell that is read as a list; a longer one is a text."""
_BRACKETS = r"(?s)^\s*\[.*\]\s*$"
_NO_COMMA = re.compile(r"""(?<=['"])\s+(?=['"])""")
"""Between two values as numpy writes them, which Python would join to one."""


def are_lists(values: pl.Series) -> bool:
    """Whether every cell is a list as Python or JSON write it.

    >>> are_lists(pl.Series(["['Action', 'Sci-Fi']", None, "[]"])), are_lists(pl.Series(["[Rec]"]))
    (True, False)
    """
    given = values.drop_nulls()
    if given.is_empty() or not given.str.contains(_BRACKETS).all():
        return False
    return all(_read(cell) is not None for cell in given.unique())


def split_cells(values: pl.Series, separator: str) -> pl.Series:
    """(n,) List(String) of what each cell holds; empty where there is nothing.

    >>> split_cells(pl.Series(["a | b", "['Action', 'Sci-Fi']", None]), "|").to_list()
    [['a', 'b'], ['Action', 'Sci-Fi'], []]
    """
    if not values.drop_nulls().str.contains(_BRACKETS).any():
        return _split(values, separator)
    parted = _split(values, separator).to_list()
    read = [None if cell is None else _read(cell) for cell in values]
    found = [one if one is not None else parts for one, parts in zip(read, parted, strict=True)]
    return pl.Series(values.name, found, dtype=pl.List(pl.String))


def _split(values: pl.Series, separator: str) -> pl.Series:
    parts = values.fill_null("").str.split(separator)
    return parts.list.eval(
        pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != "")
    )


def _read(cell: str) -> list[str] | None:
    """The values of a list in brackets; None where it is none."""
    if len(cell) > LONGEST_CELL or not re.match(_BRACKETS, cell):
        return None
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(_NO_COMMA.sub(", ", cell.strip()))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return None
    if not isinstance(found, list):
        return None
    named = (one.get("name", one) if isinstance(one, dict) else one for one in found)
    texts = [str(one).strip() for one in named if one is not None and one == one]
    return [text.encode("utf-8", "replace").decode() for text in texts if text]
