"""Why this item? The metapath instances that lead from a user to it, drawn and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from data.columns import ITEM_ID, TITLE
from data.dataset import Dataset
from data.split import Split
from graph import LatentGraph

NAMED = 3
"""Items of the history that one sentence names."""
SHOWN = 5
"""Nodes of a kind that one step of a path holds."""
Node = tuple[str, int]
"""Type and number."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One way from a user to an item through the graph.

    Attributes:
        metapath: Its type, such as `user > item > item_factor > item`.
        through: Dense numbers of the history's items on the way, most recent first.
        factor: Number of the factor node that is crossed, -1 where none is.
        label: What that factor means.
        weight: How rare the connection is: bits of surprise that the item lies on it, times the
            share of the history that does. Reasons are ordered by it.
        sentence: The same in words.
        steps: Nodes of the way, a step of the metapath each: user first, item last, at most
            `SHOWN` in each; every node has an edge to all shown ones of the next step.
        people: How many other users the way leads through; `steps` holds some of them.
    """

    metapath: str
    through: tuple[int, ...]
    factor: int
    label: str
    weight: float
    sentence: str
    steps: tuple[tuple[Node, ...], ...]
    people: int = 0


def explain(
    graph: LatentGraph, dataset: Dataset, split: Split, user: int, item: int, limit: int = 3
) -> list[Reason]:
    """The strongest reasons to show `item` to `user`, drawn from training edges alone.

    They say how the graph connects the two, not how much each path moved the model's score.

    Args:
        graph: The latent-factor graph.
        dataset: For names.
        split: Whose training history is the user's.
        user: Dense user number.
        item: Dense item number.
        limit: Reasons at most.
    """
    history = split.histories(dataset).of(user)
    return explain_history(graph, dataset, history, user, item, limit)


def explain_history(
    graph: LatentGraph,
    dataset: Dataset,
    history: np.ndarray,
    user: int,
    item: int,
    limit: int = 3,
) -> list[Reason]:
    """The strongest reasons for a user who has done something else than the graph knows.

    Args:
        graph: The latent-factor graph; it may hold a user and an item that were inserted.
        dataset: For names of the items in the history.
        history: (n,) items that the user is taken to have had, oldest first.
        user: Number of the user, whose factors are the graph's; one beyond its users has none.
        item: Number of the item.
        limit: Reasons at most.
    """
    found = [
        *_shared_factors(graph, dataset, history, user, item),
        *_similar_users(graph, user, item),
        *_co_interactions(graph, dataset, history, user, item),
    ]
    return sorted(found, key=lambda reason: -reason.weight)[:limit]


def _shared_factors(
    graph: LatentGraph, dataset: Dataset, history: np.ndarray, user: int, item: int
) -> Iterator[Reason]:
    """`user > item > item_factor > item`: items of the history that share a factor with it."""
    for level, code in enumerate(graph.item_codes[item]):
        members = graph.item_codes[:, level] == code
        times = [int(i) for i in history[::-1] if members[i] and i != item]
        if not times:
            continue
        shared = tuple(dict.fromkeys(times))
        factor = level * graph.item_k + int(code)
        label = graph.item_labels[factor]
        named = _listed(_title(dataset, i) for i in shared)
        has = "has" if len(shared) == 1 else "have"
        common = f"‘{label}’ in common with it" if label else "a description like its own"
        weight = np.log2(graph.n_items / members.sum()) * len(times) / len(history)
        yield Reason(
            "user > item > item_factor > item",
            shared,
            factor,
            label,
            float(weight),
            f"You liked {named}, which {has} {common}.",
            _way(user, ("item", shared), ("item_factor", [factor]), item),
        )


def _similar_users(graph: LatentGraph, user: int, item: int) -> Iterator[Reason]:
    """`user > user_factor > user > item`: people of the same taste who had it."""
    if user >= graph.n_users:
        return
    had = _others(graph, user, item)
    for level, code in enumerate(graph.user_codes[user]):
        members = graph.user_codes[:, level] == code
        alike = had[members[had]]
        expected = members.sum() / graph.n_users
        share = len(alike) / max(len(had), 1)
        if len(alike) == 0 or share <= expected:
            continue
        factor = level * graph.user_k + int(code)
        label = graph.user_labels[factor]
        taste = f"whose taste is ‘{label}’, like yours," if label else "of a taste like yours"
        yield Reason(
            "user > user_factor > user > item",
            (),
            factor,
            label,
            float(np.log2(share / expected) * len(alike) / max(int(members.sum()) - 1, 1)),
            f"{len(alike):,} {_people(len(alike))} {taste} chose it.",
            _way(user, ("user_factor", [factor]), ("user", alike), item),
            len(alike),
        )


def _co_interactions(
    graph: LatentGraph, dataset: Dataset, history: np.ndarray, user: int, item: int
) -> Iterator[Reason]:
    """`user > item > user > item`: people who had items of the history had this one too."""
    had = _others(graph, user, item)
    if not len(had) or not len(history):
        return
    has = np.zeros(graph.n_users, dtype=bool)
    has[had] = True
    who = {int(i): graph.item_user.of(int(i)) for i in history if i != item}
    both = {i: np.unique(users[has[users]]) for i, users in who.items()}
    met = [i for i, users in both.items() if len(users)]
    best = sorted(met, key=lambda i: -(len(both[i]) ** 2) / len(graph.item_user.of(i)))[:NAMED]
    if not best:
        return
    share = len(both[best[0]]) / len(had)
    lift = share / max(len(np.unique(who[best[0]])) / graph.n_users, 1e-12)
    if lift <= 1:
        return
    yield Reason(
        "user > item > user > item",
        tuple(best),
        -1,
        "",
        float(np.log2(lift) * share / len(history) ** 0.5),
        f"{round(100 * share)} % of those who chose it also chose "
        f"{_title(dataset, best[0])}, as you did.",
        _way(user, ("item", best[:1]), ("user", both[best[0]]), item),
        len(both[best[0]]),
    )


def _others(graph: LatentGraph, user: int, item: int) -> np.ndarray:
    """Each other user who had the item, once."""
    had = np.unique(graph.item_user.of(item))
    others: np.ndarray = had[had != user]
    return others


def _way(
    user: int,
    first: tuple[str, Iterable[int]],
    second: tuple[str, Iterable[int]],
    item: int,
) -> tuple[tuple[Node, ...], ...]:
    """The steps of a path of four."""
    between = (
        tuple((kind, int(number)) for number in list(numbers)[:SHOWN])
        for kind, numbers in (first, second)
    )
    return ((("user", user),), *between, (("item", item),))


def _title(dataset: Dataset, item: int) -> str:
    row = dataset.items.row(item, named=True)
    return f"“{row.get(TITLE) or row[ITEM_ID]}”"


def _listed(names: Iterable[str]) -> str:
    """“A”, “B” and 3 more."""
    every = list(names)
    shown = every[:NAMED]
    if len(every) > NAMED:
        return f"{', '.join(shown)} and {len(every) - NAMED} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _people(n: int) -> str:
    return "person" if n == 1 else "people"
