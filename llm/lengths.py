"""Prompts that a backend can read: cut to the length of its model, wherever they are made."""

from __future__ import annotations

from collections.abc import Iterable

from llm.protocol import Backend, Counting
from prompts.requests import Request
from prompts.shortening import fitted
from prompts.template import Template


def readable(
    requests: Iterable[Request], template: Template, backend: Backend
) -> Iterable[Request]:
    """The requests as they are sent to `backend`; histories that its model cannot hold are cut.

    Whoever needs to know what a run sends, and under which key, goes through this function.

    Args:
        requests: Rendered from `template`; read lazily.
        template: Renders again where a history is cut.
        backend: Of a language model, or one that stands in for it.

    Raises:
        BackendError: the tokenizer or the length of the model cannot be had.
    """
    if template.side == "item":  # there is no history to cut
        return requests
    if isinstance(backend, Counting) and backend.limit is not None:
        return fitted(requests, template, backend.count_tokens, backend.limit)
    return requests


def left_out(whole: Request, sent: Request) -> int:
    """How many items of a history were cut from a request."""
    return len(whole.facts.get("history", ())) - len(sent.facts.get("history", ()))
