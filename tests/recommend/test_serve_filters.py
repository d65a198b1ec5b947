"""Which items fit conditions, of attributes of every kind."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from data.errors import DataError
from recommend.serve.filters import Filters

ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c"],
        "day": [date(2020, 1, 1), date(2020, 1, 2), None],
        "sold": [True, False, None],
        "sizes": [[38, 40], [40], None],
        "price": [1.0, 2.5, float("nan")],
    }
)


@pytest.mark.parametrize(
    ("where", "fit"),
    [
        ({"day": "2020-01-02"}, "b"),
        ({"sold": True}, "a"),
        ({"sold": [True, False]}, "ab"),
        ({"sizes": 40}, "ab"),
        ({"sizes": ["38", 7]}, "a"),
        ({"price": 1}, "a"),
        ({"price": {"least": 0}}, "ab"),
    ],
)
def test_items_fit_by_what_they_are(where: dict[str, Any], fit: str) -> None:
    mask = Filters(ITEMS).mask(where)
    assert mask is not None
    assert "".join(ITEMS["item_id"].filter(pl.Series(mask))) == fit


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"sold": "true"}, "'sold' is true or false, and 'true' is neither"),
        ({"sold": 1}, "'sold' is true or false, and 1 is neither"),
        ({"price": "1"}, "'price' is a number, and '1' is none"),
        ({"price": True}, "'price' is a number, and True is none"),
        ({"day": {"least": 3}}, "'day' is no number, so it has no bounds"),
        ({"colour": "red"}, "no attribute 'colour'"),
    ],
)
def test_what_cannot_be_compared_is_said(where: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Filters(ITEMS).mask(where)
