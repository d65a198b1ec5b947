"""One request an entity: what is asked of a language model, and the facts it is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.dataset import Dataset
from data.split import Split
from prompts.history import HistoryViews
from prompts.template import Message, Side, Template
from prompts.views import ItemViews


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a language model.

    Attributes:
        side: What is described, "user" or "item".
        entity: Its external id.
        messages: The chat, rendered.
        template: `name@version`.
        facts: JSON-able; what the template saw.
    """

    side: Side
    entity: str
    messages: tuple[Message, ...]
    template: str
    facts: Mapping[str, Any]


def item_requests(dataset: Dataset, template: Template) -> Iterator[Request]:
    """A request an item, in order of the dense numbers, made as it is asked for.

    Templates see `id`, `title`, `year`, `era`, `description` and `attributes`.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    for view in ItemViews(dataset.items):
        facts = {name: value for name, value in view.items() if name != "text"}
        yield _request("item", template, facts)


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
        yield _request("user", template, facts)


def _request(side: Side, template: Template, facts: Mapping[str, Any]) -> Request:
    return Request(side, facts["id"], template.render(facts), template.label, facts)
