"""How near the items are that users will have: the locality score, and what a sample sees of them.

Source: ContextGNN, section 3, eq. 1; shares of lists, coverage and the oracle's bound after "Beyond
Two-Tower, Back to Local".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from data.dataset import Histories
from data.relation import Relation
from graph import HeteroGraph
from recommend.context.recommender import ContextGnn

USERS_AT_ONCE = 64


def locality(
    graph: HeteroGraph, true: Relation, hops: int, users: np.ndarray | None = None
) -> np.ndarray:
    """(hops,) s_1, s_2, …: the mean share of users' true items that are at most k edges away.

    All edges count, whichever way they point and however many there are; users without a true item
    are left out. Whoever makes the graph leaves out what came later (`HeteroGraph.before`).

    Args:
        graph: With nodes of the types user and item.
        true: From all users to their true items.
        hops: The largest k.
        users: (b,) whom to look at; all by default.

    Source: ContextGNN, eq. 1.
    """
    users = np.arange(len(true)) if users is None else np.asarray(users)
    users = users[true.degrees[users] > 0]
    ways = [(key[0], key[2], _matrix(graph.relation(key))) for key in _both_ways(graph)]
    reached = np.zeros(hops)
    for at in range(0, len(users), USERS_AT_ONCE):
        some = users[at : at + USERS_AT_ONCE]
        seen = {
            kind: np.zeros((graph.size(kind), len(some)), np.float32) for kind in graph.schema.types
        }
        seen["user"][some, np.arange(len(some))] = 1
        for k in range(hops):
            grown = {kind: one.copy() for kind, one in seen.items()}
            for source, target, ends in ways:
                grown[target] += ends @ seen[source]
            seen = {kind: (one > 0).astype(np.float32) for kind, one in grown.items()}
            for place, user in enumerate(some):
                reached[k] += seen["item"][true.of(int(user)), place].mean()
    shares: np.ndarray = reached / max(len(users), 1)
    return shares


def _both_ways(graph: HeteroGraph) -> list[tuple[str, str, str]]:
    return [key for edge in graph.schema.edges for key in (edge.key, edge.reverse_key)]


def _matrix(edges: Relation) -> sparse.csr_array:
    """(targets, sources) ones where an edge is."""
    ones = np.ones(len(edges.targets), np.float32)
    shape = len(edges), edges.n_targets
    return sparse.csr_array((ones, edges.targets, edges.offsets), shape=shape).T.tocsr()


@dataclass(frozen=True, slots=True)
class Closeness:
    """What users' samples hold of their lists and of their true items; means over users.

    Attributes:
        near: Items in a sample.
        of_list: Share of the first k items of a list that are in it.
        covered: Share of the true items that are in it, s_k of the sample.
        bound: Recall@k of a list that has the true items in it first, and no others.
        share: What the gate gives to pairs; NaN where there is none.
    """

    near: float
    of_list: float
    covered: float
    bound: float
    share: float


def closeness(
    of: ContextGnn,
    histories: Histories,
    users: np.ndarray,
    true: Relation,
    had: Sequence[Relation],
    k: int,
) -> Closeness:
    """What the samples of users with a true item hold.

    Args:
        of: A recommender.
        histories: Of all users.
        users: (b,) whom to look at.
        true: From all users to their true items.
        had: From all users to items that are in no list.
        k: Items a list.
    """
    users = np.asarray(users)[true.degrees[users] > 0]
    network, rows = of.network, []
    network.eval()
    with torch.inference_mode():
        items = None if network.tower is None else network.item_vectors()
        for some, near in of.surroundings(histories, users):
            scores = network.scores(near, items, None, of.past.n_items)
            inside = torch.zeros_like(scores, dtype=torch.bool)
            inside[near.owners, near.items] = True
            shares = torch.full((len(some),), torch.nan)
            if network.meeting is not None and network.config.meeting == "gate":
                shares = network.meeting(network.read(near, items).users)[:, 0].sigmoid().cpu()
            for row, user in enumerate(some.tolist()):
                out = np.concatenate([one.of(user) for one in had]) if had else np.zeros(0, int)
                scores[row, out.astype(np.int64)] = -torch.inf
                best = scores[row].topk(min(k, scores.shape[1]))
                shown = best.indices[~best.values.isneginf()]
                wanted = torch.from_numpy(true.of(user).astype(np.int64)).to(inside.device)
                met = inside[row, wanted].sum().item()
                rows.append(
                    (
                        inside[row].sum().item(),
                        inside[row, shown].float().mean().item() if len(shown) else 0.0,
                        met / len(wanted),
                        min(met, k) / len(wanted),
                        shares[row].item(),
                    )
                )
    return Closeness(*np.mean(rows, axis=0).tolist())
