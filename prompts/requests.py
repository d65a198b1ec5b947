"""One request an entity; where it must be shorter, the oldest of a history go first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from data.dataset import Dataset
from data.split import Split
from prompts.history import HistoryViews
from prompts.template import Message, Side, Template
from prompts.views import ItemViews, UserViews, View

Count = Callable[[Sequence[Message]], int | None]
"""Tokens of a chat; None where they cannot be counted."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a language model.

    Attributes:
        side: What is described, "user" or "item".
        entity: Its external id.
        messages: The chat, rendered.
        template: `name@version`.
        facts: JSON-able; what the template saw.
        schema: JSON schema that the answer must follow; None for free text.
        warmer: Added to the temperature, where an earlier answer was rejected.
    """

    side: Side
    entity: str
    messages: tuple[Message, ...]
    template: str
    facts: Mapping[str, Any]
    schema: Mapping[str, Any] | None = None
    warmer: float = 0.0


def item_requests(dataset: Dataset, template: Template) -> Iterator[Request]:
    """A request an item, in order of the dense numbers, made as it is asked for.

    Templates see `id`, `title`, `year`, `era`, `description` and `attributes`.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    for view in ItemViews(dataset.items):
        yield request_of("item", template, item_facts(view))


def item_facts(view: View) -> View:
    """What templates see of an item: not the text that they are to give."""
    return View({name: value for name, value in view.items() if name != "text"}, view.entity)


def user_requests(
    dataset: Dataset,
    split: Split,
    template: Template,
    history: int,
    item_texts: Sequence[str | None] | None = None,
) -> Iterator[Request]:
    """A request a user, in order of the dense numbers, made as it is asked for.

    Only training rows are read: nothing held out, at whatever second, can show. Templates see
    `id`, `attributes`, `profile`, `history` (items, oldest first, each with its `weight`), `shown`,
    `total`, `recent`, `favourites`, `traits` and `themes`.

    Args:
        dataset: Whose users are described.
        split: Names the training rows.
        template: Of the user side.
        history: Most recent items that are shown; traits and themes draw on all of them.
        item_texts: Knowledge text of item k at place k; themes are their distinguishing words.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    for facts in HistoryViews(dataset, split, history, item_texts):
        yield request_of("user", template, facts)


def new_user_request(
    dataset: Dataset,
    template: Template,
    views: HistoryViews,
    user: pl.DataFrame,
    items: Sequence[int],
    weights: Sequence[float] | None = None,
) -> Request:
    """The request of a user whom the data set does not hold, as `user_requests` would make it.

    Args:
        dataset: Whose items the history is of.
        template: Of the user side.
        views: Of the training rows, against which the history is compared.
        user: One row with columns of `dataset.users`; attributes may be missing.
        items: Dense item numbers, oldest first.
        weights: Strength of each interaction; by default all alike.

    Raises:
        TemplateError: the template does not fit the data set.

    Source: AutoGraph, appendix A.3.
    """
    table = pl.concat([dataset.users, user], how="diagonal_relaxed")
    strengths = np.asarray(weights if weights is not None else np.ones(len(items)))
    facts = views.of(UserViews(table)[table.height - 1], np.asarray(items, np.int32), strengths)
    return request_of("user", template, facts)


def request_of(side: Side, template: Template, facts: View) -> Request:
    """The request about one entity, under its external id as it is.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    messages = template.render(facts)
    return Request(side, facts.entity, messages, template.label, facts, template.schema)


def fit_histories(
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
        yield request if fits else _shorten(request, template, count, limit)


def _shorten(request: Request, template: Template, count: Count, limit: int) -> Request:
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
