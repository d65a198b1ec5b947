"""Why an item: which ways of a user's sample lead to it, and what each of them gave its score.

Ways are left out of the very sample that scored, and the network is asked again. What no way joins
to the user any more is then far, as it is when it is not drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from graph.schema import Key
from recommend.context.network import ContextNetwork, Near
from recommend.context.surroundings import FOLLOWED
from recommend.graphs.edges import EdgeList
from recommend.protocols import Around, Ways
from recommend.reasons.what_if import ranks_of

AT_ONCE = 1_000_000
"""Nodes, and scores of items, of all variants in a pass; one variant may have more."""
Cut = Mapping[str, np.ndarray]
"""Edges to leave out: (x, 2) places of an item and of what is at the other end, by its type. Of two
items, the one that followed comes last."""


def look_around(
    network: ContextNetwork, near: Near, history: np.ndarray, wanted: Sequence[int], n_items: int
) -> tuple[Around, ...]:
    """What the surroundings of one user have to do with the scores of items.

    Args:
        network: That scores; not while it is trained.
        near: Surroundings of one user.
        history: (n,) items that are not ranked.
        wanted: (k,) items asked about.
        n_items: In the catalogue.
    """
    items = None if network.tower is None else network.item_vectors()
    read, sample = network.read(near, items), Neighbours.of(near)
    scores = network.scores(near, items, None, n_items)[0].cpu().numpy()
    alone = np.full(n_items, np.nan, np.float32)
    if read.wishes is not None and items is not None:
        alone = (read.wishes @ items.T)[0].cpu().numpy()
    own = torch.nan if network.meeting is None else network.meeting(read.users)[0, 0].item()
    gate = network.config.meeting == "gate"
    ranks, found = ranks_of(scores, history), []
    for item in map(int, wanted):
        place, by_vectors = sample.place(item), scores.copy()
        by_vectors[item] = alone[item]
        pair = np.nan
        if read.items is not None and place is not None:
            pair = (read.users[0] @ read.items[place]).item()
        groups = [] if place is None else sample.groups(place)
        cuts = [sample.cut(groups, one) for one in groups]
        ways = [
            Ways(
                metapath=one.metapath,
                first=int(sample.items[one.first]),
                between=sample.others[one.kind][one.between],
                given=float(scores[item] - left[item]),
                rank=int(ranks_of(left, history)[item]),
                near=len(groups) > 1,
            )
            for one, left in zip(groups, without(network, near, items, cuts, n_items), strict=True)
        ]
        found.append(
            Around(
                item=item,
                score=float(scores[item]),
                rank=int(ranks[item]),
                near=not np.isnan(pair),
                ways=tuple(sorted(ways, key=lambda one: (-one.given, one.metapath, one.first))),
                pair=pair,
                alone=float(alone[item]),
                alone_rank=0 if network.tower is None else int(ranks_of(by_vectors, history)[item]),
                offset=np.nan if gate else own,
                share=float(torch.tensor(own).sigmoid()) if gate else np.nan,
                first_hop=len(sample.had),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Group:
    """Ways to an item that begin with the same item and lead over nodes of one type, by places.

    Attributes:
        metapath: Their types, in a row.
        kind: What `cut` leaves out edges to.
        first: The item that they begin with.
        last: The item that they lead to.
        between: (m,) what they lead over; none where there is an edge from the first to the last,
            or where they are one.
    """

    metapath: str
    kind: str
    first: int
    last: int
    between: np.ndarray


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The items in the surroundings of one user, and what stands next to each, by places.

    Attributes:
        items: (n,) numbers of the items.
        others: (m,) numbers of the nodes that items have edges with, by type.
        edges: (e, 2) an item and a node, each pair once, by the type of the node; of two items, the
            one that followed comes last.
        seed: The user.
    """

    items: np.ndarray
    others: Mapping[str, np.ndarray]
    edges: Mapping[str, np.ndarray]
    seed: int

    @classmethod
    def of(cls, near: Near) -> Neighbours:
        """Of the surroundings of one user."""
        pairs: dict[str, list[np.ndarray]] = {}
        for key, one in near.edges.items():
            kind, turned = _from_item(key)
            if not turned:
                ends = torch.stack([one.rows, one.columns], 1).cpu().numpy()
                pairs.setdefault(kind, []).append(ends)
        return cls(
            near.items.cpu().numpy(),
            {kind: near.numbers[kind].cpu().numpy() for kind in pairs},
            {kind: np.unique(np.concatenate(some), axis=0) for kind, some in pairs.items()},
            int(near.seeds[0]),
        )

    @property
    def had(self) -> np.ndarray:
        """(h,) items that the user had."""
        ends = self.edges["user"]
        had: np.ndarray = ends[ends[:, 1] == self.seed, 0]
        return had

    def place(self, item: int) -> int | None:
        """Where an item stands; None where it is far."""
        found = np.flatnonzero(self.items == item)
        return int(found[0]) if len(found) else None

    def groups(self, place: int) -> list[Group]:
        """All ways to an item over one node or none.

        Every item near has one: hops go from items of the user to what followed them, or over what
        is next to them.
        """
        found, none = [], np.zeros(0, np.int64)
        if place in self.had:
            found.append(Group("user > item", "user", place, place, none))
        for kind in self.edges:
            own = self._next_to(kind, place)
            for first in self.had[self.had != place].tolist():
                if kind == "item":
                    if place in self._next_to(kind, first):
                        found.append(Group("user > item > item", kind, first, place, none))
                    continue
                between = np.intersect1d(self._next_to(kind, first), own)
                if len(between):
                    path = f"user > item > {kind} > item"
                    found.append(Group(path, kind, first, place, between))
        return found

    def _next_to(self, kind: str, place: int) -> np.ndarray:
        ends = self.edges[kind]
        nodes: np.ndarray = ends[ends[:, 0] == place, 1]
        return nodes if kind != "user" else nodes[nodes != self.seed]

    def cut(self, groups: Sequence[Group], one: Group) -> Cut:
        """The edges of one of all groups of ways to an item that are on no way of another.

        What the user had stays: an item of the history that is left out is another question
        (`protocols.Explains`).
        """
        if not len(one.between):
            end = self.seed if one.kind == "user" else one.last
            return {one.kind: np.array([[one.first, end]])}
        taken = Counter(
            node for other in groups if other.kind == one.kind for node in other.between.tolist()
        )
        own = [node for node in one.between.tolist() if taken[node] == 1]
        before = [(one.first, node) for node in one.between.tolist()]
        return {one.kind: np.array([*before, *((one.last, node) for node in own)])}


def _from_item(key: Key) -> tuple[str, bool]:
    """The type at the other end of an item's edges, and whether they lead to the item."""
    if key[0] == key[2]:
        return key[2], key != FOLLOWED
    return (key[2], False) if key[0] == "item" else (key[0], True)


def without(
    network: ContextNetwork,
    near: Near,
    items: Tensor | None,
    cuts: Sequence[Cut],
    n_items: int,
) -> Iterator[np.ndarray]:
    """(n_items,) scores of all items for the user, without the edges of each cut in turn.

    Many variants go through the network together, each with nodes of its own.
    """
    size = sum(map(len, near.numbers.values())) + n_items
    some = max(1, AT_ONCE // size)
    for at in range(0, len(cuts), some):
        varied = variants(near, cuts[at : at + some])
        yield from network.scores(varied, items, None, n_items).cpu().numpy()


def variants(near: Near, cuts: Sequence[Cut]) -> Near:
    """Surroundings of one user as often as there are cuts, each without its edges.

    Nodes that no edge joins to the user any more are left out, too.

    Args:
        near: Of one user.
        cuts: Edges that each lacks.
    """
    device, seed = near.seeds.device, int(near.seeds[0])
    sizes = {kind: len(one) for kind, one in near.numbers.items()}
    edges = {
        key: np.stack([one.rows.cpu().numpy(), one.columns.cpu().numpy()])
        for key, one in near.edges.items()
    }
    kept = {
        key: np.stack([_kept(key, ends, sizes, cut) for cut in cuts]) for key, ends in edges.items()
    }
    there = _joined(sizes, edges, kept, seed)
    places = {kind: one.cumsum().reshape(one.shape) - 1 for kind, one in there.items()}

    def moved(key: Key) -> EdgeList:
        which, edge = np.nonzero(kept[key] & there[key[0]][:, edges[key][0]])
        rows, columns = (
            torch.from_numpy(places[kind][which, own[edge]]).to(device)
            for kind, own in zip((key[0], key[2]), edges[key], strict=True)
        )
        return EdgeList(rows, columns, int(there[key[0]].sum()), int(there[key[2]].sum()))

    rows = {kind: torch.from_numpy(np.nonzero(one)[1]).to(device) for kind, one in there.items()}
    return replace(
        near,
        numbers={kind: one[rows[kind]] for kind, one in near.numbers.items()},
        ages={kind: one[rows[kind]] for kind, one in near.ages.items()},
        edges={key: moved(key) for key in edges},
        seeds=torch.from_numpy(places["user"][:, seed]).to(device),
        owners=torch.from_numpy(np.nonzero(there["item"])[0]).to(device),
    )


def _kept(key: Key, ends: np.ndarray, sizes: Mapping[str, int], cut: Cut) -> np.ndarray:
    """(e,) bool, which (2, e) edges of a type a cut leaves, whichever way they point."""
    kind, turned = _from_item(key)
    if kind not in cut:
        return np.ones(ends.shape[1], bool)
    item, other = ends[::-1] if turned else ends
    out = cut[kind][:, 0] * sizes[kind] + cut[kind][:, 1]
    left: np.ndarray = ~np.isin(item * sizes[kind] + other, out)
    return left


def _joined(
    sizes: Mapping[str, int],
    edges: Mapping[Key, np.ndarray],
    kept: Mapping[Key, np.ndarray],
    seed: int,
) -> dict[str, np.ndarray]:
    """(c, n) bool by type, which nodes of every variant the edges that are kept join to a user."""
    n, c = sum(sizes.values()), len(next(iter(kept.values())))
    first = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
    ends = []
    for key, own in edges.items():
        which, edge = np.nonzero(kept[key])
        firsts = first[key[0]], first[key[2]]
        ends.append([which * n + at + one[edge] for at, one in zip(firsts, own, strict=True)])
    rows, columns = np.concatenate(ends, axis=1)
    pattern = sparse.coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(c * n, c * n))
    labels = connected_components(pattern, directed=False)[1].reshape(c, n)
    there = labels == labels[:, [first["user"] + seed]]
    return {kind: there[:, at : at + sizes[kind]] for kind, at in first.items()}
