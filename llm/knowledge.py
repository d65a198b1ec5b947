"""Knowledge: what was said about every entity, and by whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from data import atomic
from data.errors import BackendError, DataError
from llm.asking import Asked
from llm.cache import COLUMNS, ResponseCache, storable
from llm.gate import CUT_OFF, REJECTED, in_words, judge_reply, read_aspects
from llm.protocol import Backend, Reply, Resuming, request_key
from llm.settings import GateConfig
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
    "aspects": pl.String,
}
"""Columns of `Knowledge.table`."""

MOST_CUT_OFF = 20
"""Answers in a row that were cut off and not taken, after which a run stops: each is paid in full,
and all have the same max_tokens."""
_ROWS_AT_ONCE = 20_000
_NO_REPLY = (
    "The backend ended without a reply. Ask again with: autograph knowledge update, and the "
    "experiment's name."
)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One row an entity, in order of the dense numbers.

    Attributes:
        table: Columns of SCHEMA. `error` says why `text` is missing; `override` is a text that a
            person wrote in its place; `aspects` is an answer in JSON, of which `text` is the words.
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
    def failures(self) -> pl.DataFrame:
        """Rows without any text, with their errors."""
        return self.table.filter(pl.coalesce("override", "text").is_null())

    @property
    def aspects(self) -> pl.DataFrame:
        """`entity` and a column an aspect: a list of words each; null where there are none."""
        read = [json.loads(cell) if cell else {} for cell in self.table["aspects"]]
        names = list(dict.fromkeys(name for row in read for name in row))
        table = self.table.select("entity")
        columns = ([_words(row.get(name)) for row in read] for name in names)
        words = pl.List(pl.String)
        return table.with_columns(
            pl.Series(name, column, words) for name, column in zip(names, columns, strict=True)
        )

    @property
    def report(self) -> pl.DataFrame:
        """One row an `outcome`: "answered", also "…, cut off", why answers were rejected, "failed".

        Further columns: `rows`, mean `attempts`, and an `example` of the error.
        """
        reason = pl.col("error").str.extract(r"^Rejected \(([^)]*)\)").fill_null("failed")
        cut = pl.col("finish_reason").is_in(CUT_OFF)
        whole = pl.when(cut).then(pl.lit("answered, cut off")).otherwise(pl.lit("answered"))
        answered = pl.when(pl.col("error").is_null()).then(whole)
        counted = self.table.group_by(answered.otherwise(reason).alias("outcome")).agg(
            pl.len().alias("rows"),
            pl.col("attempts").mean(),
            pl.col("error").first().alias("example"),
        )
        return counted.sort("rows", "outcome", descending=[True, False])

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
            "failed": self.failures.height,
        }
        atomic.write_json(directory / "knowledge.json", summary)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Knowledge:
        """The knowledge stored by `save`."""
        leaking = atomic.read_json(directory / "knowledge.json")["leaking"]
        table = atomic.read_parquet(directory / "knowledge.parquet")
        missing = [pl.lit(None, t).alias(c) for c, t in SCHEMA.items() if c not in table.columns]
        return cls(table.with_columns(missing), leaking)


def describe(
    requests: Iterable[Request],
    backend: Backend,
    cache: ResponseCache,
    on_progress: Progress | None = None,
    total: int = 0,
    gate: GateConfig | None = None,
) -> Knowledge:
    """Knowledge of every requested entity; the backend is asked only what the cache lacks.

    Every reply is in the cache before it is looked at, so a killed run loses only what was in
    flight. Requests with the same key are asked once, also where several runs share the cache:
    what another one is asking at this moment is waited for, and asked here if it brings no answer.
    Failures of earlier runs are asked again. Every answer in the cache is judged by this gate: one
    that another rejected may pass, and one that does not pass is what a rejected answer is here.

    Args:
        requests: One an entity, in order of the dense numbers; read lazily.
        backend: Who answers.
        cache: Holds answers of all runs.
        on_progress: Told of every reply.
        total: How many requests there are, for progress; 0 where it is not known.
        gate: What answers must be like; one that is not is asked again, more warmly, after all
            others, and is a failure until a better one comes.

    Raises:
        ArtifactError: the cache is damaged, or the disk is full.
        BackendError: nothing further can be asked of the backend.
    """
    if isinstance(backend, Resuming):
        for key, model, reply in backend.leftover_replies():
            _keep(cache, key, model, reply, gate)
    tell = on_progress or (lambda _done, _total, _what: None)
    with cache.claims() as claims:
        asked = Asked(
            requests, backend, cache, claims, gate, lambda done: tell(done, total, "texts")
        )
        pending: Iterable[Request] | None = asked.unanswered_requests()
        while pending is not None:
            _answer(pending, asked, backend, cache, gate)
            claims.clear()
            pending = asked.requests_given_up()
    tell(len(asked.keys), total or len(asked.keys), "texts")
    return Knowledge(_table(asked, backend.model, cache), backend.leaking)


def _answer(
    pending: Iterable[Request],
    asked: Asked,
    backend: Backend,
    cache: ResponseCache,
    gate: GateConfig | None,
) -> None:
    """Asks, and asks again more warmly what was rejected, at this moment or in an earlier run.

    Raises:
        BackendError: one first answer after another is cut off.
    """
    cut_off = 0
    warmth = [gate.warmer * k for k in range(1, gate.retries + 1)] if gate else []
    for warmer in [*warmth, None]:
        rejected = []
        for reply in backend.generate(pending):
            cold = replace(reply.request, warmer=0.0)
            key = request_key(backend, cold)
            verdict = _keep(cache, key, backend.model, reply, gate)
            asked.heard(key, verdict)
            if not reply.request.warmer:
                cut_off = _cut_in_a_row(cut_off, reply, verdict)
            if warmer is not None and verdict.finish_reason == REJECTED:
                rejected.append(cold)
            else:
                asked.settle(key)
        rejected += asked.rejected_requests()
        if warmer is None or not rejected:
            break
        pending = [replace(request, warmer=warmer) for request in rejected]


def _cut_in_a_row(before: int, reply: Reply, verdict: Reply) -> int:
    """How many answers in a row were cut off and not taken, this one included.

    Raises:
        BackendError: there are too many.
    """
    if reply.error is not None or verdict.error is None or reply.finish_reason not in CUT_OFF:
        return 0
    if before + 1 < MOST_CUT_OFF:
        return before + 1
    raise BackendError(
        f"{MOST_CUT_OFF} answers in a row were cut off. The last: {verdict.error}; or take them as "
        "they are with llm.gate.cut_off=true, unless these are thoughts. What was answered is kept."
    )


def _keep(
    cache: ResponseCache, key: str, model: str, reply: Reply, gate: GateConfig | None
) -> Reply:
    """The reply as it is judged; an answer is in the cache, as it came, before it is looked at."""
    came = storable((reply.text or "").strip())
    if reply.error is not None or not came:
        verdict = judge_reply(reply, gate)
        cache.put(key, model, verdict)
        return verdict
    in_force = cache.put(key, model, replace(reply, text=came))
    verdict = judge_reply(replace(reply, text=came), gate)
    if in_force and verdict.text != came:
        cache.revise(key, came, verdict)
    return verdict


def _words(value: object) -> list[str] | None:
    """The words of one aspect."""
    if value is None:
        return None
    return [str(part) for part in value] if isinstance(value, list) else [str(value)]


def _table(asked: Asked, model: str, cache: ResponseCache) -> pl.DataFrame:
    """The cache's rows under the keys that were asked, in the order of asking."""
    told = {"entity": asked.entities, "template": asked.templates, "key": asked.keys}
    schema = {column: SCHEMA[column] for column in ("key", *COLUMNS)}
    left = cache.rows(dict.fromkeys(asked.keys))
    tables = [pl.DataFrame(schema=schema)]
    while some := [asked.row(*row) for row in islice(left, _ROWS_AT_ONCE)]:
        tables.append(pl.DataFrame(some, schema=schema, orient="row"))
    rows = pl.concat(tables)
    joined = pl.DataFrame(told, schema=dict.fromkeys(told, pl.String)).join(
        rows, on="key", how="left", maintain_order="left"
    )
    lacking = pl.col("text").is_null() & pl.col("error").is_null()
    joined = joined.with_columns(_read(joined["text"].to_list(), asked.schemas))
    return joined.with_columns(
        pl.col("model").fill_null(model),
        pl.col("tokens_in", "tokens_out", "attempts").fill_null(0),
        pl.col("latency_s").fill_null(0.0),
        pl.col("finish_reason").fill_null("error"),
        pl.when(lacking).then(pl.lit(_NO_REPLY)).otherwise("error").alias("error"),
        pl.lit(None, dtype=pl.String).alias("override"),
    ).select(list(SCHEMA))


def _read(
    texts: list[str | None], schemas: list[Mapping[str, Any] | None]
) -> tuple[pl.Series, pl.Series]:
    """Texts in words, and the aspects of those that were asked for in JSON."""
    aspects: list[str | None] = [None] * len(texts)
    for row, (text, schema) in enumerate(zip(texts, schemas, strict=True)):
        if text is not None and schema is not None:
            try:
                read = read_aspects(text, schema)
                texts[row], aspects[row] = in_words(read), json.dumps(read, ensure_ascii=False)
            except (ValueError, RecursionError):  # taken without a gate: it stays a free text
                continue
    return pl.Series("text", texts, pl.String), pl.Series("aspects", aspects, pl.String)
