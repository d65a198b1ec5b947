"""Why this item? The metapath instances that lead from a user to it, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data.columns import ITEM_ID, TITLE
from data.dataset import Dataset
from data.split import Split
from graph import LatentGraph

NAMED = 3
"""Items of the history that one sentence names."""


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
    """

    metapath: str
    through: tuple[int, ...]
    factor: int
    label: str
    weight: float
    sentence: str


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
    found = [
        *_shared_factors(graph, dataset, history, item),
        *_similar_users(graph, user, item),
        *_co_interactions(graph, dataset, history, user, item),
    ]
    return sorted(found, key=lambda reason: -reason.weight)[:limit]


def _shared_factors(
    graph: LatentGraph, dataset: Dataset, history: np.ndarray, item: int
) -> Iterable[Reason]:
    """`user > item > item_factor > item`: items of the history that share a factor with it."""
    for level, code in enumerate(graph.item_codes[item]):
        members = graph.item_codes[:, level] == code
        shared = [int(i) for i in history[::-1] if members[i] and i != item]
        if not shared:
            continue
        factor = level * graph.item_k + int(code)
        label = graph.item_labels[factor]
        named = _listed(_title(dataset, i) for i in dict.fromkeys(shared))
        called = f"the factor ‘{label}’" if label else f"item factor {level}.{code}"
        sentence = f"You liked {named}; {_share(len(set(shared)))} {called} with it."
        weight = np.log2(graph.n_items / members.sum()) * len(shared) / len(history)
        path = "user > item > item_factor > item"
        yield Reason(path, tuple(dict.fromkeys(shared)), factor, label, float(weight), sentence)


def _similar_users(graph: LatentGraph, user: int, item: int) -> Iterable[Reason]:
    """`user > user_factor > user > item`: people of the same taste who had it."""
    had = _others(graph, user, item)
    for level, code in enumerate(graph.user_codes[user]):
        members = graph.user_codes[:, level] == code
        alike = int(members[had].sum())
        expected = members.sum() / graph.n_users
        if alike == 0 or alike / len(had) <= expected:
            continue
        factor = level * graph.user_k + int(code)
        label = graph.user_labels[factor]
        people = "person" if alike == 1 else "people"
        called = f"is ‘{label}’" if label else f"lies in user factor {level}.{code}"
        sentence = f"{alike} {people} whose taste {called}, like yours, chose it."
        weight = np.log2(alike / len(had) / expected) * alike / max(int(members.sum()) - 1, 1)
        yield Reason("user > user_factor > user > item", (), factor, label, float(weight), sentence)


def _co_interactions(
    graph: LatentGraph, dataset: Dataset, history: np.ndarray, user: int, item: int
) -> Iterable[Reason]:
    """`user > item > user > item`: people who had items of the history had this one too."""
    had = _others(graph, user, item)
    if not len(had) or not len(history):
        return
    counts = {int(i): int(np.isin(had, graph.item_user.of(int(i))).sum()) for i in history}
    counts = {i: n for i, n in counts.items() if n and i != item}
    best = sorted(counts, key=lambda i: -(counts[i] ** 2) / len(graph.item_user.of(i)))[:NAMED]
    if not best:
        return
    both = counts[best[0]]
    popularity = len(np.unique(graph.item_user.of(best[0]))) / graph.n_users
    lift = both / len(had) / max(popularity, 1e-12)
    if lift <= 1:
        return
    share = round(100 * both / len(had))
    sentence = f"{share} % of those who chose it also chose {_title(dataset, best[0])}, as you did."
    weight = float(np.log2(lift) * both / len(had) / len(history) ** 0.5)
    yield Reason("user > item > user > item", tuple(best), -1, "", weight, sentence)


def _others(graph: LatentGraph, user: int, item: int) -> np.ndarray:
    """Each other user who had the item, once."""
    had = np.unique(graph.item_user.of(item))
    others: np.ndarray = had[had != user]
    return others


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


def _share(n: int) -> str:
    return "it shares" if n == 1 else "they share"
