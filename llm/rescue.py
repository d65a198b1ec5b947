"""A damaged cache is moved aside, and a whole one with all that can be read takes its place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count, islice
from pathlib import Path

from llm.salvage import Pages, Value, rows

ENDINGS = ("-journal", "-shm", "-wal", "")
"""Of the files that make up one database; the last to be moved is the one that is looked for."""
_AT_ONCE = 1_000
_KINDS: dict[str, tuple[type, ...]] = {
    "TEXT": (str,),
    "INTEGER": (int,),
    "REAL": (int, float),
    "BLOB": (bytes,),
}


def rescue(path: Path, schema: Sequence[str]) -> tuple[int, Path]:
    """How many rows of the first table were saved, and where the damaged file is.

    Whoever calls it is the only one to use the file. Whenever it is killed, nothing is lost:
    `finish_rescue` goes on from there.

    Raises:
        sqlite3.Error: there is no room for a second file; the first is as it was.
        OSError: the same.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        saved = _written(part, schema, Pages(path))
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(_ready(path))
    finally:
        part.unlink(missing_ok=True)
    return saved, finish_rescue(path)


def finish_rescue(path: Path) -> Path:
    """Where the damaged file is after the exchange, whose first half may be done already."""
    aside = _aside(path)
    for ending in ENDINGS:
        damaged = path.with_name(f"{path.name}{ending}")
        if damaged.exists():
            damaged.replace(aside.with_name(f"{aside.name}{ending}"))
    _ready(path).replace(path)
    return aside


def half_rescued(path: Path) -> bool:
    """Whether a rescue was killed before its end."""
    return _ready(path).exists()


def _ready(path: Path) -> Path:
    return path.with_name(f"{path.name}.rescued")


def _aside(path: Path) -> Path:
    """A name that is free, or holds the other files of a database that is being moved."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    return next(name for name in names if not name.exists())


def _written(part: Path, schema: Sequence[str], pages: Pages) -> int:
    """Rows in a new database at `part`, each as it was."""
    with closing(sqlite3.connect(part, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")  # it counts only when it is whole
        database.execute("PRAGMA journal_mode=OFF")
        for statement in schema:
            database.execute(statement)
        tables = [_Table(database, name) for (name,) in list(database.execute(_TABLES))]
        database.execute("BEGIN")
        found = rows(pages)
        while some := list(islice(found, _AT_ONCE)):
            for table in tables:
                table.put(row for row in some if table.fits(row))
        database.execute("COMMIT")
        return tables[0].count()


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


class _Table:
    """A table of the new file, and which rows can be its."""

    def __init__(self, database: sqlite3.Connection, name: str) -> None:
        self._database, self._name = database, name
        columns = database.execute(f"PRAGMA table_info({name})").fetchall()
        self._kinds = [_KINDS[kind] for _, _, kind, _, _, _ in columns]
        self._needed = [bool(not_null or key) for _, _, _, not_null, _, key in columns]

    def fits(self, row: Sequence[Value]) -> bool:
        """Whether every value is of its column's type."""
        return len(row) == len(self._kinds) and all(
            not needed if value is None else isinstance(value, kinds)
            for value, kinds, needed in zip(row, self._kinds, self._needed, strict=True)
        )

    def put(self, found: Iterator[Sequence[Value]]) -> None:
        marks = ", ".join("?" * len(self._kinds))
        self._database.executemany(f"INSERT OR IGNORE INTO {self._name} VALUES ({marks})", found)

    def count(self) -> int:
        return int(self._database.execute(f"SELECT count(*) FROM {self._name}").fetchone()[0])
