"""What an export can truly say of why an item is shown: what is shared, counted, and moved.

No reason here guesses: an attribute stands in both, people are counted over the histories of the
export, and what moved the score is found by asking again with an item of the history left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.dataset import Histories
from recommend.serve.terms import Terms

TRIED = 20
"""Items of a history that are left out in turn at most, the latest."""
TOLD = 3
"""Reasons of each kind at most."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Where an item would stand without one of the history.

    Attributes:
        without: Id of the item that is left out.
        rank: Its rank then; what is left out does not count.
    """

    without: str
    rank: int


@dataclass(frozen=True, slots=True)
class Why:
    """Why an item is shown, or would be.

    Attributes:
        item: Its id.
        score: Its score; None where the export has none.
        rank: Its rank among all that was not had, best = 1; None likewise.
        reasons: Sentences, each of which is true by counting.
        moved: What the score owes to items of the history, what moved it most first.
        notes: What is to be known of it, in sentences.
    """

    item: str
    score: float | None
    rank: int | None
    reasons: tuple[str, ...]
    moved: tuple[Moved, ...] = ()
    notes: tuple[str, ...] = ()


def shared_attributes(
    terms: Terms, item: int, history: np.ndarray, name: Callable[[int], str]
) -> list[str]:
    """What the item and items of a history both have, in sentences."""
    others = np.unique(history[history != item]).tolist()
    told = []
    for attribute, value, count in terms.shared(item, others)[:TOLD]:
        own = [other for other in others if f"{attribute}\x00{value}" in terms.of_items[other]]
        of = f"{name(own[0])} has" if count == 1 else f"{count} items of the history have"
        told.append(f"{attribute}: {value}. It has this, and so {of}.")
    return told


def had_together(
    owners: tuple[np.ndarray, np.ndarray],
    item: int,
    history: np.ndarray,
    user: int | None,
    name: Callable[[int], str],
) -> list[str]:
    """How many of those who had an item of a history had this one, too, in sentences.

    Args:
        owners: (n_items + 1,) and (n,): who had each item, as offsets and user numbers.
        item: That is explained.
        history: Items of the one who asks.
        user: Who asks and is not counted; None for a stranger.
        name: What an item is called.
    """
    theirs = _who(owners, item, user)
    counts = []
    for other in np.unique(history[history != item]).tolist():
        had = _who(owners, other, user)
        both = len(np.intersect1d(had, theirs, assume_unique=True))
        if both:
            counts.append((both / len(had) ** 0.5, both, len(had), other))
    counts.sort(key=lambda one: (-one[0], one[3]))
    return [
        f"{both} of the {n} others who had {name(other)} had this, too."
        if n > 1
        else f"The one other who had {name(other)} had this, too."
        for _, both, n, other in counts[:TOLD]
    ]


def _who(owners: tuple[np.ndarray, np.ndarray], item: int, user: int | None) -> np.ndarray:
    offsets, users = owners
    found: np.ndarray = np.unique(users[offsets[item] : offsets[item + 1]])
    return found if user is None else found[found != user]


def owners_of(past: Histories, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    """(n_items + 1,) and (n,) int: who had each item, as offsets and user numbers."""
    users = np.repeat(np.arange(len(past), dtype=np.int32), past.lengths)
    order = np.argsort(past.items, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(past.items, minlength=n_items))])
    return offsets, users[order]


def rank_of(scores: np.ndarray, item: int, had: np.ndarray) -> int:
    """The rank of an item among all that is not had, best = 1; of equals the smaller number."""
    others = np.ones(len(scores), bool)
    others[had] = False
    others[item] = False
    above = (scores > scores[item]) | ((scores == scores[item]) & (np.arange(len(scores)) < item))
    return 1 + int((above & others).sum())
