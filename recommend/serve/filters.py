"""Which items a call wants: conditions on their attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from data.errors import DataError

BOUNDS = ("least", "below")


class Filters:
    """Items by what their attributes say; each condition is looked up once and kept.

    Any thread may call anything at any time.

    Args:
        items: A row an item, the first column its id.

    >>> of = Filters(pl.DataFrame({"id": ["a", "b"], "year": [1990, 2001]}))
    >>> of.mask({"year": {"least": 1995}}).tolist()
    [False, True]
    """

    KEPT = 256
    """Conditions whose items are remembered at most; the oldest goes."""

    def __init__(self, items: pl.DataFrame) -> None:
        self._items, self._n = items, items.height
        self._found: dict[tuple[str, str, Any], np.ndarray] = {}
        self._rows: dict[str, dict[Any, np.ndarray]] = {}
        self._lock = Lock()

    @property
    def attributes(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(self._items.columns[1:])

    def mask(self, where: Mapping[str, Any]) -> np.ndarray | None:
        """(n_items,) bool, what fits all conditions; None where there are none.

        Args:
            where: By attribute, a value, several of which one is to fit, or bounds of a number as
                {"least": 1990, "below": 2000}. Of an attribute that is a list, one of its values
                has to be the one asked for; days and what lists hold are compared as text.

        Raises:
            DataError: there is no such attribute, a value is none that it can have, or it is no
                number and has bounds.
        """
        wanted: np.ndarray | None = None
        for name, value in where.items():
            if name not in self.attributes:
                there = ", ".join(self.attributes) or "none"
                raise DataError(f"Items have no attribute {name!r}; they have: {there}.")
            found = self._one(name, value)
            wanted = found if wanted is None else wanted & found
        return wanted

    def _one(self, name: str, value: Any) -> np.ndarray:
        if isinstance(value, Mapping):
            return self._between(name, value)
        several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        mask = np.zeros(self._n, bool)
        for one in several:
            mask |= self._equal(name, one)
        return mask

    def _equal(self, name: str, value: Any) -> np.ndarray:
        dtype = self._items[name].dtype
        if dtype == pl.Boolean:
            if not isinstance(value, bool):
                raise DataError(
                    f"The attribute {name!r} is true or false, and {value!r} is neither."
                )
        elif not dtype.is_numeric():
            value = str(value)
        elif isinstance(value, str | bool):
            raise DataError(f"The attribute {name!r} is a number, and {value!r} is none.")
        key = (name, "=", value)
        mask = self._found.get(key)
        if mask is not None:
            return mask
        mask = np.zeros(self._n, bool)
        rows = self._of_values(name).get(value)
        if rows is None:
            return mask  # what nothing has is not kept: it may be as long as a body
        mask[rows] = True
        return self._keep(key, mask)

    def _of_values(self, name: str) -> dict[Any, np.ndarray]:
        """Rows of each value of an attribute; values that are no numbers, as text."""
        if name not in self._rows:
            dtype = self._items[name].dtype
            table = pl.DataFrame({"value": self._items[name]}).with_row_index("row")
            if dtype.is_nested():
                table = table.explode("value")
            told = table.drop_nulls().group_by("value").agg(pl.col("row"))
            values = told["value"].to_list()
            if not (dtype.is_numeric() or dtype == pl.Boolean):
                values = [str(value) for value in values]
            self._rows[name] = {
                value: rows.to_numpy() for value, rows in zip(values, told["row"], strict=True)
            }
        return self._rows[name]

    def _between(self, name: str, bounds: Mapping[str, Any]) -> np.ndarray:
        column = self._items[name]
        if not column.dtype.is_numeric():
            raise DataError(f"The attribute {name!r} is no number, so it has no bounds.")
        unknown = set(bounds) - set(BOUNDS)
        if unknown or not bounds:
            raise DataError(
                f"Bounds of {name!r} are {', '.join(map(str, bounds)) or 'empty'}; there are "
                f"{' and '.join(BOUNDS)}."
            )
        for which, bound in bounds.items():
            if isinstance(bound, bool) or not isinstance(bound, int | float):
                raise DataError(f"The bound {which} of {name!r} is {bound!r}, and is no number.")
        key = (name, "between", tuple(bounds.get(one) for one in BOUNDS))
        mask = self._found.get(key)
        return self._keep(key, _between(column, *key[2])) if mask is None else mask

    def _keep(self, key: tuple[str, str, Any], mask: np.ndarray) -> np.ndarray:
        mask.flags.writeable = False
        with self._lock:
            if len(self._found) >= self.KEPT:
                del self._found[next(iter(self._found))]
            self._found[key] = mask
        return mask


def _between(column: pl.Series, least: float | None, below: float | None) -> np.ndarray:
    """(n,) bool, which numbers are in bounds; whole ones are compared as whole ones, exactly."""
    if column.dtype.is_integer():
        there = column.is_not_null().to_numpy().copy()
        values = column.fill_null(0).to_numpy()
        least, below = (_whole(bound) for bound in (least, below))
    else:
        values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        there = ~np.isnan(values)
        least, below = (_float(bound) for bound in (least, below))
    there &= values >= least if least is not None else True
    there &= values < below if below is not None else True
    return there


def _whole(bound: float | None) -> float | None:
    """The least whole number that is no less: whole numbers are on the same sides of both."""
    return ceil(bound) if isinstance(bound, float) and isfinite(bound) else bound


def _float(bound: float | None) -> float | None:
    """A bound as what it is compared with; of one that is larger than any, the sign is left."""
    try:
        return None if bound is None else float(bound)
    except OverflowError:
        assert bound is not None
        return float("inf") if bound > 0 else float("-inf")
