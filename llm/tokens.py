"""How many tokens a prompt has: counted where a tokenizer is to be had, estimated elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm.protocol import Backend
from prompts.template import Message

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
