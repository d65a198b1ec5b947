"""Where one recommender is better than another: by length of history, by popularity of the item."""

from __future__ import annotations

import numpy as np
import polars as pl

from recommend.judge.compare import holm, paired_test

EDGES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Where buckets may begin."""
LEAST_USERS = 30


def bounds(values: np.ndarray, least: int = LEAST_USERS) -> list[tuple[int, int | None]]:
    """First and last value of each bucket; the last one is open.

    Each holds `least` values where there are so many; 0 stands alone, however rare it is.

    >>> bounds(np.array([0] * 3 + [2] * 40 + [7] * 50 + [30] * 8))
    [(0, 0), (1, 4), (5, None)]
    """
    starts = [0] if (values == 0).any() else []
    begin = 1
    for edge in EDGES:
        inside = ((values >= begin) & (values < edge)).sum()
        if inside >= least and (values >= edge).sum() >= least:
            starts.append(begin)
            begin = edge
    starts += [begin] if (values >= begin).any() else []
    ends = [start - 1 for start in starts[1:]]
    return list(zip(starts, [*ends, None], strict=True)) if starts else []


def in_buckets(users: pl.DataFrame, by: str, least: int = LEAST_USERS) -> pl.DataFrame:
    """How two recommenders differ, a row a bucket of users.

    Columns: `bucket`, `users`, means `ours` and `theirs`, `difference` with `low` and `high`
    (95 % confidence interval), `change` (%), `p` (paired t-test) and `p_holm` (over buckets).

    Args:
        users: What `recommend.judge.compare.user_table` gives.
        by: "history" (training interactions of the user) or "popularity" (of the held-out item).
        least: Users that a bucket holds at least, that of items without interactions apart.
    """
    values = users[by].to_numpy()
    rows = [_row(users, by, low, high) for low, high in bounds(values, least)]
    table = pl.DataFrame(rows, schema=_SCHEMA)
    return table.with_columns(p_holm=pl.Series(holm(table["p"].to_list()), dtype=pl.Float64))


_SCHEMA = {
    "bucket": pl.String,
    "users": pl.Int64,
    "ours": pl.Float64,
    "theirs": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "change": pl.Float64,
    "p": pl.Float64,
}


def _row(users: pl.DataFrame, by: str, low: int, high: int | None) -> dict[str, object]:
    inside = pl.col(by) >= low if high is None else pl.col(by).is_between(low, high)
    part = users.filter(inside)
    ours, theirs = part["ours"].to_numpy(), part["theirs"].to_numpy()
    difference, least, most, p = paired_test(ours, theirs)
    base = float(theirs.mean())
    known = part.height > 1
    return {
        "bucket": name_of(low, high),
        "users": part.height,
        "ours": float(ours.mean()),
        "theirs": base,
        "difference": difference,
        "low": least if known else None,
        "high": most if known else None,
        "change": 100 * difference / base if base else None,
        "p": p if known else None,
    }


def name_of(low: int, high: int | None) -> str:
    """What a bucket is called, by its first and last value.

    >>> name_of(0, 0), name_of(5, 9), name_of(1000, None)
    ('0', '5–9', '1,000 or more')
    """
    if high is None:
        return f"{low:,} or more"
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
