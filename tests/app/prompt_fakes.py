"""A language model that answers at once, counts words as tokens, and remembers whom it saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.experiment.file import load_experiment
from app.pipeline.plan import Plan
from llm.protocol import Reply
from prompts.requests import Request

ASKS = (
    'llm.item={backend="server",model="fake"}',
    'llm.user={backend="server",model="fake"}',
    "llm.gate.enabled=false",  # the fake's answers are short
)
"""Changes to an experiment that has both sides asked of a model."""
ITEM = "---\nside: item\nname: x\nversion: 1\nnote: For tests.\n---\n# user\n{}\n"
USER = ITEM.replace("item", "user")


class Teller:
    """Answers with the first words it was sent; `failing` holds ids it fails on.

    `limit` is how many tokens (words) it can read, and `sizes` how many each id's prompt had.
    """

    leaking = False

    def __init__(self) -> None:
        self.model = "fake"
        self.asked: list[str] = []
        self.failing: set[str] = set()
        self.counts = True
        self.limit: int | None = None
        self.sizes: dict[str, int] = {}
        self.latency_s = 0.5

    def content(self, request: Request) -> Mapping[str, Any]:
        return {"messages": list(request.messages)}

    def count_tokens(self, messages: Sequence[Mapping[str, str]]) -> int | None:
        return sum(len(m["content"].split()) for m in messages) if self.counts else None

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for request in requests:
            self.asked.append(request.entity)
            if request.entity in self.failing:
                yield Reply(request, None, finish_reason="error", error="The line was cut.")
                continue
            text = " ".join(request.messages[-1]["content"].split()[:8])
            size = self.sizes[request.entity] = self.count_tokens(request.messages) or 0
            sizes = size, len(text.split())
            yield Reply(request, f"Said: {text}", *sizes, latency_s=self.latency_s)


def plan_of(experiment: Path, workspace: Path, *changes: str) -> Plan:
    return Plan(load_experiment(str(experiment), [*ASKS, *changes]), workspace)
