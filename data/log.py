"""What users asked for, and what they took then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from data import atomic
from data.columns import ITEM, TIME, USER
from data.ids import IdMap

QUERY, QUERY_ID, TEXT, ASK = "query", "query_id", "text", "ask"
ROW_SCHEMA = {ASK: pl.Int32, USER: pl.Int32, QUERY: pl.Int32, ITEM: pl.Int32, TIME: pl.Int64}
"""Column types of `Log.rows`."""
_ROWS, _QUERIES = "asked.parquet", "queries.parquet"


@dataclass(frozen=True)
class Log:
    """Which item each user took when asking for what.

    Attributes:
        rows: `ask`, `user`, `query`, `item` Int32 (dense numbers) and `time` Int64 (seconds), a row
            an item that was taken; rows of one ask stand together, in the order in which items were
            taken. Sorted by user, then time.
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
