"""Prompts that fit: the oldest items of a history go first, the instruction never."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from prompts.requests import Request
from prompts.template import Message, Template

Count = Callable[[Sequence[Message]], int | None]
"""Tokens of a chat; None where they cannot be counted."""


def fitted(
    requests: Iterable[Request], template: Template, count: Count, limit: int
) -> Iterator[Request]:
    """The same requests; a history that is too long for the model loses its oldest items.

    A request that does not fit without any history either is left as it is: the model refuses it
    with its reason.

    Args:
        requests: Rendered from `template`; read lazily.
        template: Renders again.
        count: Tokens of messages.
        limit: Tokens that a prompt may have.
    """
    for request in requests:
        small = sum(len(m["content"].encode()) + 16 for m in request.messages) <= limit
        fits = small or (count(request.messages) or 0) <= limit
        yield request if fits else _shortened(request, template, count, limit)


def _shortened(request: Request, template: Template, count: Count, limit: int) -> Request:
    """With as many of the latest items as fit, found by bisection."""
    history = request.facts.get("history", ())
    best, low, high = request, 0, len(history) - 1
    while low <= high:
        kept = (low + high) // 2
        facts = {**request.facts, "history": history[len(history) - kept :], "shown": kept}
        messages = template.render(facts)
        if (count(messages) or 0) <= limit:
            best, low = replace(request, messages=messages, facts=facts), kept + 1
        else:
            high = kept - 1
    return best
