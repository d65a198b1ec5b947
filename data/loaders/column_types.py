"""Which types a column of a Parquet table may have; columns of text tables are text, and fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError

TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Null)


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
