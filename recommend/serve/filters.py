"""Which items a call wants: conditions on their attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from data.errors import DataError

BOUNDS = ("least", "below")


class Filters:
    """Items by what their attributes say; each condition is looked up once and kept.

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
        if key not in self._found:
            mask = np.zeros(self._n, bool)
            rows = self._of_values(name).get(value)
            if rows is not None:
                mask[rows] = True
            self._keep(key, mask)
        return self._found[key]

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
        if key not in self._found:
            least, below = bounds.get("least"), bounds.get("below")
            values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
            mask = ~np.isnan(values)
            mask &= values >= least if least is not None else True
            mask &= values < below if below is not None else True
            self._keep(key, mask)
        return self._found[key]

    def _keep(self, key: tuple[str, str, Any], mask: np.ndarray) -> None:
        if len(self._found) >= self.KEPT:
            self._found.pop(next(iter(self._found)), None)
        mask.flags.writeable = False
        self._found[key] = mask
