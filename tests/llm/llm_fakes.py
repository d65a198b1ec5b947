"""Requests by hand, and a backend fed from a queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llm.protocol import Reply
from prompts.requests import Request


class QueueBackend:
    """Answers from a queue: a text, or a Reply's fields; records whom it was asked about."""

    leaking = False

    def __init__(self, answers: Iterable[str | Mapping[str, Any]], model: str = "fake") -> None:
        self.model = model
        self.answers = deque(answers)
        self.asked: list[str] = []

    def content(self, request: Request) -> Mapping[str, Any]:
        return {"messages": list(request.messages)}

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for request in requests:
            self.asked.append(request.entity)
            answer = self.answers.popleft()
            yield Reply(request, answer) if isinstance(answer, str) else Reply(request, **answer)


def request(entity: str, content: str | None = None) -> Request:
    """A request for one item."""
    message = {"role": "user", "content": content or f"Who is {entity}?"}
    return Request("item", entity, (message,), "test@1", {"id": entity})
