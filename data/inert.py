"""Texts of data as they are, where a terminal or a spreadsheet would obey them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_KEPT = {ord("\n"), ord("\t")}
_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if code not in _KEPT}
_UNSEEN = (
    *range(0x7F, 0xA0),  # delete, and the control characters of Latin-1
    *(0x2028, 0x2029),  # separators of lines and paragraphs
    *(*range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # they turn round what follows
    *range(0xD800, 0xE000),  # halves of characters
)
_VISIBLE = str.maketrans({**_CONTROLS, **dict.fromkeys(_UNSEEN, "\N{REPLACEMENT CHARACTER}")})
_FORMULA = r"^([\s\x00]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])"
"""What a spreadsheet may take for the beginning of a formula, spaces before it and full width
included."""


def visible(text: object) -> str:
    r"""A text in which a sign stands for every character that a terminal would obey.

    Ends of lines and tabs stay. As many characters come back as went in.

    >>> visible("\x1b[31mred\x07 and \u202egnp.exe")
    '␛[31mred␇ and �gnp.exe'
    """
    return str(text).translate(_VISIBLE)


def csv_bytes(table: pl.DataFrame) -> bytes:
    """A table as CSV in UTF-8: lists joined by "|", and no cell or heading is a formula.

    Numbers stay numbers, negative ones too; a text that a spreadsheet would run gets an apostrophe
    before it.

    >>> import polars as pl
    >>> print(csv_bytes(pl.DataFrame({"=a": ["-2+3", "b"], "n": [-1.5, 2.0]})).decode())
    '=a,n
    '-2+3,-1.5
    b,2.0
    <BLANKLINE>
    """
    import polars as pl
    from polars import selectors

    flat = table.with_columns(selectors.list().cast(pl.List(pl.String)).list.join("|"))
    texts = selectors.string() | selectors.categorical() | selectors.enum()
    cells = flat.with_columns(texts.cast(pl.String).str.replace(_FORMULA, "'$1"))
    heads = [re.sub(_FORMULA, r"'\1", name) for name in table.columns]
    first = pl.DataFrame([heads], orient="row").write_csv(include_header=False)
    return (first + cells.write_csv(include_header=False)).encode()
