"""What a report shows of recommendations: users drawn at random, and why they are shown what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.experiment.cautions import with_signs
from app.experiment.settings import Cell
from app.results.results import Results
from app.results.wording import called
from recommend.reasons.showcase import Asked, Showcase, Why

if TYPE_CHECKING:
    from recommend.reasons.what_if import Ready

SHOWN_HISTORY = 8
SHOWN_LIST = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """One recommended item.

    Attributes:
        rank: Its place.
        title: How it is called.
        gist: What it is, in a line.
        later: Whether the user had it afterwards, which the recommender could not know.
        whys: The strongest reasons, what was measured first.
    """

    rank: int
    title: str
    gist: str
    later: bool
    whys: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """What one user is recommended.

    Attributes:
        name: Of the user.
        about: What is known of the user.
        history: Latest titles, latest first.
        more: Earlier items of the history that are not named.
        later: What the user had afterwards.
        lists: By recommender, what it recommends.
    """

    name: str
    about: str
    history: tuple[str, ...]
    more: int
    later: tuple[str, ...]
    lists: Mapping[str, tuple[Shown, ...]]


def examples(results: Results, cells: Sequence[Cell], people: int, seed: int = 0) -> list[Example]:
    """What users drawn at random are recommended, from their training histories."""
    case, rng = results.showcase, np.random.default_rng(seed)
    n = min(people, case.dataset.n_users)
    users = sorted(rng.choice(case.dataset.n_users, n, replace=False).tolist())
    lists: list[dict[str, tuple[Shown, ...]]] = [{} for _ in users]
    for cell in cells:
        ready = results.ready(cell)
        title = with_signs(called(cell), results.record.marks(cell))
        for user, own in zip(users, lists, strict=True):
            own[title] = tuple(_list(case, ready, user))
    return [_example(case, user, own) for user, own in zip(users, lists, strict=True)]


def _list(case: Showcase, ready: Ready, user: int) -> Iterator[Shown]:
    from recommend.reasons.what_if import best

    history = case.histories.of(user)
    rows = list(best(ready, user, history, SHOWN_LIST).iter_rows(named=True))
    found = case.whys(history, user, [row["item"] for row in rows], Asked(ready, user), 2)
    for row, whys in zip(rows, found, strict=True):
        item = row["item"]
        later = item in case.later[user]
        yield Shown(row["rank"], case.title(item), case.gists[item], later, tuple(whys))


def _example(case: Showcase, user: int, lists: Mapping[str, tuple[Shown, ...]]) -> Example:
    history = case.histories.of(user)[::-1].tolist()
    return Example(
        case.people[user],
        case.about[user],
        tuple(case.title(item) for item in history[:SHOWN_HISTORY]),
        max(len(history) - SHOWN_HISTORY, 0),
        tuple(case.title(item) for item in case.later[user].tolist()),
        lists,
    )
