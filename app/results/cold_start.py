"""Somebody or something that no recommender has met, and what each can say of it all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.results.insertion import Inserter, Insertion
from app.results.results import Side
from data.columns import DESCRIPTION, TITLE
from data.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from data.dataset import Dataset, Histories
    from recommend.features import Bags
    from recommend.newcomers.placing import NewUser, Reach
    from recommend.reasons.what_if import Ready

LONGEST_TEXT = 20_000
"""Letters of a description that is typed."""


def place_item(
    inserter: Inserter, title: str, text: str, given: Mapping[str, str] | None = None
) -> Insertion:
    """The place of a new item in the graph, from what a person types; no language model is asked.

    Where the experiment states facts, the text is the item's description among them; elsewhere
    it stands for what a model would have written.

    Args:
        inserter: Of the experiment.
        title: How it is called.
        text: What it is, in words.
        given: Further attributes, by column.

    Raises:
        AutoGraphError: nothing is said of it, or an attribute is unknown.
    """
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise DataError(
            "Say what it is, in a few sentences."
            if not text.strip()
            else f"The text has {len(text):,} letters; {LONGEST_TEXT:,} are enough."
        )
    columns = inserter.dataset.items.columns
    known = {**(given or {}), **({TITLE: title} if TITLE in columns and title.strip() else {})}
    if inserter.record.experiment.llm.item.backend == "facts" and DESCRIPTION in columns:
        return inserter.place("item", None, {**known, DESCRIPTION: text})
    return inserter.place("item", text, known)


def place_user(inserter: Inserter, text: str, liked: Sequence[str] = ()) -> Insertion:
    """The place of a new user in the graph, from what a person says of the user.

    Args:
        inserter: Of the experiment.
        text: What is known of the user.
        liked: Ids of items, oldest first.

    Raises:
        AutoGraphError: the text is too long, or an item is unknown.
    """
    if len(text) > LONGEST_TEXT:
        raise DataError(f"The text has {len(text):,} letters; {LONGEST_TEXT:,} are enough.")
    return inserter.place("user", text, {}, liked)


def bag_of(dataset: Dataset, side: Side, placed: Insertion | None) -> Bags:
    """Attributes of something new, by the categories of the data; nothing where it has none."""
    from recommend.features import bags, categories

    table = dataset.users if side == "user" else dataset.items
    row = placed.row if placed is not None else table.clear(1)
    return bags(row, categories(table))


@dataclass(frozen=True, slots=True)
class Met:
    """What a recommender makes of a new item.

    Attributes:
        ready: The recommender, the item in it; None where it cannot know anything of it.
        reach: With whom it would stand how high; None with `ready`.
        why_not: A sentence, where it knows nothing.
    """

    ready: Ready | None
    reach: Reach | None
    why_not: str = ""


def meet_item(
    ready: Ready,
    vectors: Tensor,
    histories: Histories,
    dataset: Dataset,
    placed: Insertion,
    k: int = 10,
) -> Met:
    """What a recommender makes of a new item, for all users.

    Args:
        ready: The recommender.
        vectors: Of all users, from `Ready.everybody(histories)`.
        histories: Items that are not shown again.
        dataset: Whose categories the recommender knows.
        placed: The item.
        k: Length of a list of recommendations.
    """
    from recommend.newcomers.placing import ALIKE, reach, with_item

    try:
        told, alike = bag_of(dataset, "item", placed), placed.neighbours[:ALIKE]
        had = np.bincount(histories.items, minlength=dataset.n_items)
        grown = with_item(ready, placed.codes, told, alike, placed.vector, had)
    except DataError as error:
        return Met(None, None, str(error))
    seen = [histories.of(user) for user in range(len(histories))]
    return Met(grown, reach(grown, vectors, seen, ready.n_items, k))


def meet_user(ready: Ready, dataset: Dataset, placed: Insertion | None) -> NewUser:
    """A recommender that knows a new user, the number to ask it by, and what it does not know.

    Args:
        ready: The recommender.
        dataset: Whose categories it knows.
        placed: The user's place in the graph; None where nothing is described.
    """
    from recommend.newcomers.placing import with_user

    told = bag_of(dataset, "user", placed)
    if placed is None:
        return with_user(ready, None, told)
    return with_user(ready, placed.codes, told, placed.vector)
