"""Times as people write them."""

from __future__ import annotations

from typing import Literal

import polars as pl

LATEST_SECOND = 10**11
"""Times beyond it (the year 5138) are taken as milliseconds."""
FORMS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M")
"""A date with time, in UTC unless it says otherwise."""


def seconds(times: pl.Series) -> pl.Series:
    """(n,) Int64 seconds since 1970; null where a value is no time.

    Takes seconds, milliseconds, dates, or dates with time, of whatever type.

    >>> seconds(pl.Series(["1970-01-02", "1970-01-01 00:01:00", "soon"])).to_list()
    [86400, 60, None]
    """
    return read_times(times)[0]


def read_times(times: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(n,) Int64 seconds since 1970, and (n,) the same times as fine as written, to sort by.

    Both are null where a value is no time; the second is in a unit of its own.

    >>> whole, fine = read_times(pl.Series([1_700_000_000_900, 1_700_000_000_100]))
    >>> whole.to_list(), fine.arg_sort().to_list()
    ([1700000000, 1700000000], [1, 0])
    """
    if times.dtype in (pl.Date, pl.Datetime):
        return _epoch(times, "s"), _epoch(times, "us")
    if times.dtype in (pl.Categorical, pl.Enum):
        times = times.cast(pl.String)
    if times.dtype.is_temporal() or times.dtype.is_nested():
        never = pl.Series([None] * len(times), dtype=pl.Int64)
        return never, never
    numbers = times.cast(pl.Float64, strict=False)
    finite = numbers.is_finite().fill_null(False)
    if not finite.any():
        micros = _written(times.cast(pl.String).str.strip_chars())
        return micros // 1_000_000, micros
    late = float(numbers.filter(finite).abs().median()) > LATEST_SECOND  # type: ignore[arg-type]
    fine = pl.select(pl.when(finite).then(numbers)).to_series()
    whole = (fine / 1000 if late else fine).floor()
    return whole.cast(pl.Int64, strict=False), fine


def _written(text: pl.Series) -> pl.Series:
    """(n,) Int64 microseconds since 1970."""
    read = [_epoch(text.str.strptime(pl.Datetime("us"), form, strict=False)) for form in FORMS]
    read.append(_epoch(text.str.strptime(pl.Datetime("us", "UTC"), "%+", strict=False)))
    read.append(_epoch(text.str.strptime(pl.Date, "%Y-%m-%d", strict=False)))
    table = pl.DataFrame([column.alias(str(k)) for k, column in enumerate(read)])
    return table.select(pl.coalesce(pl.all())).to_series()


def _epoch(moments: pl.Series, unit: Literal["s", "us"] = "us") -> pl.Series:
    moments = moments.cast(pl.Datetime("us")) if moments.dtype == pl.Date else moments
    return moments.dt.epoch(unit).cast(pl.Int64)
