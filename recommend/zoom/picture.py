"""A region of interest as it is drawn, and how weights move when the ask does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from recommend.protocols import Region
from recommend.zoom.attention import Around
from recommend.zoom.network import ZoomerNetwork
from recommend.zoom.roi import EGOS, Asks, Near


def picture(network: ZoomerNetwork, asks: Asks) -> Region:
    """The region of a single ask, with what each edge counts."""
    roi = network.region(asks)
    heard = network.hear(asks, roi)
    kinds, numbers = list(EGOS), [int(asks.users[0]), int(asks.queries[0])]
    edges: list[tuple[int, int, float, float, float]] = []

    def add(target: int, at: int, near: Mapping[str, Near], around: Around, row: int) -> None:
        """Neighbours of the node at `target`, which is the `at`-th of its kind there."""
        for kind, one in near.items():
            share = float(around.shares[kind][row])
            for k, number in enumerate(one.numbers[0, at].tolist()):
                if number < 0:
                    continue
                source = len(kinds)
                kinds.append(kind)
                numbers.append(number)
                relevance, weight = one.relevance[0, at, k], around.weights[kind][row, k]
                edges.append((source, target, float(relevance), float(weight), share))

    for place, ego in enumerate(EGOS):
        first = len(kinds)
        add(place, 0, roi[ego], heard[ego].around, 0)
        for kind, one in roi[ego].items():
            for k in range(one.numbers.shape[2]):
                if int(one.numbers[0, 0, k]) >= 0:
                    if kind in heard[ego].beyond:
                        add(first, k, one.beyond, heard[ego].beyond[kind], k)
                    first += 1
    parts = np.array(edges, dtype=np.float64).reshape(len(edges), 5)
    ends = parts[:, :2].astype(np.int64)
    told = (parts[:, n].astype(np.float32) for n in (2, 3, 4))
    return Region(tuple(kinds), np.array(numbers, dtype=np.int64), ends[:, 0], ends[:, 1], *told)


def coupling(network: ZoomerNetwork, ego: str, asks: Asks, nodes: Tensor) -> Tensor:
    """(f, n) how much the ego of each ask hears each of the same items, of all that it hears.

    Source: ZOOMER, section VII-G and figure 13.
    """
    every = nodes.expand(len(asks.users), -1)
    none = torch.zeros_like(every, dtype=torch.float32)
    roi = {
        one: {"item": Near(every[:, None], none[:, None], {})} if one == ego else {} for one in EGOS
    }
    return network.hear(asks, roi)[ego].around.weights["item"]
