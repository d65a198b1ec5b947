"""Users and items that no recommender was trained with: who can be asked of them, and what comes.

What a recommender has no way to know is not made up: a plain one knows an item by who had it, and
of a new one at most its attributes. Which recommenders can be asked of newcomers they declare
themselves (`protocols.Grows`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.dataset import Histories
from data.errors import DataError
from recommend.features import Bags
from recommend.model import finite
from recommend.protocols import Code, Grows, Surveys
from recommend.reasons.what_if import Ready

_AT_ONCE = 512
"""Users whose scores exist at a time."""


def with_item(
    ready: Ready,
    codes: Code | None,
    attributes: Bags,
    alike: np.ndarray | None = None,
    vector: np.ndarray | None = None,
    had: np.ndarray | None = None,
    said: np.ndarray | None = None,
) -> Ready:
    """The same recommender with one more item, whose number is the old `n_items`.

    It makes of the item's codes, and of what its text means, what it makes of those of the others.

    Args:
        ready: The recommender.
        codes: (T,) codes of the item on every level; None where nobody reads them.
        attributes: A bag of one item, by the categories that the model was fitted on.
        alike: (m,) the items that it is taken after; the members of its first factor unless given,
            or those whose texts mean most nearly the same.
        vector: (d,) what its text means, as `sources.standardise` gives it.
        had: (n_items,) how often each item was had in training; a model that reads the graph knows
            it itself.
        said: (m,) what its words weigh, where items are compared by words.

    Raises:
        DataError: the recommender cannot know anything of the item.
    """
    if not isinstance(ready.answers, Grows):
        raise DataError(f"{ready.name} can say nothing about a new item: it takes none.")
    grown = ready.answers.with_item(codes, attributes, alike, vector, had, said)
    return replace(ready, answers=grown)


class NewUser(NamedTuple):
    """A recommender that can be asked for a user whom it was not trained with.

    Attributes:
        ready: The recommender.
        number: To ask it by.
        note: A sentence, where what its enhancer says of the user is the average of all others.
    """

    ready: Ready
    number: int
    note: str


def with_user(
    ready: Ready, codes: Code | None, attributes: Bags, vector: np.ndarray | None = None
) -> NewUser:
    """The same recommender with one more user.

    A history does most of the work, and has to be given when the user is scored. The enhancer makes
    of codes and text what it makes of those of the others; where it has no way to know the user,
    the average of all others stands in, and `note` says so.

    Args:
        ready: The recommender.
        codes: (T,) codes of the user on every level; None where nothing is described.
        attributes: A bag of one user, by the categories that the model was fitted on.
        vector: (d,) what the user's text means, as `sources.standardise` gives it; None likewise.

    Raises:
        DataError: the recommender takes no new users.
    """
    if not isinstance(ready.answers, Grows):
        raise DataError(f"{ready.name} can say nothing to a new user: it takes none.")
    grown, number, note = ready.answers.with_user(codes, attributes, vector)
    return NewUser(replace(ready, answers=grown), number, note)


@dataclass(frozen=True, slots=True)
class Reach:
    """Who would be shown an item.

    Attributes:
        ranks: (n_users,) int64, where the item would stand among all that each user has not had.
        k: Length of a list of recommendations.
    """

    ranks: np.ndarray
    k: int

    @property
    def shown(self) -> int:
        """Users in whose first k it stands."""
        return int((self.ranks <= self.k).sum())

    def first(self, n: int) -> np.ndarray:
        """(n,) users with whom it stands highest, best first."""
        best: np.ndarray = np.argsort(self.ranks, kind="stable")[:n]
        return best


def reach(ready: Ready, vectors: Tensor, histories: Histories, item: int, k: int) -> Reach:
    """With whom an item would stand how high; equal scores are ranked in order of their numbers.

    Args:
        ready: The recommender, the item in it.
        vectors: (n_users, interests, d) from `Ready.everybody`.
        histories: Of all users; what each had is not ranked.
        item: Its number.
        k: Length of a list of recommendations.
    """
    assert isinstance(ready.answers, Surveys)
    ranks = []
    with torch.inference_mode():
        for at, block in enumerate(torch.split(vectors, _AT_ONCE)):
            users = np.arange(len(block)) + at * _AT_ONCE
            scores = finite(ready.answers.scored(block, histories, users).cpu())  # (b, n_items)
            own, number = scores[:, item : item + 1], torch.arange(scores.shape[1])
            above = (scores > own) | ((scores == own) & (number < item))
            had = [histories.of(int(user)) for user in users]
            rows = np.repeat(np.arange(len(had)), [len(one) for one in had])
            above[torch.from_numpy(rows), torch.from_numpy(np.concatenate(had)).long()] = False
            ranks.append(1 + above.sum(1).numpy())
    return Reach(np.concatenate(ranks), k)
