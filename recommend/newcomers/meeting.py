"""Somebody or something that no recommender has met, and what each can say of it all the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from data.dataset import Dataset, Histories
from data.errors import DataError
from prompts.template import Side
from recommend.features import Bags, bags, categories
from recommend.newcomers.insertion import Insertion
from recommend.newcomers.placing import NewUser, Reach, reach, with_item, with_user
from recommend.protocols import ALIKE
from recommend.reasons.what_if import Ready


def bag_of(dataset: Dataset, side: Side, placed: Insertion | None) -> Bags:
    """Attributes of something new, by the categories of the data; nothing where it has none."""
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
    try:
        told, alike = bag_of(dataset, "item", placed), placed.neighbours[:ALIKE]
        had = np.bincount(histories.items, minlength=dataset.n_items)
        grown = with_item(ready, placed.codes, told, alike, placed.vector, had, placed.said)
    except DataError as error:
        return Met(None, None, str(error))
    return Met(grown, reach(grown, vectors, histories, ready.n_items, k))


def meet_user(ready: Ready, dataset: Dataset, placed: Insertion | None) -> NewUser:
    """A recommender that knows a new user, the number to ask it by, and what it does not know.

    Args:
        ready: The recommender.
        dataset: Whose categories it knows.
        placed: The user's place in the graph; None where nothing is described.
    """
    told = bag_of(dataset, "user", placed)
    if placed is None:
        return with_user(ready, None, told)
    return with_user(ready, placed.codes, told, placed.vector)
