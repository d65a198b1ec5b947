"""What users asked for, and what they took then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from data import atomic
from data.columns import ITEM, ITEM_ID, LEAST_CLOCK, TIME, USER, USER_ID
from data.ids import IdMap

QUERY, QUERY_ID, TEXT, ASK = "query", "query_id", "text", "ask"
ROW_SCHEMA = {ASK: pl.Int32, USER: pl.Int32, QUERY: pl.Int32, ITEM: pl.Int32, TIME: pl.Int64}
"""Column types of `Log.rows`."""
GAP = 1_800
"""Seconds after which a user who asks the same again asks anew: half an hour, as web logs count."""
_ROWS, _QUERIES = "asked.parquet", "queries.parquet"


@dataclass(frozen=True)
class Log:
    """Which item each user took when asking for what.

    Attributes:
        rows: `ask`, `user`, `query`, `item` Int32 (dense numbers) and `time` Int64 (seconds), a row
            an item that was taken; rows of one ask stand together, in the order in which items were
            taken, each once. Sorted by user, then by the time at which an ask began.
        queries: `query_id` (String), `text` (String), and attributes; row k is the query with
            number k.
    """

    rows: pl.DataFrame
    queries: pl.DataFrame

    @cached_property
    def query_ids(self) -> IdMap:
        """External query ids, in order of their dense numbers."""
        return IdMap(tuple(self.queries[QUERY_ID]), kind="query")

    @property
    def n_queries(self) -> int:
        """Number of queries."""
        return self.queries.height

    @property
    def n_asks(self) -> int:
        """Number of asks."""
        return self.rows[ASK].n_unique()

    def only(self, kept: pl.Expr | pl.Series) -> Log:
        """The same with those rows alone; queries keep their numbers."""
        return Log(self.rows.filter(kept), self.queries)

    def save(self, directory: Path) -> None:
        """Two Parquet tables in `directory`."""
        atomic.write_parquet(directory / _ROWS, self.rows)
        atomic.write_parquet(directory / _QUERIES, self.queries)

    @classmethod
    def load(cls, directory: Path) -> Log | None:
        """The log stored by `save`; None where there is none."""
        if not (directory / _ROWS).is_file():
            return None
        return cls(
            atomic.read_parquet(directory / _ROWS), atomic.read_parquet(directory / _QUERIES)
        )


def folded(query: pl.Expr) -> pl.Expr:
    """The same query however it is written: small letters, one blank between words.

    >>> pl.select(folded(pl.lit("  Sci-Fi   classic ")).alias("query")).item()
    'sci-fi classic'
    """
    return query.str.to_lowercase().str.strip_chars().str.replace_all(r"\s+", " ")


def log_of(asked: pl.DataFrame, users: pl.DataFrame, items: pl.DataFrame) -> Log:
    """The log of the users and items that are there; queries are those that are left, in order.

    Args:
        asked: `user_id`, `item_id`, `query` as it was written, `time` Int64; among equal times the
            order of rows counts. With a column `ask`, texts, rows of one user and query that are
            alike in it are one ask; otherwise those with less than `GAP` between them.
        users: `user_id`.
        items: `item_id`.
    """
    kept = asked.with_columns(folded(pl.col(QUERY)).alias(QUERY_ID))
    for table, external, number in ((users, USER_ID, USER), (items, ITEM_ID, ITEM)):
        known = table.select(external).with_row_index(number)
        kept = kept.join(known, on=external, how="inner", maintain_order="left")
    spelt = pl.col(QUERY).str.strip_chars().mode().min().alias(TEXT)
    queries = kept.group_by(QUERY_ID).agg(spelt).sort(QUERY_ID)
    numbers = queries.select(QUERY_ID).with_row_index("number")
    kept = kept.join(numbers, on=QUERY_ID, how="left", maintain_order="left")
    given = kept[ASK].rank("dense").to_numpy().astype(np.int64) if ASK in kept.columns else None
    columns = (kept[name].to_numpy().astype(np.int64) for name in (USER, "number", ITEM, TIME))
    return Log(rows_of(*columns, asks=given), queries)


def rows_of(
    users: np.ndarray,
    queries: np.ndarray,
    items: np.ndarray,
    times: np.ndarray,
    *,
    asks: np.ndarray | None = None,
) -> pl.DataFrame:
    """`Log.rows` of what was taken, in any order; among equal times the order given counts.

    Without asks, what a user takes for one query belongs to one ask until `GAP` seconds go by
    without an item for it. Where times only put things in order, it does until the user takes
    something for another query.

    Args:
        users: (n,) int64 dense numbers.
        queries: (n,) int64 likewise.
        items: (n,) int64 likewise.
        times: (n,) int64 seconds.
        asks: (n,) int64 numbers that tell the asks of one user and query apart.
    """
    order = np.lexsort((times, users))
    users, queries, items, times = (part[order] for part in (users, queries, items, times))
    n = len(users)
    if asks is None:
        clock = int(times.max(initial=0)) >= LEAST_CLOCK
        moments, gap = (times, GAP) if clock else (np.arange(n), 1)
        by = np.lexsort((moments, queries, users))
        begins = np.ones(n, dtype=bool)
        same = (np.diff(users[by]) == 0) & (np.diff(queries[by]) == 0)
        begins[1:] = ~same | (np.diff(moments[by]) > gap)
        goes = np.empty(n, dtype=np.int64)
        goes[by] = np.cumsum(begins)
    else:
        goes = np.unique(np.stack((users, queries, asks[order])), axis=1, return_inverse=True)[1]
        goes = goes.reshape(-1)
    table = pl.DataFrame({ASK: goes, USER: users, QUERY: queries, ITEM: items, TIME: times})
    first = table.with_row_index("place").with_columns(pl.col("place").min().over(ASK))
    ordered = first.unique((ASK, ITEM), keep="first", maintain_order=True).sort(
        USER, "place", maintain_order=True
    )
    return ordered.select(
        (pl.col("place").rank("dense") - 1).cast(ROW_SCHEMA[ASK]).alias(ASK),
        *(pl.col(name).cast(ROW_SCHEMA[name]) for name in (USER, QUERY, ITEM, TIME)),
    )
