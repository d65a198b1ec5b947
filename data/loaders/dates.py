"""Dates as people write them, and which part is the day: told from the whole column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from data.errors import DataError

SECOND = 1_000_000_000
"""Nanoseconds."""
DAY = 86_400
"""Seconds."""
PIVOT = 69
"""Two-digit years from here on are of the 20th century, as POSIX has it."""
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day first", "month first", "year first"
ORDERS: Mapping[str, tuple[str, str, str]] = {
    DAY_FIRST: ("c", "b", "a"),
    MONTH_FIRST: ("c", "a", "b"),
    YEAR_FIRST: ("a", "b", "c"),
}
"""Where year, month and day stand among the three numbers of a date."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = (
    r"(?:[T ,]+(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9})\d*)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: Uhr)?"
    r" ?(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_TIGHT_CLOCK = (
    r"(?:[T ]?(?P<h>\d{2}):?(?P<m>\d{2})(?::?(?P<s>\d{2})(?:[.,](?P<f>\d{1,9})\d*)?)?"
    r"(?P<half>[^\s\S])?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_DAYNAME = r"^(?:[A-Za-z]{2,9}\.?,? +)?"
SHAPES: Mapping[str, str] = {
    "long": r"^(?P<a>\d{4})[-/.] ?(?P<b>\d{1,2})[-/.] ?(?P<c>\d{1,2})" + _CLOCK,
    "short": r"^(?P<a>\d{1,2})[-/.] ?(?P<b>\d{1,2})[-/.] ?(?P<c>\d{4}|\d{2})" + _CLOCK,
    "day name": _DAYNAME
    + r"(?P<a>\d{1,2})(?:st|nd|rd|th)?[-. ]+(?P<b>[A-Za-z]{3,9})\.?[-, ]+(?P<c>\d{4}|\d{2})"
    + _CLOCK,
    "name day": _DAYNAME
    + r"(?P<a>[A-Za-z]{3,9})\.? +(?P<b>\d{1,2})(?:st|nd|rd|th)?,? +(?P<c>\d{4})"
    + _CLOCK,
    "compact": r"^(?P<a>\d{4})(?P<b>\d{2})(?P<c>\d{2})" + _TIGHT_CLOCK,
    "month": r"^(?P<a>\d{4})[-/.](?P<b>\d{1,2})(?P<c>[^\s\S])?" + _CLOCK,
}
"""How dates are written; a date with time is in UTC unless it says otherwise."""
SAID: Mapping[str, tuple[str, str]] = {
    "long": (YEAR_FIRST, "dates with the year first"),
    "day name": (DAY_FIRST, "dates with the month's name"),
    "name day": (MONTH_FIRST, "dates with the month's name"),
    "compact": (YEAR_FIRST, "dates without separators (year, month, day)"),
    "month": (YEAR_FIRST, "months, each as its first day"),
}
"""Of the shapes that leave no doubt: the order of their parts, and what they are called."""
MUCH_MORE = 20
"""Rows that speak for an order, for one that speaks against it and may be a slip."""


@dataclass(frozen=True, slots=True)
class Written:
    """Dates that were read.

    Attributes:
        nanoseconds: (n,) Int64 since 1970, null where there is no date.
        understood: How they were read, and by what this was told.
    """

    nanoseconds: pl.Series
    understood: str


def read_dates(text: pl.Series, lines: pl.Series, where: str, said: str | None = None) -> Written:
    """Dates, or dates with time, as they are written in a column.

    Args:
        text: (n,) String, without blanks around.
        lines: (n,) where each stands in its file.
        where: The file and the column, for messages.
        said: `DAY_FIRST`, `MONTH_FIRST` or `YEAR_FIRST`; None: told from the numbers.

    Raises:
        DataError: day and month cannot be told apart, or change places from row to row.
    """
    left = text.is_not_null()
    parts, told = [], []
    for shape, pattern in SHAPES.items():
        found = _match_parts(text, pattern, lines) if left.any() else None
        if found is None:
            continue
        order, words = SAID.get(shape) or _order(found, where, said)
        moments = _nanoseconds(found, order)
        read = moments.is_not_null() & left
        left &= ~read
        parts.append(pl.select(pl.when(read).then(moments)).to_series().alias(shape))
        told.append((int(read.sum()), words))
    whole = (
        pl.DataFrame(parts).select(pl.coalesce(pl.all())).to_series()
        if parts
        else pl.Series([None] * len(text), dtype=pl.Int64)
    )
    return Written(whole, in_words([(n, words) for n, words in told if n]))


def in_words(told: list[tuple[int, str]]) -> str:
    """Ways of writing in a sentence, with their rows where there are several.

    >>> in_words([(3, "seconds"), (1, "milliseconds")])
    'seconds (3 rows) and milliseconds (1 row)'
    """
    counts: dict[str, int] = {}
    for n, words in told:
        counts[words] = counts.get(words, 0) + n
    if len(counts) == 1:
        return next(iter(counts))
    named = [f"{words} ({n:,} {'row' if n == 1 else 'rows'})" for words, n in counts.items()]
    return " and ".join(named)


def _match_parts(text: pl.Series, pattern: str, lines: pl.Series) -> pl.DataFrame | None:
    """The parts of each value that has a shape, null for others; None where there is none."""
    groups = text.str.extract_groups(pattern).struct.unnest()
    if groups["a"].null_count() == len(groups):
        return None
    month = [pl.col(c).str.to_lowercase().str.slice(0, 3) for c in "ab"]
    numbers = [
        pl.when(named.is_in(MONTHS))
        .then(named.replace_strict(MONTHS, range(1, 13), default=None, return_dtype=pl.Int32))
        .otherwise(pl.col(c).cast(pl.Int32, strict=False))
        .alias(c)
        for c, named in zip("ab", month, strict=True)
    ]
    return groups.with_columns(
        *numbers,
        pl.col("c").cast(pl.Int32, strict=False),
        pl.col("c").str.len_chars().alias("letters"),
        text.alias("text"),
        lines.alias("line"),
    )


def _days(found: pl.DataFrame, order: str) -> pl.Series:
    """(n,) Int64 days since 1970, null where the numbers are no date in this order."""
    _, month, day = (pl.col(part).cast(pl.String) for part in ORDERS[order])
    number = pl.col(ORDERS[order][0])
    century = pl.when(number < PIVOT).then(2000).otherwise(1900)
    full = pl.when(number < 100).then(number + century).otherwise(number).cast(pl.String)
    if order == YEAR_FIRST:  # the last part is a day here, and no long number
        full = pl.when(pl.col("letters").fill_null(2) <= 2).then(full)
        day = day.fill_null("1")
    written = pl.concat_str(full, month.str.zfill(2), day.str.zfill(2), separator="-")
    dates = found.select(written.str.strptime(pl.Date, "%Y-%m-%d", strict=False)).to_series()
    return dates.to_physical().cast(pl.Int64)


def _nanoseconds(found: pl.DataFrame, order: str) -> pl.Series:
    hour = pl.col("h").cast(pl.Int64).fill_null(0)
    afternoon = pl.col("half").str.to_lowercase()
    twelve = pl.when(hour == 12).then(0).otherwise(hour)
    hour = (
        pl.when(afternoon.is_null())
        .then(hour)
        .when(hour.is_between(1, 12))
        .then(twelve + pl.when(afternoon == "p").then(12).otherwise(0))
        .otherwise(24)
    )
    minute, second = (pl.col(part).cast(pl.Int64).fill_null(0) for part in "ms")
    digits = pl.col("zone").str.extract(r"[+-](.*)").str.replace(":", "").str.pad_end(4, "0")
    ahead = digits.str.slice(0, 2).cast(pl.Int64) * 3600 + digits.str.slice(2).cast(pl.Int64) * 60
    ahead = pl.when(pl.col("zone").str.starts_with("-")).then(-ahead).otherwise(ahead)
    fraction = pl.col("f").str.pad_end(9, "0").cast(pl.Int64).fill_null(0)
    of_day = hour * 3600 + minute * 60 + second - ahead.fill_null(0)
    sound = (hour < 24) & (minute < 60) & (second < 60)
    of_day = pl.when(sound).then(of_day)
    # a year that a 64-bit count of nanoseconds does not reach is out of range for any reader
    near = pl.col("days").is_between(-100_000, 100_000)
    days = pl.when(near).then(pl.col("days"))
    table = found.with_columns(_days(found, order).alias("days"))
    return table.select((days * DAY + of_day) * SECOND + fraction).to_series()


def _order(found: pl.DataFrame, where: str, said: str | None) -> tuple[str, str]:
    """Which of three numbers is the day, and the words for it and for how this is known."""
    if said is not None:
        return said, f"dates with the {said}, as data.files.time_format says"
    days = {order: _days(found, order) for order in ORDERS}
    dates = pl.DataFrame([of.alias(order) for order, of in days.items()])
    any_date = dates.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    if not any_date.any():
        return DAY_FIRST, "dates"
    fails = {order: int((of.is_null() & any_date).sum()) for order, of in days.items()}
    best = min(fails, key=lambda order: fails[order])
    rivals = [
        order
        for order, n in fails.items()
        if order != best and (not n or fails[best] * MUCH_MORE > n)
    ]
    if not rivals:
        return best, _since(found, days, best, fails)
    if fails[best]:
        raise DataError(_changing(found, days, best, rivals[0], where))
    by_span = _narrowest(days, [best, *rivals])
    if by_span is None:
        raise DataError(_unclear(found, where))
    return by_span


def _since(
    found: pl.DataFrame, days: Mapping[str, pl.Series], best: str, fails: Mapping[str, int]
) -> str:
    """The order, and the first row that shows it."""
    place = {DAY_FIRST: "a", MONTH_FIRST: "b"}.get(best)
    shown = found.filter(days[best].is_not_null())
    if place is not None:
        shown = shown.filter(pl.col(place) > 12)
        if shown.height:
            return f"dates with the {best}, since {shown[place][0]} > 12 in line {shown['line'][0]}"
    other = max((o for o in fails if o != best), key=lambda o: fails[o])
    row = found.filter(days[best].is_not_null() & days[other].is_null()).row(0, named=True)
    return f"dates with the {best}, since {row['text']} in line {row['line']} is none otherwise"


def _narrowest(days: Mapping[str, pl.Series], orders: list[str]) -> tuple[str, str] | None:
    """Of years first and last, what gives dates that lie far closer together."""
    if {DAY_FIRST, MONTH_FIRST} <= set(orders) or YEAR_FIRST not in orders:
        return None
    spans = {o: int(days[o].max()) - int(days[o].min()) + 1 for o in orders}  # type: ignore[arg-type]
    near, far = sorted(orders, key=lambda order: spans[order])
    if spans[near] * 4 > spans[far]:
        return None
    return near, (
        f"dates with the {near}, since they lie within {spans[near]:,} days so, and within "
        f"{spans[far]:,} days with the {far}"
    )


def _changing(
    found: pl.DataFrame, days: Mapping[str, pl.Series], best: str, other: str, where: str
) -> str:
    one, two = (
        found.filter(days[has].is_not_null() & days[lacks].is_null()).row(0, named=True)
        for has, lacks in ((best, other), (other, best))
    )
    return (
        f"{where} is written in two ways: {one['text']} in line {one['line']} has the {best}, "
        f"{two['text']} in line {two['line']} the {other}. Write all times in one way, such as "
        "2025-08-30 03:26:00."
    )


def _unclear(found: pl.DataFrame, where: str) -> str:
    row = found.filter(pl.col("a").is_not_null()).row(0, named=True)
    return (
        f"{where} does not say which number is the day and which the month: {row['text']} in line "
        f"{row['line']}, and all other values, can be read in several ways. Say how they are "
        f'written: data.files.time_format = "{DAY_FIRST}", "{MONTH_FIRST}", or a pattern such as '
        '"%d.%m.%y" (on the page: How times are written).'
    )
