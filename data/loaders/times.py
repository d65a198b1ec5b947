"""Times as people write them."""

from __future__ import annotations

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
    if times.dtype.is_temporal():
        return _epoch(times)
    numbers = times.cast(pl.Float64, strict=False)
    finite = numbers.is_finite().fill_null(False)
    if not finite.any():
        return _written(times.cast(pl.String).str.strip_chars())
    late = float(numbers.filter(finite).abs().median()) > LATEST_SECOND  # type: ignore[arg-type]
    table = pl.DataFrame({"number": numbers / 1000 if late else numbers, "finite": finite})
    whole = pl.when("finite").then(pl.col("number").floor())
    return table.select(whole.cast(pl.Int64, strict=False)).to_series()


def _written(text: pl.Series) -> pl.Series:
    read = [_epoch(text.str.strptime(pl.Datetime("us"), form, strict=False)) for form in FORMS]
    read.append(_epoch(text.str.strptime(pl.Datetime("us", "UTC"), "%+", strict=False)))
    read.append(_epoch(text.str.strptime(pl.Date, "%Y-%m-%d", strict=False)))
    table = pl.DataFrame([column.alias(str(k)) for k, column in enumerate(read)])
    return table.select(pl.coalesce(pl.all())).to_series()


def _epoch(moments: pl.Series) -> pl.Series:
    moments = moments.cast(pl.Datetime("us")) if moments.dtype == pl.Date else moments
    return moments.dt.epoch("s").cast(pl.Int64)
