"""The best items of users by an index of item vectors and the pairs near them, without all scores.

Source: ContextGNN, section 4.3: "we obtain top scores from the two-tower model via (approximate)
maximum inner product search, and merge them to the pair-wise scores".
"""

from __future__ import annotations

import numpy as np
import torch

from recommend.context.network import ContextNetwork, Near
from recommend.nearest import Nearest


def index_of(network: ContextNetwork) -> Nearest:
    """An exact index of the item vectors that the network has now.

    It does not hear of further training: make another one then.
    """
    with torch.inference_mode():
        return Nearest(network.item_vectors().cpu().numpy())


def merged_top(
    network: ContextNetwork, near: Near, index: Nearest, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """(b, k) int64 best items of users, best first, and their (b, k) float32 scores.

    The index is asked for as many more items as are near any of the users, so that k are left when
    those near are taken out of its answer: with an exact index they are those of all scores.

    Args:
        network: Of pairs and towers.
        near: Surroundings of the users.
        index: `index_of` the same network.
        k: Items a user.
    """
    with torch.inference_mode():
        items = network.item_vectors()
        read = network.read(near, items)
        pair = network.pairs(read, near, items)
        assert read.wishes is not None
        queries = read.wishes.cpu().numpy()
    n, b = len(index), len(queries)
    if pair is None:
        scores, found = index.search(queries, min(k, n))
        return found, scores
    owners, close = near.owners.cpu().numpy(), near.items.cpu().numpy()
    most = int(np.bincount(owners, minlength=b).max(initial=0))
    far_scores, far = index.search(queries, min(k + most, n))
    codes = np.arange(b)[:, None] * np.int64(n) + far
    outside = ~np.isin(codes, owners * np.int64(n) + close) & (far >= 0)
    rows = np.concatenate([np.nonzero(outside)[0], owners])
    every = np.concatenate([far[outside], close])
    scores = np.concatenate([far_scores[outside], pair.cpu().numpy()])
    order = np.lexsort((-scores, rows))
    starts = np.searchsorted(rows[order], np.arange(b))
    best = order[starts[:, None] + np.arange(min(k, n))]
    return every[best], scores[best]
