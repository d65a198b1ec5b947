"""How long prompts are, in tokens, and how those are cut that a model cannot read whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llm.protocol import Backend, Counting
from prompts.requests import Request, fit_histories
from prompts.template import Message, Template

BYTES_A_TOKEN = 4
"""Of UTF-8, as a rule of thumb for prose; other scripts and tables can be far from it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a prompt.

    Attributes:
        count: How many.
        exact: Whether a tokenizer counted them; otherwise they are estimated from bytes.
    """

    count: int
    exact: bool

    def __str__(self) -> str:
        if self.exact:
            return f"{self.count:,} tokens"
        return f"about {self.count:,} tokens (estimate: {BYTES_A_TOKEN} bytes each)"


def prompt_tokens(backend: Backend | None, messages: Sequence[Message]) -> Tokens:
    """Tokens of a chat, counted by the backend's `count_tokens` if it has one that can.

    `count_tokens(messages)` is no part of the protocol; where it gives None, it cannot count.
    """
    counter = getattr(backend, "count_tokens", None)
    counted = counter(messages) if counter is not None else None
    if counted is not None:
        return Tokens(int(counted), exact=True)
    size = sum(len(m["role"].encode()) + len(m["content"].encode()) for m in messages)
    return Tokens(-(-size // BYTES_A_TOKEN), exact=False)


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
        return fit_histories(requests, template, backend.count_tokens, backend.limit)
    return requests


def count_left_out(whole: Request, sent: Request) -> int:
    """How many items of a history were cut from a request."""
    return len(whole.facts.get("history", ())) - len(sent.facts.get("history", ()))
