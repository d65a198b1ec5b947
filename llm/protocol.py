"""What every language model, or what stands in for one, looks like to the knowledge stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from prompts.requests import Request
from prompts.template import Message


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or the reason why there is none.

    Attributes:
        request: What was asked.
        text: The answer; None where there is none.
        tokens_in: Prompt tokens, 0 where none were counted.
        tokens_out: Completion tokens, 0 where none were counted.
        latency_s: Seconds from sending to the last token.
        finish_reason: As the model states it: "stop", "length", …; "error" where it states none.
        attempts: Calls that this reply took.
        error: A sentence with the reason of a failure; None for an answer.
    """

    request: Request
    text: str | None
    tokens_in: int = 0
    tokens_out: int = 0
    latency_s: float = 0.0
    finish_reason: str = "stop"
    attempts: int = 1
    error: str | None = None


class Backend(Protocol):
    """One way to have entities described.

    `generate` is given requests lazily and may be given millions: it reads ahead no further than
    it has calls in flight, and yields each reply as soon as it is there, in any order. A failed
    request is a reply with an `error`, never an exception. An exception ends the run: for what no
    further request could survive, such as a wrong key. The iterator of requests may be advanced
    from one other thread at a time.
    """

    @property
    def model(self) -> str:
        """Who answers, as results show it; the same name must mean the same answers."""
        ...

    @property
    def leaking(self) -> bool:
        """Whether its texts are known to have seen valid or test interactions."""
        ...

    def content(self, request: Request) -> Mapping[str, Any]:
        """JSON-able: all that the answer depends on, such as messages and sampling."""
        ...

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """A reply a request, in order of completion."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A backend that knows how long a prompt may be, so that histories can be cut to fit."""

    @property
    def limit(self) -> int | None:
        """Tokens that a prompt may have; None where that is not known."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int | None:
        """Tokens of a chat as the model is given it; None where it cannot tell."""
        ...


@runtime_checkable
class Recorded(Protocol):
    """A backend whose texts are there before anybody asks, under the ids of some data."""

    def check_ids(self, side: str, ids: Sequence[str]) -> None:
        """Nothing, if any of these users or items has a text.

        Raises:
            DataError: none has.
        """
        ...


@runtime_checkable
class Resuming(Protocol):
    """A backend that may hold answers of a run that ended before they were stored."""

    def leftover_replies(self) -> Iterator[tuple[str, str, Reply]]:
        """Key, model and reply of each; one that was drawn and followed by another is stored."""
        ...


def request_key(backend: Backend, request: Request) -> str:
    """64 hex digits: the SHA-256 of canonical JSON of `{model, sent}`."""
    described = {"model": backend.model, "sent": backend.content(request)}
    canonical = json.dumps(described, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()
