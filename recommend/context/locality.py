"""How near the items are that users will have: the locality score, and what a sample sees of them.

Source: ContextGNN, section 3, eq. 1; shares of lists, coverage and the oracle's bound after "Beyond
Two-Tower, Back to Local".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

from data import atomic
from data.columns import USER
from data.dataset import Histories
from data.relation import Relation
from graph import EdgeType, HeteroGraph, LatentGraph, NodeType, Schema
from graph.latent import INTERACTIONS
from recommend.context.network import ContextNetwork, Near
from recommend.context.recommender import ContextGnn

HOPS = 4
"""Edges that are walked at most: as far as a recommender's sample may go."""
WAYS = {
    "interactions": (),
    "item_factors": ("item",),
    "all_factors": ("item", "user"),
}
"""What is walked over, and whose factors besides; users' own are in no sample of a recommender."""
_AT_ONCE = 64
"""Users whose surroundings are the bits of one number."""


class Reached(NamedTuple):
    """What is near each of b users, by the number of edges that are walked.

    Attributes:
        shares: (b, hops) of each one's true items that are at most k edges away.
        items: (b, hops) int64 items that are.
    """

    shares: np.ndarray
    items: np.ndarray


def reach(
    graph: HeteroGraph,
    true: Relation,
    hops: int,
    users: np.ndarray,
    had: Relation | None = None,
) -> Reached:
    """What is at most 1, 2, … edges from users, whichever way edges point and however many.

    Users of a block are the bits of a number a node, so that a step is an "or" over edges.

    Args:
        graph: With nodes of the types user and item.
        true: From all users to their true items.
        hops: The largest k.
        users: (b,) with a true item each.
        had: From all users to items that those asked about have had besides what the graph holds;
            one edge away from them, and from nobody else.
    """
    ways = [(key[0], key[2], graph.relation(key)) for key in _both_ways(graph)]
    shares, items = np.zeros((len(users), hops)), np.zeros((len(users), hops), np.int64)
    for at in range(0, len(users), _AT_ONCE):
        some = users[at : at + _AT_ONCE]
        seen = {kind: np.zeros(graph.size(kind), np.uint64) for kind in graph.schema.types}
        bits = np.uint64(1) << np.arange(len(some), dtype=np.uint64)
        np.bitwise_or.at(seen["user"], some, bits)
        for k in range(hops):
            grown = {kind: one.copy() for kind, one in seen.items()}
            for kind, other, edges in ways:
                _add(grown[kind], edges, seen[other])
            if k == 0 and had is not None:
                for bit, user in zip(bits, some, strict=True):
                    grown["item"][had.of(int(user))] |= bit
            seen = grown
            bytes_of = seen["item"].astype("<u8")[:, None].view(np.uint8)
            inside = np.unpackbits(bytes_of, axis=1, bitorder="little")
            items[at : at + len(some), k] = inside.sum(0, dtype=np.int64)[: len(some)]
            for place, user in enumerate(some):
                shares[at + place, k] = inside[true.of(int(user)), place].mean()
    return Reached(shares, items)


def _add(rows: np.ndarray, edges: Relation, columns: np.ndarray) -> None:
    """Adds to the bits of every row those of the columns that its edges lead to."""
    some = np.flatnonzero(edges.degrees)
    if len(some):
        gathered = columns[edges.targets]
        rows[some] |= np.bitwise_or.reduceat(gathered, edges.offsets[some])


def locality(
    graph: HeteroGraph, true: Relation, hops: int, users: np.ndarray | None = None
) -> np.ndarray:
    """(hops,) s_1, s_2, …: the mean share of users' true items that are at most k edges away.

    Users without a true item are left out. Whoever makes the graph leaves out what came later
    (`HeteroGraph.before`).

    Args:
        graph: With nodes of the types user and item.
        true: From all users to their true items.
        hops: The largest k.
        users: (b,) whom to look at; all by default.

    Source: ContextGNN, eq. 1.
    """
    users = np.arange(len(true)) if users is None else np.asarray(users)
    users = users[true.degrees[users] > 0]
    if not len(users):
        return np.zeros(hops)
    score: np.ndarray = reach(graph, true, hops, users).shares.mean(0)
    return score


def _both_ways(graph: HeteroGraph) -> list[tuple[str, str, str]]:
    return [key for edge in graph.schema.edges for key in (edge.key, edge.reverse_key)]


def walkable(training: Relation, factors: Mapping[str, tuple[np.ndarray, int]]) -> HeteroGraph:
    """Users and items by training interactions, and by the factors of the sides that are given.

    Args:
        training: From users to items.
        factors: By side, (n, T) factor nodes of each entity, and how many of them there are.
    """
    nodes, edges = [NodeType("user"), NodeType("item")], {EdgeType(*INTERACTIONS): training}
    sizes = {"user": len(training), "item": training.n_targets}
    for side, (of, n) in factors.items():
        nodes.append(NodeType(f"{side}_factor", groups=side))
        sizes[f"{side}_factor"] = n
        owners = np.repeat(np.arange(len(of)), of.shape[1])
        has = EdgeType(side, "has", f"{side}_factor")
        edges[has] = Relation.between(owners, of.ravel(), len(of), n)
    schema = Schema(tuple(nodes), tuple(edges))
    return HeteroGraph(schema, sizes, {edge.key: one for edge, one in edges.items()})


@dataclass(frozen=True, slots=True)
class Locality:
    """What was near each user at the time of the test, exactly.

    Attributes:
        per_user: A row a user, way and number of edges. Columns: `user`, `history` (items that the
            user had had), `repeats` (whether one of them more than once), `way` (of `WAYS`), `k`,
            `share` (of the true items at most k edges away), `near` (items there).
        n_items: In the catalogue.
    """

    per_user: pl.DataFrame
    n_items: int

    @property
    def scores(self) -> pl.DataFrame:
        """s_k, a row a way and k: `way`, `k`, `score`, and `near`, the mean share of all items."""
        return self.per_user.group_by("way", "k", maintain_order=True).agg(
            pl.col("share").mean().alias("score"), pl.col("near").mean() / self.n_items
        )

    def save(self, directory: Path) -> None:
        """A Parquet table and JSON."""
        atomic.write_parquet(directory / "per_user.parquet", self.per_user)
        atomic.write_json(directory / "locality.json", {"n_items": self.n_items})

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Locality:
        """What `save` stored."""
        about = atomic.read_json(directory / "locality.json")
        return cls(atomic.read_parquet(directory / "per_user.parquet"), about["n_items"])


def measure_locality(
    training: Histories, before: Histories, true: Relation, graph: LatentGraph | None
) -> Locality:
    """What is near users who have a true item, by every way that there is.

    As when recommenders are judged, the first edge from a user leads to all that the user has had
    before, and all others are of training: what others held out is nowhere.

    Args:
        training: Histories, whose interactions are edges.
        before: What each user had had when the true items came.
        true: From all users to their true items.
        graph: Whose factors are walked over; None leaves those ways out.
    """
    n_items = true.n_targets
    users = np.flatnonzero(true.degrees)
    had = Relation(before.offsets, before.items, n_items)
    edges = Relation(training.offsets, training.items, n_items)
    distinct = np.array([len(np.unique(before.of(int(user)))) for user in users])
    who = {USER: users, "history": before.lengths[users]}
    who["repeats"] = before.lengths[users] > distinct
    parts = []
    for way, sides in WAYS.items():
        if sides and graph is None:
            continue
        factors = {
            side: (graph.factors(side), graph.size(f"{side}_factor"))
            for side in sides
            if graph is not None
        }
        found = reach(walkable(edges, factors), true, HOPS, users, had)
        for k in range(HOPS):
            measured = {"share": found.shares[:, k], "near": found.items[:, k]}
            told = pl.lit(way).alias("way"), pl.lit(k + 1).alias("k")
            parts.append(pl.DataFrame({**who, **measured}).with_columns(*told))
    return Locality(pl.concat(parts), n_items)


@dataclass(frozen=True, slots=True)
class Closeness:
    """What users' samples hold of their lists and of their true items.

    Attributes:
        per_user: A row a user. Columns: `user`, `history` (items that the user had had), `near`
            (items in the sample that may be in a list), `of_list` (share of the first k items of
            the list that are in the sample), `covered` (share of the true items that are), `bound`
            (recall@k of a list with the covered ones first, and no others), `gate` (what the user
            makes of pairs: the share that their score has, or the number that is added to it;
            null where nothing is fused).
        about: `k`, `n_items`, and `meeting`, "gate", "offset" or None.
    """

    per_user: pl.DataFrame
    about: dict[str, Any] = field(default_factory=dict)

    def mean(self, column: str) -> float | None:
        """Over users; None where nobody has one."""
        found = self.per_user[column].mean()
        return None if found is None else float(found)  # type: ignore[arg-type]

    def save(self, directory: Path) -> None:
        """A Parquet table and JSON."""
        atomic.write_parquet(directory / "per_user.parquet", self.per_user)
        atomic.write_json(directory / "closeness.json", self.about)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Closeness:
        """What `save` stored."""
        about = atomic.read_json(directory / "closeness.json")
        return cls(atomic.read_parquet(directory / "per_user.parquet"), about)


_COLUMNS = {
    USER: pl.Int64,
    "history": pl.Int64,
    "near": pl.Int64,
    "of_list": pl.Float64,
    "covered": pl.Float64,
    "bound": pl.Float64,
    "gate": pl.Float64,
}


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
        histories: Of all users, up to the true items.
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
            gates = _gates(network, near, items)
            for row, user in enumerate(some.tolist()):
                out = np.concatenate([np.zeros(0, np.int64), *(one.of(user) for one in had)])
                gone = torch.from_numpy(np.unique(out)).to(inside.device)
                scores[row, gone] = -torch.inf
                best = scores[row].topk(min(k, scores.shape[1]))
                shown = best.indices[~best.values.isneginf()]
                wanted = torch.from_numpy(true.of(user).astype(np.int64)).to(inside.device)
                met = int(inside[row, wanted].sum())
                near_items = int(inside[row].sum() - inside[row, gone].sum())
                of_list = float(inside[row, shown].float().mean()) if len(shown) else 0.0
                shares = of_list, met / len(wanted), min(met, k) / len(wanted)
                history = int(histories.lengths[user])
                rows.append((user, history, near_items, *shares, gates[row]))
    per_user = pl.DataFrame(rows, schema=_COLUMNS, orient="row")
    meeting = None if network.meeting is None else network.config.meeting
    return Closeness(per_user, {"k": k, "n_items": of.past.n_items, "meeting": meeting})


def _gates(network: ContextNetwork, near: Near, items: torch.Tensor | None) -> list[float | None]:
    """(b,) what users make of the scores of pairs; None where nothing is fused."""
    if network.meeting is None:
        return [None] * len(near.seeds)
    own = network.meeting(network.read(near, items).users)[:, 0]
    of_pairs = own.sigmoid() if network.config.meeting == "gate" else own
    gates: list[float | None] = of_pairs.tolist()
    return gates
