"""Every answer ever paid for, keyed by what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm.claims import TABLE, Claims
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
        self._store = Store(path, (_SCHEMA, TABLE), "response cache")

    def put(self, key: str, model: str, reply: Reply) -> None:
        """Keeps one reply.

        Raises:
            ArtifactError: the disk is full, or the file is damaged while another run uses it.
        """
        named = {name: getattr(reply, name) for name in COLUMNS if name != "model"}
        row = {**named, "model": model}
        values = (storable(row[name]) for name in COLUMNS)
        self._store.write((_PUT, [(key, *values)]))

    @contextmanager
    def claims(self) -> Iterator[Claims]:
        """What this run asks, so that no other asks it, too; up to the end of the context."""
        claims = Claims(self._store)
        try:
            yield claims
        finally:
            claims.end()

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


def storable(value: Any) -> Any:
    """The value; a text without halves of surrogate pairs, which no file in UTF-8 holds."""
    try:
        value.encode() if isinstance(value, str) else None
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
