"""Every answer ever paid for, keyed by what was sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from data import atomic
from data.artifacts import ArtifactStore
from data.errors import ArtifactError
from llm.claims import TABLE, Claims
from llm.protocol import Reply
from llm.store import Rows, Store

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
_SAID = """
CREATE TABLE IF NOT EXISTS said (
    key TEXT NOT NULL, text TEXT NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    latency_s REAL NOT NULL, finish_reason TEXT NOT NULL
)
"""
_SAID_BY_KEY = "CREATE INDEX IF NOT EXISTS said_by_key ON said (key)"
PAID = ("text", "tokens_in", "tokens_out", "latency_s", "finish_reason")
"""What is kept of an answer beside the one in force."""
_UNSAID = "NOT EXISTS (SELECT 1 FROM said WHERE key = ?1 AND text = ?2)"
_BESIDE = f"""
INSERT INTO said (key, {", ".join(PAID)}) SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE EXISTS (SELECT 1 FROM replies WHERE key = ?1 AND error IS NULL AND text <> ?2) AND {_UNSAID}
"""
_AGAIN = "UPDATE replies SET attempts = attempts + ?2 WHERE key = ?1 AND error IS NULL"
_MOVE = f"""
INSERT INTO said (key, {", ".join(PAID)}) SELECT key, {", ".join(PAID)} FROM replies
WHERE key = ?1 AND text = ?2 AND error IS NULL AND {_UNSAID}
"""
_REVISE = """
UPDATE replies SET text = ?3, finish_reason = ?4, error = ?5
WHERE key = ?1 AND text = ?2 AND error IS NULL
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
_IN_FORCE = f"SELECT key, {', '.join(PAID)}, 1 FROM replies WHERE error IS NULL AND key IN (?)"
_BESIDES = f"SELECT key, {', '.join(PAID)}, 0 FROM said WHERE key IN (?) ORDER BY rowid"
_ANSWERED = "SELECT key FROM replies WHERE error IS NULL AND key IN (?)"


class ResponseCache:
    """Replies in one SQLite file; each is safe as soon as `put` returns.

    One answer to a request is in force, and is never overwritten; others are kept beside it, for
    they may be what another gate lets pass. A failure is kept with its reason until a later reply
    to the same request takes its place; attempts add up.
    """

    def __init__(self, path: Path, artifacts: Path | None = None) -> None:
        """Opens the cache, or makes it.

        Args:
            path: Of its file.
            artifacts: Where a workspace keeps its results. Whatever became of an earlier file,
                answers in finished knowledge are in a new one from the start.
        """
        schema = (_SCHEMA, TABLE, _SAID, _SAID_BY_KEY)
        self._store = Store(path, schema, "response cache", lambda: _import_statements(artifacts))

    @classmethod
    def of(cls, workspace: Path) -> ResponseCache:
        """The cache of a workspace."""
        return cls(workspace / "cache" / "replies.sqlite", workspace / "artifacts")

    def put(self, key: str, model: str, reply: Reply) -> bool:
        """Whether the reply, which is kept in any case, is the one in force.

        Raises:
            ArtifactError: the disk is full, or the file is damaged while another run uses it.
        """
        named = {name: getattr(reply, name) for name in COLUMNS if name != "model"}
        row = {name: storable(value) for name, value in {**named, "model": model}.items()}
        beside = [(key, *(row[name] for name in PAID))] if reply.text is not None else []
        again, all_of_it = (key, reply.attempts), (key, *(row[name] for name in COLUMNS))
        return self._store.write((_BESIDE, beside), (_AGAIN, [again]), (_PUT, [all_of_it])) > 0

    def revise(self, key: str, text: str, judged: Reply) -> None:
        """Puts what became of an answer in its place; the answer as it came is kept beside it.

        Args:
            key: Of the request.
            text: That is in force.
            judged: What is taken of the text, or why it is not taken.

        Raises:
            ArtifactError: as `put`.
        """
        about = (storable(judged.text), judged.finish_reason, storable(judged.error))
        self._store.write((_MOVE, [(key, text)]), (_REVISE, [(key, text, *about)]))

    @contextmanager
    def claims(self) -> Iterator[Claims]:
        """What this run asks, so that no other asks it, too; up to the end of the context."""
        claims = Claims(self._store)
        try:
            yield claims
        finally:
            claims.end()

    def answered_keys(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that have an answer."""
        return {key for (key,) in self._store.by_key(_ANSWERED, keys)}

    def answers(self, keys: Collection[str]) -> Iterator[tuple[Any, ...]]:
        """Every answer to some requests: key, PAID, and whether it is in force, which comes first.

        Those beside it are as they came, oldest first.
        """
        yield from self._store.by_key(_IN_FORCE, keys)
        yield from self._store.by_key(_BESIDES, keys)

    def rows(self, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """What is kept under `keys`, answers and failures: key and COLUMNS, in any order."""
        return self._store.by_key(_GET, keys)

    def timings(self, model: str, at_most: int) -> list[tuple[int, float]]:
        """Completion tokens and seconds of a model's latest answers."""
        return list(self._store.by_key(_LATEST.format(at_most), [model]))

    def close(self) -> None:
        """Ends the connection."""
        self._store.close()


def _import_statements(artifacts: Path | None) -> Iterator[tuple[str, Rows]]:
    """Statements that put the answers in the finished knowledge of a workspace into the cache."""
    store = ArtifactStore(artifacts or Path())
    for path in sorted(artifacts.glob("knowledge-*/*/knowledge.parquet")) if artifacts else ():
        made = path.parent.parent.name, path.parent.name
        if store.sound(*made) or not store.holds(*made):  # one that is made again is whole, too
            with suppress(ArtifactError, pl.exceptions.PolarsError):
                table = atomic.read_parquet(path)
                # An answer in JSON stands in its aspects, which are words in the text.
                said = [name for name in ("aspects", "text") if name in table.columns]
                answered = table.filter(pl.col("text").is_not_null() & pl.col("error").is_null())
                rows = answered.with_columns(pl.coalesce(said).alias("text"))
                yield _BESIDE, rows.select("key", *PAID).rows()
                yield _PUT, rows.select("key", *COLUMNS).rows()


def storable(value: Any) -> Any:
    """The value; a text without halves of surrogate pairs, which no file in UTF-8 holds."""
    try:
        value.encode() if isinstance(value, str) else None
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
