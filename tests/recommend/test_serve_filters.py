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


FAR = 2**53
LARGE = pl.DataFrame({"item_id": ["a", "b", "c", "d"], "n": [FAR, FAR + 1, -FAR - 1, None]})


@pytest.mark.parametrize(
    ("bounds", "fit"),
    [
        ({"least": FAR + 1}, "b"),
        ({"below": FAR + 1}, "ac"),
        ({"least": -FAR - 1, "below": -FAR}, "c"),
        ({"least": 10**400}, ""),
        ({"below": 10**400}, "abc"),
        ({"least": float("-inf"), "below": float("inf")}, "abc"),
        ({"least": FAR - 0.5}, "ab"),
        ({"below": FAR - 0.5}, "c"),
        ({"least": -0.5, "below": 0.5}, ""),
    ],
)
def test_bounds_of_whole_numbers_are_exact(bounds: dict[str, float], fit: str) -> None:
    mask = Filters(LARGE).mask({"n": bounds})
    assert mask is not None
    assert "".join(LARGE["item_id"].filter(pl.Series(mask))) == fit


@pytest.mark.parametrize(("bounds", "fit"), [({"least": 10**400}, ""), ({"below": 10**400}, "ab")])
def test_bounds_beyond_all_numbers_are_beyond_all(bounds: dict[str, float], fit: str) -> None:
    mask = Filters(ITEMS).mask({"price": bounds})
    assert mask is not None
    assert "".join(ITEMS["item_id"].filter(pl.Series(mask))) == fit


def test_conditions_that_nothing_fits_are_not_kept() -> None:
    of = Filters(ITEMS)
    for value in ("x" * 100_000, "y"):
        mask = of.mask({"day": value})
        assert mask is not None and not mask.any()
    assert not of._found


class _Forgetful(dict[Any, Any]):
    """What another thread takes away between a question and its answer."""

    def __contains__(self, key: object) -> bool:
        return self.pop(key, None) is not None


def test_a_condition_that_goes_meanwhile_is_looked_up_again() -> None:
    of = Filters(ITEMS)
    of._found = _Forgetful()
    for _ in range(3):
        for where in ({"sizes": 40}, {"price": {"least": 0}}):
            mask = of.mask(where)
            assert mask is not None and mask.tolist() == [True, True, False]
