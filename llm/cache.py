"""Every answer ever paid for, keyed by what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from llm.protocol import Reply
from llm.store import Store

COLUMNS = (
    "text",
    "model",
    "tokens_in",
    "tokens_out",
    "latency_s",
    "finish_reason",
    "attempts",
    "error",
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, text TEXT, model TEXT NOT NULL, tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL, latency_s REAL NOT NULL, finish_reason TEXT NOT NULL,
    attempts INTEGER NOT NULL, error TEXT, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""
_PUT = f"""
INSERT INTO replies (key, {", ".join(COLUMNS)}) VALUES (?{", ?" * len(COLUMNS)})
ON CONFLICT (key) DO UPDATE SET
    {", ".join(f"{c} = excluded.{c}" for c in COLUMNS if c != "attempts")},
    attempts = attempts + excluded.attempts, at = CURRENT_TIMESTAMP
WHERE replies.error IS NOT NULL
"""
_GET = f"SELECT key, {', '.join(COLUMNS)} FROM replies WHERE key IN (?)"
_LATEST = """
SELECT tokens_out, latency_s FROM replies
WHERE model IN (?) AND error IS NULL AND tokens_out > 0 ORDER BY rowid DESC LIMIT {}
"""
_ANSWERED = "SELECT key FROM replies WHERE error IS NULL AND key IN (?)"


class ResponseCache:
    """Replies in one SQLite file; each is safe as soon as `put` returns.

    An answer is never overwritten. A failure is kept with its reason until a later reply to the
    same request takes its place; attempts add up.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, _SCHEMA, "response cache")

    def put(self, key: str, model: str, reply: Reply) -> None:
        """Keeps one reply.

        Raises:
            ArtifactError: the file is damaged, or the disk is full.
        """
        named = {name: getattr(reply, name) for name in COLUMNS if name != "model"}
        row = {**named, "model": model}
        self._store.write(_PUT, [(key, *(row[name] for name in COLUMNS))])

    def answered(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that have an answer."""
        return {key for (key,) in self._store.by_key(_ANSWERED, keys)}

    def rows(self, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """What is kept under `keys`, answers and failures: key and COLUMNS, in any order."""
        return self._store.by_key(_GET, keys)

    def measured(self, model: str, at_most: int) -> list[tuple[int, float]]:
        """Completion tokens and seconds of a model's latest answers."""
        return list(self._store.by_key(_LATEST.format(at_most), [model]))

    def close(self) -> None:
        """Ends the connection."""
        self._store.close()
