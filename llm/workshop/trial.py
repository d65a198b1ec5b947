"""Several templates tried on the same few users or items, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from data.errors import TemplateError
from llm.cache import COLUMNS
from llm.knowledge import Progress, describe
from llm.protocol import request_key
from llm.workshop.scene import Scene, asking
from prompts.requests import Request
from prompts.template import Template

_OF_ANSWER = ("text", "tokens_in", "tokens_out", "latency_s", "finish_reason", "error")


def try_templates(
    scene: Scene,
    templates: Sequence[Template],
    numbers: Sequence[int],
    on_progress: Progress | None = None,
) -> pl.DataFrame:
    """What the backend says of a few entities under each template.

    Answers are taken from the workspace's response cache and kept in it: what was asked before
    costs nothing, and a later run that asks the same pays nothing.

    Args:
        scene: Whose entities.
        templates: Variants, for its side.
        numbers: Of the entities.
        on_progress: Told of every answer.

    Returns:
        A row an entity and template, in this order: entity, title, variant (the template's place),
        template, prompt (its messages as one text), text, tokens_in, tokens_out, latency_s,
        finish_reason, error, cached (it was there before). A template that does not fit an entity
        is a row with an error.

    Raises:
        BackendError: nothing can be asked of the backend.
    """
    rows, asked = _requests(scene, templates, numbers)
    for place, answer in _answers(scene, asked, on_progress).items():
        rows[place] |= answer
    return _table(rows)


def known_answers(
    scene: Scene, templates: Sequence[Template], numbers: Sequence[int]
) -> pl.DataFrame:
    """What is known already of a few entities under each template; nobody is asked.

    Args:
        scene: Whose entities.
        templates: Variants, for its side.
        numbers: Of the entities.

    Returns:
        As `try_templates`; text and error are null where nobody was asked yet.

    Raises:
        BackendError: the backend cannot be opened, or the length of prompts not be looked at.
    """
    rows, asked = _requests(scene, templates, numbers)
    with asking(scene) as (backend, cache):
        keys = {place: request_key(backend, request) for place, request in asked.items()}
        found = {
            row[0]: dict(zip(COLUMNS, row[1:], strict=True))
            for row in cache.rows(set(keys.values()))
        }
    for place, key in keys.items():
        if key in found:
            rows[place] |= {name: found[key][name] for name in _OF_ANSWER} | {"cached": True}
    return _table(rows)


def only_different(tried: pl.DataFrame, prompts: bool = False) -> pl.DataFrame:
    """The rows of those entities of which the variants say, or with `prompts` ask, other things."""
    said = pl.coalesce("prompt" if prompts else "text", "error")
    return tried.filter(said.n_unique().over("entity") > 1)


def _requests(
    scene: Scene, templates: Sequence[Template], numbers: Sequence[int]
) -> tuple[list[dict[str, Any]], dict[int, Request]]:
    """A row an entity and template, and the requests by row of those that can be rendered."""
    rows: list[dict[str, Any]] = []
    asked: dict[int, Request] = {}
    for number in numbers:
        for variant, template in enumerate(templates):
            row: dict[str, Any] = {
                "entity": scene.ids.external[number],
                "title": scene.title(number),
                "variant": variant,
                "template": template.label,
                "cached": False,
            }
            try:
                request = asked[len(rows)] = scene.request(number, template)
                row["prompt"] = _as_text(request)
            except TemplateError as error:
                row["error"] = str(error)
            rows.append(row)
    return rows, asked


def _answers(
    scene: Scene, asked: dict[int, Request], on_progress: Progress | None
) -> dict[int, dict[str, Any]]:
    """Columns of the answer to each request."""
    requests = list(asked.values())
    with asking(scene) as (backend, cache):
        keys = [request_key(backend, request) for request in requests]
        there = cache.answered_keys(keys)
        knowledge = describe(requests, backend, cache, on_progress, len(requests), scene.gate)
    columns = knowledge.table.select(_OF_ANSWER).iter_rows(named=True)
    return {
        place: {**answer, "cached": key in there}
        for place, key, answer in zip(asked, keys, columns, strict=True)
    }


def _as_text(request: Request) -> str:
    return "\n\n".join(f"# {m['role']}\n{m['content']}" for m in request.messages)


def _table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=_schema())


def _schema() -> dict[str, Any]:
    texts = dict.fromkeys(("entity", "title"), pl.String)
    answer = {"text": pl.String, "tokens_in": pl.Int64, "tokens_out": pl.Int64}
    answer |= {"latency_s": pl.Float64, "finish_reason": pl.String, "error": pl.String}
    variant = {"variant": pl.Int64, "template": pl.String, "prompt": pl.String}
    return {**texts, **variant, **answer, "cached": pl.Boolean}
