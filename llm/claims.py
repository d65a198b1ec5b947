"""Which requests are being asked at this moment, so that no two runs ask the same one."""

from __future__ import annotations

import sqlite3
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from data import atomic
from data.errors import ArtifactError
from llm.store import Store

TABLE = "CREATE TABLE IF NOT EXISTS asking (key TEXT PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID"
_DROP = "DELETE FROM asking WHERE key = ? AND run = ?"
_TAKE = "INSERT INTO asking (key, run) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
_HOLDERS = "SELECT key, run FROM asking WHERE key IN (?)"
_END = "DELETE FROM asking WHERE run = ?"


class Claims:
    """The claims of one run; they hold as long as its process lives, of which its lock tells."""

    def __init__(self, store: Store) -> None:
        import fcntl

        self._store = store
        self._folder = store.path.with_name(f".{store.path.stem}-asking")
        self._run = uuid.uuid4().hex[:12]
        self._done: deque[str] = deque()
        with atomic.explain_failures(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            born = self._place(f".{self._run}")
            self._lock = born.open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            born.rename(self._place(self._run))  # seen by others only when it is locked
        for other in self._folder.glob("[!.]*"):
            self._has_ended(other.name)

    def take(self, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that no other run is asking: from here on this one does.

        Whoever takes a key looks up afterwards whether it was answered in the meantime.
        """
        done = [(self._done.popleft(), self._run) for _ in range(len(self._done))]
        taken = self._store.write((_DROP, done), (_TAKE, [(key, self._run) for key in keys]))
        if taken == len(keys):
            return set(keys)
        holders = dict(self._store.by_key(_HOLDERS, keys))
        ended = [run for run in {*holders.values()} - {self._run} if self._has_ended(run)]
        if ended:
            self._store.write((_END, [(run,) for run in ended]))
            return self.take(keys)
        return {key for key in keys if holders.get(key) == self._run}

    def drop(self, keys: Iterable[str]) -> None:
        """Others may ask these from the next `take` on."""
        self._done.extend(keys)

    def clear(self) -> None:
        """Others may ask all of them."""
        self._store.write((_END, [(self._run,)]))
        self._done.clear()

    def end(self) -> None:
        """Drops all; a claim that cannot be dropped ends with the lock."""
        try:
            with suppress(ArtifactError, sqlite3.Error):
                self.clear()
        finally:
            self._lock.close()
            with suppress(OSError):
                self._place(self._run).unlink(missing_ok=True)

    def _has_ended(self, run: str) -> bool:
        """Whether the process of a run is gone; its lock is removed then."""
        import fcntl

        try:
            with self._place(run).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        self._place(run).unlink(missing_ok=True)
        return True

    def _place(self, run: str) -> Path:
        return self._folder / run
