"""One request an entity: what is asked of a language model, and the facts it is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from data.dataset import Dataset
from data.split import Split
from prompts.history import HistoryViews
from prompts.template import Message, Side, Template
from prompts.views import ItemViews, UserViews, View


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
