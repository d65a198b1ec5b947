"""A new user or item in a graph that stands, from its codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.errors import DataError
from data.names import with_a
from data.relation import Relation, offsets_of
from graph.latent import LatentGraph


def insert_user(
    graph: LatentGraph,
    codes: Sequence[int] | np.ndarray,
    items: Sequence[int] | np.ndarray = (),
    times: Sequence[int] | np.ndarray | None = None,
) -> LatentGraph:
    """The graph with one more user, whose number is the old `n_users`; nobody else's changes.

    Args:
        graph: Stays as it is.
        codes: (T,) from `Quantizer.assign`, over the codebooks that the graph was built with.
        items: Numbers of items the user interacted with.
        times: Seconds of each; by default in the order given, after everything in the graph.

    Raises:
        DataError: the codes or the items do not fit the graph.

    Source: AutoGraph, appendix A.3.
    """
    own, others = _insert(graph, "user", codes, items, times)
    new = np.append(graph.user_codes, [np.asarray(codes, dtype=np.int32)], axis=0)
    return replace(
        graph, n_users=graph.n_users + 1, user_codes=new, user_item=own, item_user=others
    )


def insert_item(
    graph: LatentGraph,
    codes: Sequence[int] | np.ndarray,
    users: Sequence[int] | np.ndarray = (),
    times: Sequence[int] | np.ndarray | None = None,
) -> LatentGraph:
    """The graph with one more item, whose number is the old `n_items`; see `insert_user`.

    Args:
        graph: Stays as it is.
        codes: (T,) from `Quantizer.assign`.
        users: Numbers of users who interacted with the item.
        times: Seconds of each; by default in the order given, after everything in the graph.

    Raises:
        DataError: the codes or the users do not fit the graph.
    """
    own, others = _insert(graph, "item", codes, users, times)
    new = np.append(graph.item_codes, [np.asarray(codes, dtype=np.int32)], axis=0)
    return replace(
        graph, n_items=graph.n_items + 1, item_codes=new, item_user=own, user_item=others
    )


def find_sharers(
    codes: np.ndarray, own: np.ndarray, likeness: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All of a side that share a factor with somebody new, and how many factors each shares.

    Those that share most come first, and of them those whose texts are most alike.

    Args:
        codes: (n, T) of the side.
        own: (T,) of who is new.
        likeness: (n,) of the texts.
    """
    shared = (codes == own).sum(1)
    order = np.lexsort((-likeness, -shared))
    near = order[shared[order] > 0]
    return near, shared[near]


def update_codes(
    graph: LatentGraph, side: str, node: int, codes: Sequence[int] | np.ndarray
) -> LatentGraph:
    """The graph in which one user or item has other factors, after its text has changed.

    Args:
        graph: Stays as it is.
        side: "user" or "item".
        node: Its number.
        codes: (T,) from `Quantizer.assign`.

    Raises:
        DataError: there is no such node, or the codes do not fit the graph.

    Source: AutoGraph, appendix A.3.
    """
    _check_codes(graph, side, np.asarray(codes))
    _check_partners(np.array([node]), graph.size(side), side)
    changed = graph.codes(side).copy()
    changed[node] = codes
    return (
        replace(graph, user_codes=changed) if side == "user" else replace(graph, item_codes=changed)
    )


def _insert(
    graph: LatentGraph,
    side: str,
    codes: Sequence[int] | np.ndarray,
    partners: Sequence[int] | np.ndarray,
    times: Sequence[int] | np.ndarray | None,
) -> tuple[Relation, Relation]:
    """Both directions of the interactions: of the side that grows, and of the other."""
    _check_codes(graph, side, np.asarray(codes))
    forth, back = graph.user_item, graph.item_user
    if side == "item":
        forth, back = back, forth
    who = np.asarray(partners, dtype=np.int32)
    when = _times(graph, len(who), times)
    _check_partners(who, len(back), "item" if side == "user" else "user")
    order = np.argsort(when, kind="stable")
    return _append(forth, who[order], when[order]), _join(back, who, when, len(forth))


def _append(edges: Relation, targets: np.ndarray, times: np.ndarray) -> Relation:
    """With one more source, whose edges lead to `targets`."""
    return replace(
        edges,
        offsets=np.append(edges.offsets, edges.offsets[-1] + len(targets)),
        targets=np.append(edges.targets, targets),
        times=np.append(edges.moments, times),
    )


def _join(edges: Relation, sources: np.ndarray, times: np.ndarray, target: int) -> Relation:
    """With an edge to one more target from each source, at its place in the source's time."""
    order = np.lexsort((times, sources))
    places = [
        first + np.searchsorted(edges.moments[first:stop], time, "right")
        for first, stop, time in zip(
            edges.offsets[sources[order]],
            edges.offsets[sources[order] + 1],
            times[order],
            strict=True,
        )
    ]
    at = np.array(places, dtype=np.int64)
    return Relation(
        edges.offsets + offsets_of(sources, len(edges)),
        np.insert(edges.targets, at, np.int32(target)),
        target + 1,
        np.insert(edges.moments, at, times[order]),
    )


def _times(graph: LatentGraph, n: int, times: Sequence[int] | np.ndarray | None) -> np.ndarray:
    if times is None:
        after_all = int(graph.user_item.moments.max(initial=-1)) + 1
        return np.arange(after_all, after_all + n, dtype=np.int64)
    when = np.asarray(times, dtype=np.int64)
    if len(when) != n:
        raise DataError(f"There are {n} interactions and {len(when)} times; give one time each.")
    return when


def _check_codes(graph: LatentGraph, side: str, codes: np.ndarray) -> None:
    levels, k = graph.levels(side), graph.k(side)
    if codes.shape != (levels,) or codes.min(initial=0) < 0 or codes.max(initial=0) >= k:
        raise DataError(
            f"The codes {codes.tolist()} do not fit the graph: {with_a(side)} has {levels} codes "
            f"from 0 to {k - 1}. Assign them with the quantiser that the graph was built with."
        )


def _check_partners(partners: np.ndarray, n: int, kind: str) -> None:
    if len(partners) and not (partners.min() >= 0 and partners.max() < n):
        odd = partners[(partners < 0) | (partners >= n)][0]
        raise DataError(f"There is no {kind} {odd}; the graph has the numbers 0 to {n - 1}.")
