"""Conditions on attributes of items: which can be asked for, and the fields that ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from app.ui.shared.frame import plain
from data.columns import DESCRIPTION, TITLE

MOST_VALUES, FIELDS = 200, 6
"""Values that are offered of an attribute, and attributes."""
FIELD = "such-"
"""What keys of the fields begin with."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An attribute that can be asked for.

    Attributes:
        name: Of its column.
        values: That items have, in order; none of a number.
        bounds: The least and the largest, of a number; None else.
        whole: Whether it is a whole number.
    """

    name: str
    values: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    whole: bool = False

    @property
    def middle(self) -> float:
        """Half way between the bounds of a number; 0 without."""
        low, high = self.bounds or (0, 0)
        return (low + high) // 2 if self.whole else (low + high) / 2


def offers(items: pl.DataFrame) -> list[Offer]:
    """Attributes of which several items share a value, or that are numbers.

    >>> told = pl.DataFrame({"id": ["1", "2"], "year": [1990, 2001], "of": [["a", "b"], ["a"]]})
    >>> [(one.name, one.values, one.bounds) for one in offers(told)]
    [('year', (), (1990, 2001)), ('of', ('a', 'b'), None)]
    """
    told = items.drop(items.columns[0], TITLE, DESCRIPTION, strict=False)
    found = (_offer(column) for column in told)
    return [one for one in found if one is not None][:FIELDS]


def _offer(column: pl.Series) -> Offer | None:
    if column.dtype.is_numeric():
        there = column.drop_nulls()
        there = there.filter(there.is_finite()) if there.dtype.is_float() else there
        if there.n_unique() < 2:
            return None
        bounds: Any = there.min(), there.max()
        return Offer(column.name, (), bounds, column.dtype.is_integer())
    if column.dtype.is_nested():
        column = column.explode().drop_nulls()
        n = len(column)
    elif column.dtype == pl.String:
        column = column.drop_nulls()
        n = len(column)
    else:
        return None
    values = column.unique().sort().to_list()
    if not 2 <= len(values) <= min(MOST_VALUES, max(n - 1, 0)):
        return None
    return Offer(column.name, tuple(map(str, values)))


def condition(offer: Offer, chosen: Any) -> Any:
    """What an ask says of an attribute; None where everything fits.

    >>> year = Offer("year", bounds=(1990, 2001), whole=True)
    >>> condition(year, (1995, 2001)), condition(year, (1990, 2001))
    ({'least': 1995, 'below': 2002}, None)
    >>> condition(Offer("genres", ("a", "b")), ["b"]), condition(Offer("genres", ("a", "b")), [])
    (['b'], None)
    """
    if offer.bounds is None:
        return list(chosen) or None
    low, high = chosen
    if (low, high) == offer.bounds:
        return None
    least = {} if low == offer.bounds[0] else {"least": low}
    if high == offer.bounds[1] and offer.whole is False:
        return least
    return {**least, "below": high + 1} if offer.whole else {**least, "below": high}


def choose_such(there: Sequence[Offer]) -> dict[str, Any]:
    """Fields for attributes; gives the conditions of an ask."""
    if not there:
        return {}
    asked = {}
    for place, offer in zip(st.columns(min(3, len(there))) * 2, there, strict=False):
        with place:
            said = condition(offer, _field(offer))
        if said is not None:
            asked[offer.name] = said
    return asked


def _field(offer: Offer) -> Any:
    label, key = plain(offer.name.replace("_", " ").capitalize()), f"{FIELD}{offer.name}"
    if offer.bounds is None:
        return st.multiselect(
            label,
            offer.values,
            format_func=plain,
            key=key,
            placeholder="Any",
            help="One has to fit.",
        )
    low, high = offer.bounds
    return st.slider(label, low, high, (low, high), key=key, help="Outside of it nothing is shown.")
