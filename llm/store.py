"""One SQLite file that survives kill -9: the ground of the response and vector caches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

from data.errors import ArtifactError

SMALLEST = 512
"""Bytes of the smallest SQLite file that holds anything; SQLite takes less for an empty one."""
AT_ONCE = 500
"""Keys in one query."""


class Store:
    """A table in write-ahead mode: what was committed is safe when the process is killed.

    `synchronous=NORMAL`: a commit is a write without waiting for the disk (some 20 µs), so every
    answer gets its own. A power cut may lose the last commits, but never damages the file. Several
    processes and threads may use one file.
    """

    def __init__(self, path: Path, schema: str, what: str) -> None:
        self.path = path
        self._what = what
        self._lock = Lock()
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and 0 < path.stat().st_size < SMALLEST:
                raise sqlite3.DatabaseError("it is cut off")
            self._database = sqlite3.connect(
                path, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(schema)

    def write(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Rows written in one transaction, safe on return.

        Raises:
            ArtifactError: the file is damaged, or the disk is full.
        """
        with self._told(), self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany(statement, rows)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def by_key(self, query: str, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of `query`, in which `(?)` stands for a few of `keys` at a time.

        Raises:
            ArtifactError: the file is damaged.
        """
        left = iter(keys)
        while some := list(islice(left, AT_ONCE)):
            marks = ",".join("?" * len(some))
            with self._told(), self._lock:
                rows = self._database.execute(query.replace("(?)", f"({marks})"), some).fetchall()
            yield from rows

    def close(self) -> None:
        """Ends the connection; the file is whole at any time, closed or not."""
        self._database.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as sentences."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise ArtifactError(
                f"The {self._what} {self.path} cannot be used: {error}. Check that the disk has "
                "room and the folder may be written; then run the same command: what is in the "
                "cache is kept."
            ) from error
        except sqlite3.DatabaseError as error:
            raise ArtifactError(
                f"The {self._what} {self.path} is damaged ({error}). Nothing was deleted. Save "
                f"what can be read with: sqlite3 {self.path} .recover | sqlite3 saved.sqlite; put "
                "the result in its place, or move the damaged file away to start afresh."
            ) from error
