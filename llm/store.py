"""One SQLite file that survives kill -9: the ground of the response and vector caches."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from data import rights
from data.errors import ArtifactError

AT_ONCE = 500
"""Keys in one query."""
PATIENCE_S = 10.0
"""Seconds to wait for others to leave a damaged file."""
_POLL_S = 0.1
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_MAGIC = b"SQLite format 3\0"
_FILES = ("-journal", "-shm", "-wal", "")
"""Endings of the files of one database; the last to be moved is the one that is looked for."""
T = TypeVar("T")
Rows = Sequence[Sequence[Any]]
_log = logging.getLogger(__name__)


class Store:
    """Tables in write-ahead mode: what was committed is safe when the process is killed.

    `synchronous=NORMAL`: a commit is a write without waiting for the disk (some 20 µs), so every
    answer gets its own. A power cut may lose the last commits, but never damages the file. Several
    processes and threads may use one file.

    A file that is damaged all the same (a disk, a copy that was cut off) is moved aside as soon as
    that is noticed, and a new one takes its place; a warning is logged. Every new file begins with
    what is known elsewhere.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        what: str,
        known: Callable[[], Iterable[tuple[str, Rows]]] = tuple,
    ) -> None:
        """Opens the file, or makes it.

        Args:
            path: Of the file.
            schema: Statements that make what is missing.
            what: Its name in messages.
            known: Statements that fill a new file, each with the rows that it is executed with.
        """
        self.path = path
        self._schema, self._what, self._known = schema, what, known
        self._lock = Lock()
        self._lost: Exception | None = None  # why nothing is open any more
        with self._explain_failures():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._users = path.with_name(f".{path.name}.lock").open("w")  # locked by all users
            self._database = self._open()

    def write(self, *statements: tuple[str, Rows]) -> int:
        """Rows that the last statement changed; all of it is safe on return, or nothing is.

        Args:
            statements: Each with the rows that it is executed with.

        Raises:
            ArtifactError: the disk is full, or another run uses the file, which is damaged.
        """
        rights.require(f"write {self.path.name}")
        return self._run(lambda database: _write(database, statements))

    def by_key(self, query: str, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of `query`, in which `(?)` stands for a few of `keys` at a time.

        Raises:
            ArtifactError: another run uses the file, which is damaged.
        """
        left = iter(keys)
        while some := list(islice(left, AT_ONCE)):
            marks = ",".join("?" * len(some))
            yield from self._find(query.replace("(?)", f"({marks})"), some)

    def close(self) -> None:
        """Ends the connection; the file is whole at any time, closed or not."""
        self._database.close()
        self._users.close()

    def _find(self, query: str, keys: list[str]) -> list[tuple[Any, ...]]:
        return self._run(lambda database: database.execute(query, keys).fetchall())

    def _run(self, do: Callable[[sqlite3.Connection], T]) -> T:
        """What `do` gives, of a new file if it has to be."""
        with self._explain_failures(), self._lock:
            if self._lost is not None:
                raise self._lost
            try:
                return do(self._database)
            except sqlite3.DatabaseError as error:
                if not _is(error, *_DAMAGE):
                    raise
                self._database.close()
                try:
                    self._database = self._open(str(error))
                except (sqlite3.Error, OSError) as lost:
                    self._lost = lost
                    raise
                return do(self._database)

    def _open(self, damage: str = "") -> sqlite3.Connection:
        """A connection to a file that is whole.

        Args:
            damage: What a query met, where the file looks whole from outside.
        """
        seen = _identity(self.path)
        until = time.monotonic() + PATIENCE_S
        while True:
            self._share(alone=False)
            if _identity(self.path) != seen:  # another run made a new one
                damage = ""
            why = damage or _flaw(self.path)
            if not why:
                try:
                    return self._connect()
                except sqlite3.DatabaseError as error:
                    if _is(error, sqlite3.SQLITE_BUSY) and time.monotonic() < until:
                        time.sleep(_POLL_S)  # another process is just making the file
                        continue
                    if not _is(error, *_DAMAGE):
                        raise
                    why = str(error)
            if self._share(alone=True):
                aside, damage = _move_aside(self.path), ""
                _log.warning(
                    "The %s %s was damaged (%s) and was moved to %s. What finished results hold "
                    "of it is kept; the rest is made again.",
                    *(self._what, self.path, why, aside.name),
                )
            elif time.monotonic() > until:
                raise sqlite3.DatabaseError(why)
            else:
                time.sleep(_POLL_S)

    def _share(self, alone: bool) -> bool:
        """Whether the lock of all who use the file could be had; what was held is given up."""
        import fcntl

        fcntl.flock(self._users, fcntl.LOCK_UN)
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        except BlockingIOError:
            return False
        return True

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(
            self.path, timeout=30.0, isolation_level=None, check_same_thread=False
        )
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            new = database.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            known = list(self._known()) if new else []
            database.execute("BEGIN IMMEDIATE" if new else "BEGIN")  # it is filled, or still new
            for statement in self._schema:
                database.execute(statement)
            for statement, rows in known:
                database.executemany(statement, rows)
            database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def _explain_failures(self) -> Iterator[None]:
        """Errors of SQLite and of the disk as sentences."""
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise ArtifactError(
                f"The {self._what} {self.path} cannot be used: {error}. Check that the disk has "
                "room and the folder may be written; then run the same command: what is in the "
                "cache is kept."
            ) from error
        except sqlite3.DatabaseError as error:
            if not _is(error, *_DAMAGE) and type(error) is not sqlite3.DatabaseError:
                raise
            raise ArtifactError(
                f"The {self._what} {self.path} is damaged ({error}), and another run uses it. "
                "Nothing was deleted. Stop that run, or wait for its end, and run the same "
                "command: the file is made anew then."
            ) from error


def _write(database: sqlite3.Connection, statements: Sequence[tuple[str, Rows]]) -> int:
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement, rows in statements:
            changed = database.executemany(statement, rows).rowcount
        database.execute("COMMIT")
        return changed
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _is(error: sqlite3.Error, *codes: int) -> bool:
    found: int = getattr(error, "sqlite_errorcode", -1)
    return found & 0xFF in codes


def _identity(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _flaw(path: Path) -> str:
    """Why the file cannot be whole, "" where nothing shows.

    A page may be in the write-ahead log alone; where it is nowhere, SQLite would read zeros.
    Source: https://www.sqlite.org/fileformat2.html, sections 1.3 and 4.1.
    """
    head, log = _start(path, 100), path.with_name(f"{path.name}-wal")
    if not head and not _start(log, 1):
        return ""
    if head[:16] != _MAGIC or len(head) < 100:
        return "it is no database"
    size, pages = int.from_bytes(head[16:18]), int.from_bytes(head[28:32])
    size = 65_536 if size == 1 else max(size, 512)
    lacking = range(path.stat().st_size // size + 1, pages + 1)
    frames = log.read_bytes() if lacking and log.exists() else b""
    logged = {int.from_bytes(frames[k : k + 4]) for k in range(32, len(frames), size + 24)}
    return "" if all(number in logged for number in lacking) else "pages are missing"


def _start(path: Path, size: int) -> bytes:
    """The first bytes of a file; none where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return b""


def _move_aside(path: Path) -> Path:
    """Where a damaged database is from here on; nothing of it is changed."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    for ending in _FILES:
        part = path.with_name(f"{path.name}{ending}")
        if part.exists():
            part.replace(aside.with_name(f"{aside.name}{ending}"))
    return aside
