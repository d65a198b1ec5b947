"""What a column's cells are: of a type that fits, lists, numbers as people write them, or texts."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError

TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Null)
LONGEST_CELL = 1 << 16
"""Characters of a cell that is read as a list; a longer one is a text."""
_BRACKETS = r"(?s)^\s*\[.*\]\s*$"
_NO_COMMA = re.compile(r"""(?<=['"])\s+(?=['"])""")
"""Between two values as numpy writes them, which Python would join to one."""
NO_NUMBER = ("nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
"""What programs write where a number is missing, in small letters."""
NO_TEXT = ("nan", "NaN", "NAN", "inf", "-inf", "+inf")
"""What programs write where a text is missing; people write none of them alone."""
POINT = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
COMMA = r"^[-+]?(?:\d+,?\d*|,\d+)$"
PARTED = {
    ".": r"^[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$",
    ",": r"^[-+]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$",
}
"""By the mark before the decimals: numbers whose thousands are parted by the other one."""
EITHER = r"^[-+]?[1-9]\d{0,2}[.,]\d{3}$"
"""One mark with three digits after it: thousands, or decimals."""
SHORT_POWER = r"^[-+]?\d+[eE]\d+$"
"""A number such as 1E0, and just as well a code."""
LONGEST = 11
"""Digits of a whole number that may be a quantity; longer ones, such as EAN and ISBN, are names."""
NAMES = re.compile(
    r"(^|[^a-z])(ean|isbn|issn|upc|gtin|sku|asin|barcode|plz|zip|postcode|phone)(\d*$|[^a-z])"
    r"|(^|[^a-z])(id|nr|no|code)[^a-z]*$"
)
"""Names of columns whose numbers are names."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a column is for.

    Attributes:
        fits: Whether a type can serve it.
        cure: What to make of one that cannot.
    """

    fits: Callable[[pl.DataType], bool]
    cure: str


def check_type(values: pl.Series, path: Path, purpose: Purpose | None = None) -> None:
    """Nothing, if a column can be used for its purpose; without one, as an attribute.

    Raises:
        DataError: it cannot.
    """
    given = purpose or ATTRIBUTE
    if not given.fits(values.dtype):
        raise DataError(
            f"{path} has a column {values.name!r} of the type {values.dtype}. {given.cure}"
        )


def _is_plain(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return _is_plain(dtype.inner) and not dtype.inner.is_nested()  # type: ignore[arg-type]
    return not dtype.is_nested() and dtype not in (pl.Binary, pl.Object)


def _is_text(dtype: pl.DataType) -> bool:
    """Whether it can be written out, lists too."""
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    return _is_plain(dtype) and inner != pl.Duration


def _is_id(dtype: pl.DataType) -> bool:
    return _is_text(dtype) and not dtype.is_nested()


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in TEXTS


def _is_time(dtype: pl.DataType) -> bool:
    return _is_number(dtype) or dtype in (pl.Date, pl.Datetime)


ATTRIBUTE = Purpose(_is_plain, "Make it text, a number or a list of these, or leave it out.")
_ID = Purpose(_is_id, "An id is a text or a number: make it one, or name another column.")
_TEXT = Purpose(_is_text, "Make it text, or name another column.")
PURPOSES: Mapping[str, Purpose] = {
    USER_ID: _ID,
    ITEM_ID: _ID,
    TIME: Purpose(_is_time, "Make it seconds, dates or dates with time, or name another column."),
    WEIGHT: Purpose(_is_number, "Make it numbers, or name another column."),
    TITLE: _TEXT,
    DESCRIPTION: _TEXT,
}
"""What the columns are for that a data set knows by name."""


def are_lists(values: pl.Series) -> bool:
    """Whether every cell is a list as Python or JSON write it.

    >>> are_lists(pl.Series(["['Action', 'Sci-Fi']", None, "[]"])), are_lists(pl.Series(["[Rec]"]))
    (True, False)
    """
    given = values.drop_nulls()
    if given.is_empty() or not given.str.contains(_BRACKETS).all():
        return False
    return all(_read_list(cell) is not None for cell in given.unique())


def split_cells(values: pl.Series, separator: str) -> pl.Series:
    """(n,) List(String) of what each cell holds; empty where there is nothing.

    >>> split_cells(pl.Series(["a | b", "['Action', 'Sci-Fi']", None]), "|").to_list()
    [['a', 'b'], ['Action', 'Sci-Fi'], []]
    """
    if not values.drop_nulls().str.contains(_BRACKETS).any():
        return _split(values, separator)
    parted = _split(values, separator).to_list()
    read = [None if cell is None else _read_list(cell) for cell in values]
    found = [one if one is not None else parts for one, parts in zip(read, parted, strict=True)]
    return pl.Series(values.name, found, dtype=pl.List(pl.String))


def _split(values: pl.Series, separator: str) -> pl.Series:
    parts = values.fill_null("").str.split(separator)
    return parts.list.eval(
        pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != "")
    )


def _read_list(cell: str) -> list[str] | None:
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


def decimal_mark(values: pl.Series, where: str, said: str | None = None) -> str:
    """The mark before the decimals of numbers in a column: "." or ",".

    >>> decimal_mark(pl.Series(["4,5", "3"]), "a.csv")
    ','
    >>> decimal_mark(pl.Series(["1,234.5"]), "a.csv")
    '.'

    Args:
        values: (n,) String, without blanks around.
        where: The file and the column, for messages.
        said: What a person says it is; None: told from all values.

    Raises:
        DataError: it may be either.
    """
    if said is not None:
        return said
    marked = values.filter(values.str.contains(r"[.,]"))
    if marked.is_empty():
        return "."
    fits = {mark: int(_fits(marked, mark).sum()) for mark in ".,"}
    if fits["."] == fits[","] and fits["."]:
        either = marked.filter(marked.str.contains(EITHER))
        what = (
            f"holds {either[0]}, which may be a thousand or more with its digits parted, or a "
            "small number with three decimals, and no other value tells which"
            if len(either)
            else "writes decimals with a point as often as with a comma"
        )
        raise DataError(
            f'{where} {what}. Say it: data.files.decimal = "." or "," (on the page: Decimals).'
        )
    return max(fits, key=lambda mark: fits[mark])


def numbers_of(values: pl.Series, mark: str) -> pl.Series:
    """(n,) Float64 of numbers in texts, null where one is none or is not finite.

    >>> numbers_of(pl.Series(["4,5", "1.234,5", "x", "inf"]), ",").to_list()
    [4.5, 1234.5, None, None]
    """
    other = "," if mark == "." else "."
    whole = pl.select(
        pl.when(values.str.contains(PARTED[mark]))
        .then(values.str.replace_all(other, "", literal=True))
        .when(~values.str.contains(other, literal=True))
        .then(values)
    ).to_series()
    numbers = whole.str.replace(mark, ".", literal=True).cast(pl.Float64, strict=False)
    return pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()


def as_quantities(values: pl.Series, said: str | None = None) -> pl.Series:
    """`values` as numbers if all are quantities; texts otherwise, a name digit by digit.

    Names are codes with a leading zero (02139), numbers too long for a quantity (EAN, ISBN), codes
    such as 1E0, and all numbers of a column that is called after one.

    >>> as_quantities(pl.Series("price", ["12.5", "inf", "3"])).to_list()
    [12.5, None, 3.0]
    >>> as_quantities(pl.Series("ean", ["4006381333931"])).to_list()
    ['4006381333931']
    """
    plain = values.str.strip_chars()
    missing = plain.str.to_lowercase().is_in(NO_NUMBER)
    given = plain.filter(plain.is_not_null() & ~missing)
    if given.is_empty() or _is_name(values.name, given):
        return as_texts(values)
    try:
        mark = decimal_mark(given, values.name, said)
    except DataError:
        return as_texts(values)
    known = pl.select(pl.when(~missing).then(plain)).to_series().alias(values.name)
    whole = known.cast(pl.Int64, strict=False)
    for numbers in (whole, numbers_of(known, mark)):
        if numbers.null_count() == known.null_count():
            return numbers.alias(values.name)
    return as_texts(values)


def as_texts(values: pl.Series) -> pl.Series:
    """Texts, null where a program wrote that there is none.

    >>> as_texts(pl.Series(["NaN", "Nan", "inf"])).to_list()
    [None, 'Nan', None]
    """
    texts = values.cast(pl.String)
    return texts.set(texts.str.strip_chars().is_in(NO_TEXT).fill_null(False), None)


def without_gaps(values: pl.Series) -> pl.Series:
    """Numbers of a typed column, null where one is not finite, in lists too."""
    if values.dtype.is_float():
        return pl.select(pl.when(values.is_finite()).then(values).alias(values.name)).to_series()
    if isinstance(values.dtype, pl.List) and values.dtype.inner.is_float():
        return values.list.eval(pl.element().filter(pl.element().is_finite()))
    return values


def _is_name(column: str, given: pl.Series) -> bool:
    digits = given.str.replace_all(r"\D", "").str.len_chars()
    whole = given.str.contains(r"^[-+]?\d+$")
    powers = given.str.contains(SHORT_POWER)
    return bool(
        NAMES.search(column.lower())
        or given.str.contains(r"^-?0\d").any()
        or (whole & (digits > LONGEST)).any()
        or (powers.any() and not given.str.contains(r"[.,]\d").any())
    )


def _fits(values: pl.Series, mark: str) -> pl.Series:
    """Whether each value is a number with this mark, thousands parted or not."""
    plain = values.str.contains(POINT if mark == "." else COMMA)
    return plain | values.str.contains(PARTED[mark])
