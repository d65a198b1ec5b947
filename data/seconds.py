"""Seconds since 1970, whatever times are given as."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from data.errors import DataError

Times = Any
"""One time or many, in any of the ways that `seconds_of` reads."""
LATEST = 10**11
"""Larger numbers are no seconds (this is the year 5138), but milliseconds or finer units."""
_MOST = 2.0**63
_ALWAYS = np.iinfo(np.int64).max
"""After everything, and meant so."""


def seconds_of(times: Any, what: str = "times") -> np.ndarray:
    """(n,) int64 seconds since 1970, each the last whole second that is not after its time.

    A number is seconds. Dates and texts without a zone are UTC.

    Args:
        times: One or many, as numbers, dates or `datetime`s, `datetime64` of any unit, a column of
            polars or pandas, or dates as text.
        what: They are called in messages.

    Raises:
        DataError: one is no time.

    >>> seconds_of(np.array(["1970-01-02T00:00:00.5"], dtype="datetime64[ns]")).tolist()
    [86400]
    >>> seconds_of(["1970-01-03", "5 May 2024"]).tolist(), seconds_of(-0.5).tolist()
    ([172800, 1714867200], [-1])
    """
    array = np.asarray(times).reshape(-1)
    if array.dtype.kind in "iu":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f" or not len(array):
        sound = np.isfinite(array) & (np.abs(array) < _MOST) if len(array) else array
        _check(array, np.asarray(sound, dtype=bool), what)
        floors: np.ndarray = np.floor(array).astype(np.int64)
        return floors
    if array.dtype.kind == "O" and all(isinstance(one, date) for one in array.tolist()):
        array = np.array([_moment(one) for one in array.tolist()], dtype="datetime64[us]")
    if array.dtype.kind == "M":
        _check(array, ~np.isnat(array), what)
        return array.astype("datetime64[s]").astype(np.int64)
    if array.dtype.kind in "UT" or all(isinstance(one, str) for one in array.tolist()):
        return _read(array, what)
    if array.dtype.kind == "O" and all(
        isinstance(one, int | float | np.number) and not isinstance(one, bool)
        for one in array.tolist()
    ):
        return seconds_of(np.array(array.tolist()), what)
    odd = next((n for n, one in enumerate(array.tolist()) if one is None), 0)
    raise _no_time(odd, array[odd], what)


def moments_of(times: Any, what: str = "times") -> np.ndarray:
    """(n,) int64 seconds at which somebody stands, as `seconds_of` reads them.

    Raises:
        DataError: one is no time, or too large for seconds: among these it would see all.
    """
    moments = seconds_of(times, what)
    odd = np.flatnonzero((moments > LATEST) & (moments < _ALWAYS))
    if len(odd):
        raise DataError(
            f"Value {odd[0]} of {what} is {moments[odd[0]]}, which is too large for seconds since "
            "1970. Divide milliseconds by 1,000 (finer units by more), or give dates."
        )
    return moments


def _moment(one: date) -> np.datetime64:
    """A date or `datetime`, in UTC; what equals nothing, as pandas' NaT, is none."""
    if one != one:
        return np.datetime64("NaT")
    if isinstance(one, datetime) and one.tzinfo is not None:
        one = one.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(one, "us")


def _read(texts: np.ndarray, what: str) -> np.ndarray:
    import polars as pl

    from data.loaders.times import read_times

    seconds = read_times(pl.Series(what, texts.tolist(), dtype=pl.String), where=what).seconds
    _check(texts, seconds.is_not_null().to_numpy(), what)
    return seconds.to_numpy().astype(np.int64)


def _check(given: np.ndarray, sound: np.ndarray, what: str) -> None:
    if not sound.all():
        odd = int(np.argmin(sound))
        raise _no_time(odd, given[odd], what)


def _no_time(place: int, value: Any, what: str) -> DataError:
    return DataError(
        f"Value {place} of {what} is {value!s}, which is no time. Give seconds since 1970, or a "
        "date."
    )
