"""Times as people write them; format and unit are told from the whole column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import polars as pl

from data.columns import LEAST_CLOCK
from data.errors import ConfigError, DataError
from data.loaders.dates import DAY, ORDERS, SECOND, in_words, read_dates
from data.settings import STEPS, UNITS

EARLIEST, LATEST = DAY, 4_102_444_800
"""Seconds of 2 January 1970 and of 1 January 2100. Times before are placeholders or another unit,
later ones are mistakes; both are rows that cannot be used."""
COMPACT: Mapping[int, tuple[str, str]] = {
    8: ("%Y%m%d", "dates without separators (year, month, day)"),
    14: ("%Y%m%d%H%M%S", "dates with time without separators (year, month, day, time)"),
    12: ("%Y%m%d%H%M", "dates with time without separators (year, month, day, time)"),
    10: ("%Y%m%d%H", "dates with the hour, without separators"),
    6: ("%Y%m", "months such as 202311, each as its first day"),
    4: ("%Y", "bare years, each as its first day"),
}
"""By the number of digits: how a date is written in one number, and what that is called."""
TIME_NAMES = re.compile(r"time|date|datum|stamp|zeit|when|created|fecha|day|tag$|^ts$|_ts$|_at$")
"""Names of columns that hold times."""
Kind = Literal["dates", "clock", "steps", "years", "nothing"]


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times.

    Attributes:
        seconds: (n,) Int64 since 1970, null where a value is no time that can be used.
        fine: (n,) the same times as fine as they are written, to sort by, in a unit of its own.
        kind: "dates" as a person writes them, a "clock" in one number, "steps" that only order,
            bare "years" or months, or "nothing" of these.
        understood: How they were read, and by what this was told.
    """

    seconds: pl.Series
    fine: pl.Series
    kind: Kind
    understood: str


def read_times(
    times: pl.Series, form: str | None = None, lines: pl.Series | None = None, where: str = ""
) -> Times:
    """Times of a column of whatever type.

    >>> found = read_times(pl.Series(["30.08.2025 03:26", "02.09.2025", "soon"]))
    >>> found.seconds.to_list(), found.understood
    ([1756524360, 1756771200, None], 'dates with the day first, since 30 > 12 in line 1')

    Args:
        times: As they are.
        form: How they are written, as `data.files.time_format` says; None: told from all of them.
        lines: (n,) where each stands in its file; None: from 1.
        where: The file and the column, for messages.

    Raises:
        ConfigError: the form is no pattern, or cannot be that of such a column.
        DataError: day and month cannot be told apart.
    """
    where = where or f"The column {times.name!r}"
    if times.dtype in (pl.Date, pl.Datetime):
        return _plausible(_epoch(times), "dates", "dates, as the type of the column says")
    if times.dtype.is_temporal() or times.dtype.is_nested() or times.dtype == pl.Boolean:
        return Times(_never(len(times)), _never(len(times)), "nothing", "no times")
    if times.dtype in (pl.Categorical, pl.Enum, pl.Null):
        times = times.cast(pl.String)
    if times.dtype == pl.String:
        times = times.str.strip_chars()
    numbers = times.cast(pl.Float64, strict=False)
    numbers = pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()
    if form is not None and "%" in form:
        return _by_pattern(_digits(times, numbers), form)
    count = len(numbers) - numbers.null_count()
    mostly = times.dtype != pl.String or count * 2 > len(times.drop_nulls())
    if form in UNITS or form == STEPS or (form is None and mostly):
        return _of_numbers(times, numbers, form)
    lines = lines if lines is not None else pl.Series(range(1, len(times) + 1))
    order = form if form in ORDERS else None
    found = read_dates(_digits(times, numbers), lines, where, order)
    return _plausible(found.nanoseconds, "dates", found.understood or "no times")


def examples(times: pl.Series, found: Times, n: int = 3) -> list[str]:
    """What some of the values were read as, in words: the first, the last and those between."""
    if found.kind == "steps":
        return []
    sound = found.seconds.is_not_null().arg_true().to_list()
    picked = sorted(
        {sound[k * (len(sound) - 1) // max(n - 1, 1)] for k in range(n)} if sound else ()
    )
    said = times.cast(pl.String, strict=False)
    return [f"{said[row]} is {in_full(found.seconds[row])}" for row in picked]


def looks_like_date(values: pl.Series) -> bool:
    """Whether nearly all values are dates, or count a unit since 1970 in a column called a time.

    >>> looks_like_date(pl.Series("x", ["2024-05-01"])), looks_like_date(pl.Series("x", ["5"]))
    (True, False)
    """
    kind = _kind_of_most(values)
    return kind == "dates" or (kind == "clock" and bool(TIME_NAMES.search(values.name.lower())))


def looks_like_time(values: pl.Series) -> bool:
    """Whether nearly all values are dates, or count a unit since 1970.

    >>> looks_like_time(pl.Series(["978300760"])), looks_like_time(pl.Series(["5"]))
    (True, False)
    """
    return _kind_of_most(values) in ("dates", "clock")


def _kind_of_most(values: pl.Series) -> Kind:
    """What nearly all of a column's values are."""
    given = values.drop_nulls()
    if given.is_empty():
        return "nothing"
    try:
        found = read_times(given)
    except DataError:  # dates, of which it cannot be told which part is the day
        return "dates"
    return found.kind if found.seconds.null_count() * 10 <= len(given) else "nothing"


def in_full(second: int) -> str:
    """A moment that nobody can misread.

    >>> in_full(1756524360)
    '30 August 2025, 03:26:00 UTC'
    """
    return f"{datetime.fromtimestamp(second, UTC):%-d %B %Y, %H:%M:%S} UTC"


def _of_numbers(times: pl.Series, numbers: pl.Series, form: str | None) -> Times:
    """Times that are numbers: dates in one number, units since 1970, or steps."""
    given = numbers.drop_nulls()
    if form is None:
        compact = _compact(_digits(times, numbers))
        if compact is not None:
            return compact
        if bool((given.abs() < LEAST_CLOCK).all()):
            form = STEPS
    if form == STEPS:
        said = (
            "numbers that only put the rows in order, since they are too small for seconds since "
            "1970: there are no dates"
        )
        return Times(numbers.floor().cast(pl.Int64, strict=False), numbers, "steps", said)
    return _since_1970(times, numbers, form)


def _since_1970(times: pl.Series, numbers: pl.Series, form: str | None) -> Times:
    """Times that count a unit since 1970; the size of a number tells the unit of its row."""
    whole = times.cast(pl.Int64, strict=False)
    if times.dtype.is_float():  # a cast would cut the fraction off
        whole = pl.select(pl.when(times == times.floor()).then(whole)).to_series()
    table = pl.DataFrame({"number": numbers, "whole": whole})
    size = pl.col("number").abs()
    by_size = {
        unit: int(table.select(_in_range(size, n)).to_series().sum() or 0)
        for unit, n in UNITS.items()
    }
    usual = form or max(by_size, key=lambda unit: by_size[unit])
    unit = pl.lit(usual)
    if form is None:
        for name, n in UNITS.items():
            unit = pl.when(_in_range(size, n)).then(pl.lit(name)).otherwise(unit)
    table = table.with_columns(unit.alias("unit"))
    fine = pl.lit(None, pl.Int64)
    for name, n in UNITS.items():
        exact = pl.col("whole") * (SECOND // n)
        rounded = (pl.col("number") * (SECOND // n)).round().cast(pl.Int64, strict=False)
        near = size < 2 * LATEST * n  # beyond, a 64-bit count of nanoseconds would turn over
        here = near & (pl.col("unit") == name)
        written = pl.when(pl.col("whole").is_not_null()).then(exact).otherwise(rounded)
        fine = pl.when(here).then(written).otherwise(fine)
    found = table.select(fine).to_series()
    read = _plausible(found, "clock", "")
    used = table["unit"].filter(read.seconds.is_not_null())
    told = [(int((used == name).sum()), name) for name in UNITS]
    told = sorted([(n, name) for n, name in told if n], reverse=True) or [(0, usual)]
    apart = ", told apart by their size" if len(told) > 1 else ""
    return Times(read.seconds, read.fine, "clock", f"{in_words(told)} since 1970{apart}")


def _in_range(size: pl.Expr, per_second: int) -> pl.Expr:
    """Whether a number lies between 1973 and 2100 in a unit; it then does in no other."""
    return (size >= LEAST_CLOCK * per_second) & (size < LATEST * per_second)


def _digits(times: pl.Series, numbers: pl.Series) -> pl.Series:
    """(n,) values as text; whole numbers without a fraction, whatever their type."""
    if times.dtype == pl.String:
        return times
    whole = pl.select(pl.when(numbers == numbers.floor()).then(numbers)).to_series()
    return whole.cast(pl.Int64, strict=False).cast(pl.String)


def _compact(text: pl.Series) -> Times | None:
    """Dates in one number each, if most values are such dates."""
    digits = text.str.extract(r"^(\d+)(?:\.0*)?$")
    given = len(text) - text.null_count()
    parts, told = [], []
    for length, (form, words) in COMPACT.items():
        some = pl.select(pl.when(digits.str.len_chars() == length).then(digits)).to_series()
        if some.null_count() == len(some):
            continue
        moments = _parse(some, form)
        years = moments // (SECOND * DAY * 365)
        moments = pl.select(pl.when(years.is_between(-71, 130)).then(moments)).to_series()
        told.append((len(moments) - moments.null_count(), words))
        parts.append(moments.alias(form))
    if sum(n for n, _ in told) * 2 <= given:
        return None
    told = [(n, words) for n, words in told if n]
    whole = pl.DataFrame(parts).select(pl.coalesce(pl.all())).to_series()
    coarse = max(told)[1] in (COMPACT[4][1], COMPACT[6][1])
    return _plausible(whole, "years" if coarse else "dates", in_words(told))


def _by_pattern(text: pl.Series, form: str) -> Times:
    """Times that are written as a pattern of strptime says."""
    try:
        moments = _parse(text, form)
    except pl.exceptions.PolarsError as error:
        raise ConfigError(
            f"data.files.time_format {form!r} is no pattern for times ({error}). Write one such as "
            '"%d.%m.%Y %H:%M", or "day first".'
        ) from error
    return _plausible(moments, "dates", f"written as {form}, as data.files.time_format says")


def _parse(text: pl.Series, form: str) -> pl.Series:
    """(n,) Int64 nanoseconds since 1970 of texts in a pattern of strptime."""
    if form == "%Y":  # a pattern has to name a day
        text, form = text + "0101", "%Y%m%d"
    elif form == "%Y%m":
        text, form = text + "01", "%Y%m%d"
    elif form == "%Y%m%d%H":
        text, form = text + "00", "%Y%m%d%H%M"
    if "%z" in form or "%:z" in form or "%+" in form:
        return _epoch(text.str.strptime(pl.Datetime("us", "UTC"), form, strict=False))
    clock = any(mark in form for mark in ("%H", "%I", "%T", "%R", "%s", "%c", "%X", "%r"))
    kind = pl.Datetime("us") if clock else pl.Date
    return _epoch(text.str.strptime(kind, form, strict=False))


def _epoch(moments: pl.Series) -> pl.Series:
    """(n,) Int64 nanoseconds since 1970, null beyond what they can count."""
    unit = 1_000
    if moments.dtype == pl.Date:
        count, unit = moments.to_physical().cast(pl.Int64), DAY * SECOND
    elif getattr(moments.dtype, "time_unit", "us") == "ns":
        return moments.dt.epoch("ns").cast(pl.Int64)
    else:
        count = moments.dt.epoch("us").cast(pl.Int64)
    near = count.abs() < 2 * LATEST * SECOND // unit
    return pl.select(pl.when(near).then(count * unit)).to_series()


def _plausible(nanoseconds: pl.Series, kind: Kind, understood: str) -> Times:
    seconds = nanoseconds // SECOND
    sound = seconds.is_between(EARLIEST, LATEST, closed="left")
    table = pl.select(
        pl.when(sound).then(seconds).alias("seconds"),
        pl.when(sound).then(nanoseconds).alias("fine"),
    )
    return Times(table["seconds"], table["fine"], kind, understood)


def _never(n: int) -> pl.Series:
    return pl.Series([None] * n, dtype=pl.Int64)
