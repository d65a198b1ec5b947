"""The region of interest of an ask: the neighbours of user and query that are relevant to both.

All rows of a batch at once, as matrices of node numbers in which -1 is no node.

Source: Jiang et al., ZOOMER: boosting retrieval on web-scale graphs by regions of interest, ICDE
2022, https://arxiv.org/abs/2203.12596, section V-C.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.relation import Relation
from recommend.zoom.past import KINDS, Pair, Past

FLOATS = 1 << 23
"""Numbers of vectors that exist at a time while candidates are compared."""
EGOS = ("user", "query")
"""What an ask is about; its region is around each of them."""


class Asks(NamedTuple):
    """Who asks for what, and what may be seen for it.

    Attributes:
        users: (b,) int64.
        queries: (b,) int64.
        past: (b, h) int64 items that each user has had, the latest first, -1 for none; None where
            the graph alone says it.
        limits: (b,) int64 seconds before which an edge may be seen; None: any.
        hidden: (b,) int64 the item that is to be predicted, whose edges from this ask nobody sees,
            -1 for none; (b, 2) for user and query apart, since a query may see what others took
            for it; None: nothing is hidden.
        unsaid: (b, m) int64 queries that the user asked for when taking the hidden item and at no
            other time, -1 for none; None: the query of this ask is taken for one.
        said: (b, h) int64 queries that each user has asked for, the latest first, -1 for none;
            None where the graph alone says it.
    """

    users: Tensor
    queries: Tensor
    past: Tensor | None = None
    limits: Tensor | None = None
    hidden: Tensor | None = None
    unsaid: Tensor | None = None
    said: Tensor | None = None

    def some(self, rows: slice) -> Asks:
        """Those of some rows."""
        return Asks._make(None if part is None else part[rows] for part in self)


@dataclass(frozen=True, slots=True)
class Near:
    """Neighbours of one type that nodes keep, and theirs.

    Attributes:
        numbers: (b, m, k) int64, the most relevant first, -1 for none.
        relevance: (b, m, k) float32; of no node, or where it is not known, it is no matter.
        beyond: Neighbours of these in turn, by type, with m k for m; none where they are not read.
    """

    numbers: Tensor
    relevance: Tensor
    beyond: Mapping[str, Near]

    @property
    def real(self) -> Tensor:
        """(b, m, k) bool, where there is a node."""
        return self.numbers >= 0

    def some(self, rows: slice) -> Near:
        """That of some asks."""
        beyond = {kind: near.some(rows) for kind, near in self.beyond.items()}
        return Near(self.numbers[rows], self.relevance[rows], beyond)


def given(numbers: Sequence[np.ndarray]) -> Near:
    """Neighbours of one type that each of several asks is given, such as a cache keeps them.

    Args:
        numbers: (k) of each ask, the most relevant first; as many as there are.

    >>> given([np.array([4, 2]), np.array([], dtype=int)]).numbers.tolist()
    [[[4, 2]], [[-1, -1]]]
    """
    wide = np.full((len(numbers), 1, max(map(len, numbers), default=0)), -1, dtype=np.int64)
    for row, some in enumerate(numbers):
        wide[row, 0, : len(some)] = some
    return Near(torch.from_numpy(wide), torch.full(wide.shape, torch.nan), {})


Roi = Mapping[str, Mapping[str, Near]]
"""By ego, "user" or "query", and by type of its neighbours; m is 1."""
Vectors = Callable[[str, Tensor], Tensor]
"""(m, d) vectors of (m,) nodes of a type."""


class Edges(nn.Module):
    """Edges from nodes of one type to those of another, as `Past.next_to` has them."""

    offsets: Tensor
    targets: Tensor
    times: Tensor | None

    def __init__(self, relation: Relation) -> None:
        super().__init__()
        times = None if relation.times is None else torch.from_numpy(np.array(relation.times))
        self.register_buffer("offsets", torch.from_numpy(np.array(relation.offsets)), False)
        self.register_buffer("targets", torch.from_numpy(relation.targets.astype(np.int64)), False)
        self.register_buffer("times", times, False)
        self.most = int(relation.degrees.max(initial=0))

    def forward(self, nodes: Tensor, limits: Tensor | None, reach: int) -> Tensor:
        """(r, c) the last c of the edges that each of (r,) nodes may see, -1 for none."""
        at = nodes.clamp_min(0)
        lows, ends = self.offsets[at], self.offsets[at + 1]
        if self.times is not None and limits is not None:
            ends = _first_at(self.times, lows, ends, limits, self.most)
        ends = torch.where(nodes >= 0, ends, lows)
        reach = min(reach, self.most)
        places = ends[:, None] - 1 - torch.arange(reach, device=nodes.device)
        found = self.targets[places.clamp_min(0)] if len(self.targets) else places
        return found.masked_fill(places < lows[:, None], -1)


class Regions(nn.Module):
    """Chooses regions of interest."""

    codes: Tensor | None

    def __init__(self, past: Past, neighbours: int, hops: int, reach: int, relevance: str) -> None:
        """Of a past.

        Args:
            past: Who is next to whom.
            neighbours: k, those of each type that a node keeps.
            hops: 1 or 2.
            reach: Those that are looked at.
            relevance: "tanimoto" or "cosine".
        """
        super().__init__()
        self.neighbours, self.hops, self.reach = neighbours, hops, reach
        self.relevance = {"tanimoto": tanimoto, "cosine": cosine}[relevance]
        self.edges = nn.ModuleDict({"_".join(k): Edges(one) for k, one in past.next_to.items()})
        self.pairs: tuple[Pair, ...] = tuple(past.next_to)
        codes = None if past.codes is None else torch.from_numpy(np.array(past.codes))
        self.register_buffer("codes", codes, False)
        self.clock = past.clock

    def forward(self, asks: Asks, focus: Tensor, vectors: Vectors) -> Roi:
        """The region of each ask; nothing in it has a gradient.

        Args:
            asks: Of (b,) rows.
            focus: (b, d) sums of the vectors of user and query.
            vectors: Those of nodes.
        """
        with torch.no_grad():
            found: dict[str, dict[str, Near]] = {}
            for ego, numbers in zip(EGOS, (asks.users, asks.queries), strict=True):
                found[ego] = self._around(ego, numbers[:, None], asks, focus, vectors, self.hops)
        return found

    def _around(
        self, kind: str, nodes: Tensor, asks: Asks, focus: Tensor, vectors: Vectors, hops: int
    ) -> dict[str, Near]:
        """Neighbours of (b, m) nodes, by type."""
        found = {}
        for other in KINDS:
            if (kind, other) in self.pairs:
                width = self.reach * focus.shape[1] * nodes.shape[1]
                step, parts = max(FLOATS // width, 1), []
                for at in range(0, len(nodes), step):
                    some = slice(at, at + step)
                    seen = self.seen((kind, other), nodes[some], asks.some(some), hops == self.hops)
                    parts.append(self.best(other, seen, focus[some], vectors))
                numbers, relevance = (torch.cat(one) for one in zip(*parts, strict=True))
                near = Near(numbers, relevance, {})
                if hops > 1:
                    inner = near.numbers.flatten(1)
                    beyond = self._around(other, inner, asks, focus, vectors, hops - 1)
                    near = replace(near, beyond=beyond)
                found[other] = near
        return found

    def seen(self, pair: Pair, nodes: Tensor, asks: Asks, first: bool) -> Tensor:
        """(b, m, c) neighbours that are looked at, each once, in an order of its own, -1 for none.

        Args:
            pair: Types of the nodes and of their neighbours.
            nodes: (b, m) numbers.
            asks: What may be seen.
            first: Whether the nodes are the egos themselves.
        """
        kind, other = pair
        if first and kind == "user" and asks.past is not None and other != "user":
            own = asks.past[:, None, : self.reach]
            if other == "item":
                return _distinct(own)
            if self.codes is not None:
                return _distinct(torch.where(own >= 0, self.codes[own.clamp_min(0)], -1))
            if asks.said is not None:
                return _distinct(asks.said[:, None, : self.reach])
        rows = torch.arange(len(nodes), device=nodes.device).repeat_interleave(nodes.shape[1])
        limits = None if asks.limits is None else asks.limits[rows]
        edges = self.edges["_".join(pair)]
        found: Tensor = edges(nodes.flatten(), limits, self.reach).view(*nodes.shape, -1)
        if other == "user":  # who asks is no stranger to look at
            found = found.masked_fill(found == asks.users[:, None, None], -1)
        if asks.hidden is not None and not (self.clock or self._says_nothing(pair)):
            both = asks.hidden.view(len(asks.hidden), -1)  # (b, 1) or (b, 2)
            gone, kinds = both[:, [-1 if kind == "query" else 0], None], {kind, other}
            if other == "item":
                found = found.masked_fill(found == gone, -1)
            if kind == "item":
                found = found.masked_fill((nodes == both[:, :1])[..., None], -1)
            if kinds == {"user", "query"} and kind == "user" and first:
                unsaid = asks.queries[:, None] if asks.unsaid is None else asks.unsaid
                there = (found[..., None] == unsaid[:, None, None]).any(-1)
                found = found.masked_fill(there, -1)
        return found

    def _says_nothing(self, pair: Pair) -> bool:
        """Whether edges are what items mean, which no ask has made."""
        return self.codes is not None and set(pair) == {"query", "item"}

    def best(
        self, kind: str, seen: Tensor, focus: Tensor, vectors: Vectors
    ) -> tuple[Tensor, Tensor]:
        """(b, m, k) the most relevant of (b, m, c) nodes, of equals the first, and how relevant.

        Args:
            kind: Their type.
            seen: Numbers, -1 for none.
            focus: (b, d) focal vectors.
            vectors: Those of nodes.
        """
        real = seen >= 0
        once, place = compact(seen)
        k = min(self.neighbours, seen.shape[2])
        if not len(once):
            return seen[..., :k], seen[..., :k].to(focus.dtype)
        table = vectors(kind, once)
        others = F.embedding(place.flatten(1), table)  # (b, m c, d)
        products = (others @ focus[:, :, None]).view_as(place)
        squares = focus.square().sum(1)[:, None, None], table.square().sum(1)[place]
        found = self.relevance(products, *squares).masked_fill(~real, -torch.inf)
        order = found.argsort(dim=2, descending=True, stable=True)[..., :k]
        return seen.gather(2, order), found.gather(2, order)


def tanimoto(product: Tensor, focus: Tensor, node: Tensor) -> Tensor:
    """(...) relevance of a node to focal points, of -1/3 to 1, which is for equals alone.

    F_c F_j / (|F_c|² + |F_j|² - F_c F_j). Source: ZOOMER, eq. (5).

    Args:
        product: (...) F_c F_j.
        focus: (...) |F_c|².
        node: (...) |F_j|².

    >>> tanimoto(*map(torch.tensor, (1.0, 2.0, 2.0))).item()  # of (1, 0, 1) and (1, 1, 0)
    0.3333333432674408
    """
    return product / (focus + node - product).clamp_min(1e-12)


def cosine(product: Tensor, focus: Tensor, node: Tensor) -> Tensor:
    """(...) cosine of a node and focal points, of what `tanimoto` takes; 0 where one of them is."""
    return product / (focus * node).sqrt().clamp_min(1e-12)


def compact(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """(u,) the numbers that are there, each once and rising, and (...) the place of each.

    Args:
        numbers: (...) of which -1 is none; its place is 0.
    """
    flat = numbers.flatten()
    size = int(flat.max()) + 2 if flat.numel() else 1
    there = torch.zeros(size, dtype=torch.bool, device=numbers.device)
    there[flat + 1] = True
    there[0] = False
    places = there.cumsum(0) - 1
    return there.nonzero().flatten() - 1, places[numbers + 1].clamp_min(0)


def _distinct(numbers: Tensor) -> Tensor:
    """(b, m, c) each number of a row once, falling, then -1."""
    falling = numbers.sort(dim=2, descending=True).values
    again = falling[..., 1:] == falling[..., :-1]
    return falling.masked_fill(F.pad(again, (1, 0)), -1)


def _first_at(times: Tensor, lows: Tensor, ends: Tensor, limits: Tensor, most: int) -> Tensor:
    """(r,) the first place of each row at which it is no longer before the limit."""
    low, high = lows.clone(), ends.clone()
    for _ in range(max(most, 1).bit_length()):
        middle = (low + high) // 2
        open_ = low < high
        before = open_ & (times[middle.clamp_max(max(len(times) - 1, 0))] < limits)
        low = torch.where(before, middle + 1, low)
        high = torch.where(open_ & ~before, middle, high)
    return low
