"""What an export keeps of ZOOMER, so that it is asked without torch; see `recommend.serve.kept`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from data.dataset import Histories
from data.relation import Relation, offsets_of
from recommend.serve.kept import EGOS, Kept
from recommend.serve.neighbours import LAST
from recommend.zoom.past import own_settings
from recommend.zoom.recommender import Zoomer

USERS, BEST = 500, 10
"""Over so many users the best items are compared, and so many of these."""


def why_not(made: Zoomer) -> str:
    """Why it cannot be asked without torch, in a sentence; "" where it can."""
    hops = own_settings(made.config).hops
    if hops != 1:
        return (
            f"This ZOOMER reads {hops} hops, and the last neighbours that are kept are one: train "
            "one with hops = 1 to ask it for something."
        )
    return ""


def arrays_of(
    made: Zoomer, past: Histories, last: int = LAST
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and settings of `Kept`.

    Args:
        made: Whose region is of one hop.
        past: What each user had.
        last: Most neighbours that are kept of each.
    """
    own, network = own_settings(made.config), made.network
    network.eval()
    with torch.inference_mode():
        tables = {
            kind: network.vectors(kind, torch.arange(n, device=network.device)).cpu().numpy()
            for kind, n in network.sizes.items()
        }
    users = tables["user"]
    arrays = {**tables, "user": np.concatenate([users, users.mean(0, keepdims=True)])}
    pairs = [pair for pair in made.past.next_to if pair[0] in EGOS]
    weights = {name: of.cpu().numpy() for name, of in network.state_dict().items()}
    for ego, other in pairs:
        arrays[f"{ego} {other}.asked"] = weights[f"hearing.{ego}.asked.{other}"]
    for name, layer in (("inner", 0), ("outer", 2)):
        arrays[name] = weights[f"asking.{layer}.weight"]
        arrays[f"{name}.bias"] = weights[f"asking.{layer}.bias"]
    for ego, other in pairs:
        if (ego, other) != ("user", "item") and not (ego == "user" and made.past.codes is not None):
            offsets, targets = _last_of(made.past.next_to[ego, other], last)
            arrays |= {f"{ego} {other}.offsets": offsets, f"{ego} {other}.targets": targets}
    usual = made.query_after(past, np.arange(len(past)))
    nobody = np.full((1, 1), -1)
    stranger = (
        made.past.query_said(nobody)
        if made.past.codes is None
        else made.past.query_before(np.zeros(1, np.int64), nobody[0])
    )
    arrays["usual"] = np.append(usual, stranger).astype(np.int32)
    if made.past.codes is not None:
        arrays["codes"] = made.past.codes.astype(np.int32)
    return arrays, {
        "pairs": [list(pair) for pair in pairs],
        **{"edge": own.edge, "together": own.norm == "all", "own": own.own, "last": last},
    }


def _last_of(relation: Relation, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and targets of the last neighbours of each node, the latest first."""
    lengths = np.minimum(relation.degrees, last)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    offsets = offsets_of(rows, len(lengths))
    within = np.arange(len(rows)) - offsets[:-1][rows]
    return offsets, relation.targets[relation.offsets[1:][rows] - 1 - within].astype(np.int32)


def agreement(
    made: Zoomer,
    past: Histories,
    targets: np.ndarray,
    arrays: dict[str, np.ndarray],
    about: dict[str, Any],
) -> dict[str, Any]:
    """How answers from kept neighbours differ from those of the whole model, measured.

    Args:
        made: The whole model.
        past: Training interactions, which both know alone here.
        targets: (n_users,) what each took next.
        arrays: As `arrays_of` gives them.
        about: Likewise.

    Returns:
        Over `users`, the share of the best 10 that both have: of what is taken to be asked for,
        and of a query drawn for each; and NDCG@10 of what each took next, where nothing is said.
    """
    users = np.flatnonzero(past.lengths > 0)
    users = users[:: max(1, -(-len(users) // USERS))]
    kept, items = Kept(arrays, about, past), made.base_items
    usual = made.query_after(past, users)
    drawn = np.random.default_rng(0).integers(0, made.n_queries, len(users))
    told: dict[str, Any] = {"users": len(users), "k": BEST}
    for name, queries in (("usual", usual), ("drawn", drawn)):
        pairs = list(zip(users.tolist(), queries.tolist(), strict=True))
        ours = kept.vectors([kept.near(user, None, query) for user, query in pairs])
        both = [
            _best(vectors, items, past, users)
            for vectors in (made.asking(users, queries, past), ours)
        ]
        same = [len(np.intersect1d(*rows)) for rows in zip(*both, strict=True)]
        told[f"overlap@{BEST} of {name}"] = float(np.mean(same)) / BEST
        if name == "usual":
            for which, best in zip(("whole", "kept"), both, strict=True):
                told[f"ndcg@{BEST} of {which}"] = _ndcg(best, targets[users])
    return told


def _best(vectors: np.ndarray, items: np.ndarray, past: Histories, users: np.ndarray) -> np.ndarray:
    """(b, 10) the best items that were not had."""
    found = []
    for vector, user in zip(vectors, users.tolist(), strict=True):
        scores = items @ vector
        scores[past.of(user)] = -np.inf
        near = np.sort(np.argpartition(-scores, min(BEST, len(scores)) - 1)[:BEST])
        found.append(near[np.argsort(-scores[near], kind="stable")])
    return np.stack(found)


def _ndcg(best: np.ndarray, targets: np.ndarray) -> float:
    """The mean of 1 / log2(1 + rank) of the one item that counts; 0 where it is not there."""
    found = best == targets[:, None]
    return float((found / np.log2(2 + np.arange(best.shape[1]))).sum(1).mean())
