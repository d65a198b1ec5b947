"""Knowledge: what was said about every entity, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import polars as pl

from data import atomic
from data.errors import DataError
from llm.cache import COLUMNS, ResponseCache
from llm.protocol import Backend, Reply, request_key
from prompts.requests import Request

Progress = Callable[[int, int, str], None]
"""Is told what is done, out of how many (0: not known), and what it is."""

SCHEMA = {
    "entity": pl.String,
    "text": pl.String,
    "model": pl.String,
    "template": pl.String,
    "key": pl.String,
    "tokens_in": pl.Int64,
    "tokens_out": pl.Int64,
    "latency_s": pl.Float64,
    "finish_reason": pl.String,
    "attempts": pl.Int64,
    "error": pl.String,
    "override": pl.String,
}
"""Columns of `Knowledge.table`."""

_LOOKED_UP_AT_ONCE = 256
_ROWS_AT_ONCE = 20_000
_NO_REPLY = "The backend ended without a reply; run the same command to ask again."


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One row an entity, in order of the dense numbers.

    Attributes:
        table: Columns of SCHEMA. `error` says why `text` is missing; `override` is a text that a
            person wrote in its place.
        leaking: The texts have seen valid or test interactions, so no result that uses them may
            be shown without saying so.
    """

    table: pl.DataFrame
    leaking: bool = False

    @property
    def texts(self) -> list[str | None]:
        """The text of each entity, by hand where there is one; None where there is none."""
        return self.table.select(pl.coalesce("override", "text")).to_series().to_list()

    @property
    def failed(self) -> pl.DataFrame:
        """Rows without any text, with their errors."""
        return self.table.filter(pl.coalesce("override", "text").is_null())

    def with_overrides(self, texts: Mapping[str, str | None]) -> Knowledge:
        """The same knowledge with texts by hand for some entities; None takes one back.

        Raises:
            DataError: an entity is unknown.
        """
        unknown = set(texts) - set(self.table["entity"])
        if unknown:
            raise DataError(
                f"There is no entity {min(unknown)!r} to override; "
                f"known ones look like {', '.join(map(repr, self.table['entity'][:3]))}."
            )
        old = dict(self.table.select("entity", "override").iter_rows())
        new = pl.Series("override", list({**old, **texts}.values()), dtype=pl.String)
        return Knowledge(self.table.with_columns(new), self.leaking)

    def save(self, directory: Path) -> None:
        """`knowledge.parquet` and `knowledge.json` in `directory`."""
        atomic.write_parquet(directory / "knowledge.parquet", self.table)
        summary = {
            "leaking": self.leaking,
            "models": self.table["model"].unique().sort().to_list(),
            "rows": self.table.height,
            "failed": self.failed.height,
        }
        atomic.write_json(directory / "knowledge.json", summary)

    @classmethod
    def load(cls, directory: Path) -> Knowledge:
        """The knowledge stored by `save`."""
        leaking = atomic.read_json(directory / "knowledge.json")["leaking"]
        return cls(atomic.read_parquet(directory / "knowledge.parquet"), leaking)


def describe(
    requests: Iterable[Request],
    backend: Backend,
    cache: ResponseCache,
    on_progress: Progress | None = None,
    total: int = 0,
) -> Knowledge:
    """Knowledge of every requested entity; the backend is asked only what the cache lacks.

    Every reply is in the cache before the next one is read, so a killed run loses only what was
    in flight. Requests with the same key are asked once. Failures of earlier runs are asked again.

    Args:
        requests: One an entity, in order of the dense numbers; read lazily.
        backend: Who answers.
        cache: Holds answers of all runs.
        on_progress: Told of every reply.
        total: How many requests there are, for progress; 0 where it is not known.

    Raises:
        ArtifactError: the cache is damaged, or the disk is full.
        BackendError: nothing further can be asked of the backend.
    """
    asked = _Asked(requests, backend, cache)
    tell = on_progress or (lambda _done, _total, _what: None)
    for reply in backend.generate(asked.unanswered()):
        cache.put(request_key(backend, reply.request), backend.model, _without_blanks(reply))
        asked.waiting -= 1
        tell(len(asked.keys) - asked.waiting, total, "texts")
    tell(len(asked.keys), total or len(asked.keys), "texts")
    return Knowledge(_table(asked, backend.model, cache), backend.leaking)


def _without_blanks(reply: Reply) -> Reply:
    """The reply; a failure where the answer is blank."""
    if reply.error is None and not (reply.text or "").strip():
        return replace(reply, text=None, finish_reason="error", error="The answer is empty.")
    return reply


class _Asked:
    """Remembers who was asked about, while the backend draws what has to be asked."""

    def __init__(self, requests: Iterable[Request], backend: Backend, cache: ResponseCache) -> None:
        self._requests, self._backend, self._cache = iter(requests), backend, cache
        self.entities: list[str] = []
        self.templates: list[str] = []
        self.keys: list[str] = []
        self.waiting = 0

    def unanswered(self) -> Iterator[Request]:
        """Requests that the cache has no answer to, each key once."""
        met: set[str] = set()
        while some := list(islice(self._requests, _LOOKED_UP_AT_ONCE)):
            keys = [request_key(self._backend, request) for request in some]
            met |= self._cache.answered(keys)
            for key, request in zip(keys, some, strict=True):
                self.entities.append(request.entity)
                self.templates.append(request.template)
                self.keys.append(key)
                if key not in met:
                    met.add(key)
                    self.waiting += 1
                    yield request


def _table(asked: _Asked, model: str, cache: ResponseCache) -> pl.DataFrame:
    """The cache's rows under the keys that were asked, in the order of asking."""
    told = {"entity": asked.entities, "template": asked.templates, "key": asked.keys}
    schema = {column: SCHEMA[column] for column in ("key", *COLUMNS)}
    left = cache.rows(dict.fromkeys(asked.keys))
    tables = [pl.DataFrame(schema=schema)]
    while some := list(islice(left, _ROWS_AT_ONCE)):
        tables.append(pl.DataFrame(some, schema=schema, orient="row"))
    rows = pl.concat(tables)
    joined = pl.DataFrame(told, schema=dict.fromkeys(told, pl.String)).join(
        rows, on="key", how="left", maintain_order="left"
    )
    lacking = pl.col("text").is_null() & pl.col("error").is_null()
    return joined.with_columns(
        pl.col("model").fill_null(model),
        pl.col("tokens_in", "tokens_out", "attempts").fill_null(0),
        pl.col("latency_s").fill_null(0.0),
        pl.col("finish_reason").fill_null("error"),
        pl.when(lacking).then(pl.lit(_NO_REPLY)).otherwise("error").alias("error"),
        pl.lit(None, dtype=pl.String).alias("override"),
    ).select(list(SCHEMA))
