"""The weights of ZOOMER: a tower of who asks for what, and one of items by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graph.hetero import HeteroGraph
from recommend.sequence.dropout import Dropout
from recommend.settings.zoomer import ZoomerConfig
from recommend.zoom.attention import Around, Hearing, project
from recommend.zoom.features import TERMS, Known
from recommend.zoom.past import KINDS, Past
from recommend.zoom.roi import EGOS, Asks, Near, Regions, Roi, compact


@dataclass(frozen=True, slots=True)
class Heard:
    """What an ego heard in its region.

    Attributes:
        around: Of the ego itself.
        beyond: Of its neighbours, by type; (b k) rows. None where they are heard as they are.
    """

    around: Around
    beyond: Mapping[str, Around]


class ZoomerNetwork(nn.Module):
    """Features of nodes, attention around user and query, and two towers.

    Attributes:
        attention: Where attention is; `only` has it for a while elsewhere.
        had: (n_items,) int64 how many users had each item in training.
    """

    had: Tensor

    def __init__(self, own: ZoomerConfig, width: int, past: Past, dropout: float = 0.0) -> None:
        """Fresh weights over a past.

        Args:
            own: Settings.
            width: d, channels of every vector.
            past: What it knows.
            dropout: Share of channels of a node's features that training drops.
        """
        super().__init__()
        self.own, self.attention = own, own.attention
        self.sizes = dict(past.features.sizes)
        words = {
            int(bags[TERMS].n_categories[0])
            for bags in past.features.bags.values()
            if TERMS in bags
        }
        table = nn.Embedding(max(words), width) if words else None
        if table is not None:
            nn.init.normal_(table.weight, std=width**-0.5)
        self.known = nn.ModuleDict(
            {
                kind: Known(self.sizes[kind], past.features.bags.get(kind, {}), table, width)
                for kind in KINDS
            }
        )
        self.regions = Regions(past, own.neighbours, own.hops, own.reach, own.relevance)
        near = {kind: tuple(b for a, b in past.next_to if a == kind) for kind in KINDS}
        hears = {"together": own.norm == "all", "own": own.own}
        heard = {other for ego in EGOS for other in near[ego]}
        self.hearing = nn.ModuleDict({ego: Hearing(near[ego], width, **hears) for ego in EGOS})
        self.beyond = nn.ModuleDict(
            {kind: Hearing(near[kind], width, **hears) for kind in KINDS if kind in heard}
            if own.hops > 1
            else {}
        )
        self.dropout = Dropout(dropout)
        counts = np.bincount(past.had.targets, minlength=past.n_items)
        self.register_buffer("had", torch.from_numpy(counts), persistent=False)
        self.asking = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.item = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    @classmethod
    def of_graph(cls, own: ZoomerConfig, width: int, graph: HeteroGraph) -> ZoomerNetwork:
        """Fresh weights over the graph of a log, which says all there is to know."""
        return cls(own, width, Past.of_graph(graph))

    @contextmanager
    def only(self, levels: Set[str] | None) -> Iterator[None]:
        """Attention at these levels alone while it lasts, as for serving; as it is where None.

        Source: ZOOMER, section VII-E: online, edge attention alone is kept.
        """
        before = self.attention
        self.attention = before if levels is None else before & levels
        try:
            yield
        finally:
            self.attention = before

    def vectors(self, kind: str, nodes: Tensor) -> Tensor:
        """(m, d) of (m,) nodes of a type, by themselves: what relevance is told by."""
        return self._of(self.known[kind](nodes))

    def base(self, items: Tensor | None = None) -> Tensor:
        """(m, d) of length 1, of (m,) items or all of them: they depend on nobody who asks."""
        if items is None:
            items = torch.arange(self.sizes["item"], device=self.device)
        return F.normalize(self.item(self.dropout(self.vectors("item", items))), dim=1)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return cast(Known, self.known["item"]).table.weight.device

    def forward(self, asks: Asks, roi: Roi | None = None) -> Tensor:
        """(b, d) of length 1, whose products with `base` rank items; its region may be given."""
        heard = self.hear(asks, roi)
        both = torch.cat([heard[ego].around.vectors for ego in EGOS], 1)
        return F.normalize(self.asking(both), dim=1)

    def focus(self, asks: Asks) -> Tensor:
        """(b, d) focal vectors: the sum of those of user and query, in the common space."""
        return self.vectors("user", asks.users) + self.vectors("query", asks.queries)

    def region(self, asks: Asks) -> Roi:
        """The region of each ask."""
        with torch.no_grad():
            found: Roi = self.regions(asks, self.focus(asks), self.vectors)
        return found

    def hear(self, asks: Asks, roi: Roi | None = None) -> dict[str, Heard]:
        """What user and query of each ask heard in their regions, by ego."""
        roi = self.region(asks) if roi is None else roi
        focus = self.focus(asks)
        numbers = {"user": asks.users, "query": asks.queries}
        egos = {
            ego: self._projected(self.dropout(self.known[ego](some)), focus)
            for ego, some in numbers.items()
        }
        focal = egos["user"] + egos["query"]  # Z of the focal points
        return {ego: self._hear(ego, egos[ego], focus, focal, roi[ego]) for ego in EGOS}

    def _hear(
        self, ego: str, own: Tensor, focus: Tensor, focal: Tensor, near: Mapping[str, Near]
    ) -> Heard:
        others, beyond = {}, {}
        for kind, one in near.items():
            vectors = self._near(kind, one.numbers[:, 0], focus)  # (b, k, d)
            if one.beyond:
                k = vectors.shape[1]
                wide, deep = (part.repeat_interleave(k, 0) for part in (focus, focal))
                inner = {
                    other: (
                        self._near(other, two.numbers.flatten(0, 1), wide),
                        two.real.flatten(0, 1),
                    )
                    for other, two in one.beyond.items()
                }
                around = self.beyond[kind](vectors.flatten(0, 1), deep, inner, self.attention)
                vectors, beyond[kind] = around.vectors.view_as(vectors), around
            others[kind] = vectors, one.real[:, 0]
        return Heard(self.hearing[ego](own, focal, others, self.attention), beyond)

    def _near(self, kind: str, numbers: Tensor, focus: Tensor) -> Tensor:
        """(r, k, d) projected features of (r, k) nodes of a type, each row under its focus."""
        once, place = compact(numbers)
        if not len(once):
            return focus.new_zeros(*numbers.shape, focus.shape[1])
        features = self.dropout(self.known[kind](once))  # (u, n, d)
        spread = F.embedding(place, features.flatten(1)).view(*place.shape, *features.shape[1:])
        return self._projected(spread, focus[:, None])

    def _projected(self, features: Tensor, focus: Tensor) -> Tensor:
        weigh, scale = "feature" in self.attention, self.own.scale == "n"
        return project(features, focus.expand(*features.shape[:-2], -1), weigh=weigh, scale=scale)

    def _of(self, features: Tensor) -> Tensor:
        """(m, d) of (m, n, d) features, all alike."""
        return features.sum(1) if self.own.scale == "n" else features.mean(1)

    def logits(
        self, users: Tensor, queries: Tensor, items: Tensor, hidden: Tensor | None = None
    ) -> Tensor:
        """(b,) how likely each user takes an item when asking for a query: p = sigmoid of it.

        Args:
            users: (b,) numbers.
            queries: (b,) numbers.
            items: (b,) numbers.
            hidden: (b,) the item that each ask did lead to, whose edges from it are not seen, also
                in rows of the same ask whose item is another; nothing is hidden unless given.
        """
        asking = self(Asks(users, queries, hidden=hidden))
        once, place = compact(items)
        cosines: Tensor = (asking * self.base(once)[place]).sum(1)
        return self.own.sharpness * cosines

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:
        """(b, n_items) of all items, likewise."""
        asking: Tensor = self(Asks(users, queries))
        return self.own.sharpness * asking @ self.base().T


def kept(levels: Sequence[str] | None) -> frozenset[str] | None:
    """Levels of attention by name; None stays None.

    Raises:
        ValueError: there is no such level.
    """
    if levels is None:
        return None
    wrong = set(levels) - {"feature", "edge", "semantic"}
    if wrong:
        raise ValueError(f"attention has the levels feature, edge and semantic, not {min(wrong)!r}")
    return frozenset(levels)
