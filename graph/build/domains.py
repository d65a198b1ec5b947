"""The graph of users and the items of several domains: who had what, and who and what is alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np

from data.columns import LEAST_CLOCK
from data.dataset import Histories
from data.domains import Domains
from data.errors import ConfigError, DataError
from data.relation import Relation, offsets_of
from graph.build.coengagement import blocks_of, co_engaged, strongest
from graph.hetero import HeteroGraph
from graph.schema import EdgeType, Key, NodeType, Schema
from graph.values import Values

Alike = Literal["engaged", "factors", "texts"]
"""What makes two nodes alike: the users or items they share, our factors, or texts."""
HAD = "had"
"""What edges from users to items are called."""
DAY = 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True)
class About:
    """What a page calls users and items.

    Attributes:
        user_ids: n_users ids; none: nodes are called by their numbers.
        item_ids: n_items ids, likewise.
        titles: n_items readable names.
    """

    user_ids: Sequence[str] = ()
    item_ids: Sequence[str] = ()
    titles: Sequence[str] = ()


def domain_schema(
    names: Sequence[str], alike: Sequence[Alike] = ("engaged",), apart: bool = False
) -> Schema:
    """Types of nodes and edges: one of items a domain, called like it, and the same users.

    Users had items of each domain. Items are joined with those that are alike within their domain
    and in every other, the users of `engaged` with each other. Where domains stand apart, each has
    users of its own, and no edge leads from one to another.

    Args:
        names: Of the domains.
        alike: Which of such edges there are.
        apart: Whether domains have nothing in common.

    Raises:
        ConfigError: a domain is called like the users.

    >>> schema = domain_schema(("books", "films"))
    >>> schema.types, [" ".join(edge.key) for edge in schema.between("books", "films")]
    (('user', 'books', 'films'), ['books engaged films', 'films engaged books'])
    """
    people = {name: f"user_{name}" if apart else "user" for name in names}
    taken = set(people.values()) & set(names)
    if taken:
        raise ConfigError(
            f"A domain cannot be called {min(taken)!r}, as its users are; give it another name in "
            "data.domains."
        )
    users = [
        NodeType(one, letter="" if apart else "u", help="Somebody who had items.")
        for one in dict.fromkeys(people.values())
    ]
    items = [NodeType(one, help=f"Something of the domain {one}.") for one in names]
    edges = [
        EdgeType(people[one], HAD, one, "had_by", timed=True, title=f"interactions in {one}")
        for one in names
    ]
    if "engaged" in alike:
        edges += [EdgeType(one.name, "engaged", one.name, timed=True) for one in users]
    edges += [
        EdgeType(one, kind, other, timed=kind == "engaged")
        for kind in dict.fromkeys(alike)
        for one, other in product(names, names)
        if one == other or not apart
    ]
    return Schema((*users, *items), tuple(edges))


def domain_graph(
    histories: Histories,
    n_items: int,
    domains: Domains,
    *,
    weights: np.ndarray | None = None,
    half_life_days: float | None = None,
    alike: Sequence[Alike] = ("engaged",),
    nearest: int = 10,
    shared: int = 1,
    item_codes: np.ndarray | None = None,
    item_vectors: np.ndarray | None = None,
    apart: bool = False,
    about: About | None = None,
) -> HeteroGraph:
    """The typed graph of training histories; nothing else of the data has a say in it.

    A user had an item with the weight Σ_b w_b · count_b · 2^(−age / half-life), of every
    interaction b of the two, and the time of the latest. Ages are counted from the latest of all
    training interactions: to an item that hears from its users, those who have left must not weigh
    as much as those who are here, as they would if each stood at a time of their own.

    Items alike are the `nearest` of each domain, the strongest first: by the users they share and
    users by the items (`engaged`, `co_engaged` of these weights, known when the latest interaction
    was); by the codes they share at the same level, each counting ln(n_items / items that have it)
    (`factors`, see `share_codes`); or by the cosine of their texts (`texts`).

    Args:
        histories: Training interactions; a pair may repeat.
        n_items: Items of all domains.
        domains: Which each is of.
        weights: (n,) of every interaction of the histories, such as those of its behaviour; 1 each
            by default.
        half_life_days: After how many days an interaction weighs half; None: age does not count.
        alike: Which edges between what is alike there are.
        nearest: How many of each kind lead from a node to those of each domain.
        shared: Users that two items have to share for an edge of `engaged`, and items that two
            users have to. With 1, many edges are of one user alone, and whoever learns to predict
            what that user had learns to trust them too much.
        item_codes: (n_items, levels) for `factors`.
        item_vectors: (n_items, d) for `texts`.
        apart: Whether every domain has users of its own, and no edges to others.
        about: What nodes are called.

    Returns:
        Nodes of a domain have the attribute `item`, int64, their number among all items, and are in
        its order; users have the numbers of the histories, in every domain.

    Raises:
        ConfigError: codes, vectors or times are needed that are not there.
        DataError: arrays do not fit.

    Source: Wu et al., RankGraph, 2025, https://arxiv.org/abs/2509.02942: typed users and items of
    several products, edges weighted by engagement, and semantic edges over several hops. It has no
    formula for them; these are ours.
    """
    _check(domains, n_items, {"factors": item_codes, "texts": item_vectors}, alike)
    schema = domain_schema(domains.names, alike, apart)
    had = engagement(histories, n_items, weights, half_life_days)
    members = {name: np.flatnonzero(domains.of_item == at) for at, name in enumerate(domains.names)}
    parts = {name: _columns(had, items) for name, items in members.items()}
    latest = int(histories.times.max(initial=0))
    edges: dict[Key, Relation] = {}
    for edge in schema.edges:
        a, b = edge.source, edge.target
        if edge.relation == HAD:
            edges[edge.key] = parts[b]
        elif edge.relation == "engaged" and a not in members:
            mine = had if a == "user" else parts[a.removeprefix("user_")]
            edges[edge.key] = _known_at(co_engaged(mine, nearest=nearest, shared=shared), latest)
        elif edge.relation == "engaged":
            ours, theirs = parts[a].transpose(), None if a == b else parts[b].transpose()
            edges[edge.key] = _known_at(
                co_engaged(ours, theirs, nearest=nearest, shared=shared), latest
            )
        elif edge.relation == "factors" and item_codes is not None:
            edges[edge.key] = share_codes(item_codes, members[a], members[b], nearest)
        elif item_vectors is not None:
            edges[edge.key] = near_texts(item_vectors, members[a], members[b], nearest)
    sizes = {name: len(members.get(name, range(len(histories)))) for name in schema.types}
    return HeteroGraph(schema, sizes, edges, _attributes(schema, members, about or About()))


def engagement(
    histories: Histories,
    n_items: int,
    weights: np.ndarray | None = None,
    half_life_days: float | None = None,
) -> Relation:
    """Users to items, a pair once: Σ_b w_b · count_b · 2^(−age / half-life), and its latest time.

    Args:
        histories: Interactions; ages are counted from the latest of them.
        n_items: How many items there are.
        weights: (n,) of every interaction; 1 each by default.
        half_life_days: None: age does not count.

    Raises:
        ConfigError: there is a half-life, and times are steps without dates.
        DataError: there are other weights than interactions.
    """
    n, times = len(histories.items), histories.times
    worth = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if worth.shape != (n,):
        raise DataError(f"There are weights of shape {worth.shape} for {n} interactions.")
    latest = int(times.max(initial=0))
    if half_life_days is not None:
        if n and latest < LEAST_CLOCK:
            raise ConfigError(
                "half_life_days needs times that are dates, and those of these interactions only "
                "put them in order. Leave it out."
            )
        worth = worth * np.exp2((times - latest) / (half_life_days * DAY))
    users = np.repeat(np.arange(len(histories), dtype=np.int64), histories.lengths)
    pairs, of = np.unique(users * n_items + histories.items, return_inverse=True)
    moments = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(moments, of, times)
    return Relation.between(
        pairs // n_items,
        pairs % n_items,
        len(histories),
        n_items,
        moments,
        np.bincount(of, worth, minlength=len(pairs)),
    )


def share_codes(codes: np.ndarray, sources: np.ndarray, targets: np.ndarray, m: int) -> Relation:
    """Items to the m that share most codes, each at its level: Σ ln(n_items / items that have it).

    A code of everybody joins nobody; of those that many have, few make an edge, for m are kept.

    Args:
        codes: (n_items, levels).
        sources: (n,) items that edges leave.
        targets: (k,) items that they lead to; the same array, or others.
        m: Edges of an item.

    Source: the weight is the inverse document frequency of Spärck Jones, A statistical
    interpretation of term specificity and its application in retrieval, 1972.
    """
    columns = [np.unique(level, return_inverse=True)[1] for level in codes.T]
    widths = np.array([column.max(initial=-1) + 1 for column in columns])
    factors = np.stack(columns, 1) + (np.cumsum(widths) - widths)
    rarity = np.log(len(codes) / np.bincount(factors.ravel(), minlength=int(widths.sum())))
    weight = np.sqrt(rarity)

    def of(items: np.ndarray) -> Relation:
        mine = factors[items]
        kept = weight[mine] > 0
        offsets, n = offsets_of(np.nonzero(kept)[0], len(items)), len(weight)
        chosen = mine[kept].astype(np.int32)
        return Relation(offsets, chosen, n, weights=weight[chosen].astype(np.float32))

    others = None if np.array_equal(sources, targets) else of(targets)
    return co_engaged(of(sources), others, nearest=m, exponent=0)


def near_texts(vectors: np.ndarray, sources: np.ndarray, targets: np.ndarray, m: int) -> Relation:
    """Items to the m whose vectors have the largest cosine above 0, exactly, a block at a time.

    Args:
        vectors: (n_items, d); one without length is near nobody.
        sources: (n,) items that edges leave.
        targets: (k,) items that they lead to; the same array, or others.
        m: Edges of an item.
    """
    from scipy.sparse import csr_matrix

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def rows() -> Iterator[tuple[int, csr_matrix]]:
        for start, end in blocks_of(np.full(len(sources), len(targets))):
            yield start, csr_matrix(unit[sources[start:end]] @ unit[targets].T)

    same = np.array_equal(sources, targets)
    return strongest(rows(), len(sources), len(targets), m, itself=not same)


def _check(
    domains: Domains, n_items: int, given: dict[str, np.ndarray | None], alike: Sequence[Alike]
) -> None:
    if len(domains.of_item) != n_items:
        raise DataError(f"{len(domains.of_item)} items have a domain, and there are {n_items}.")
    for kind, rows in given.items():
        if kind not in alike:
            continue
        if rows is None:
            raise ConfigError(
                f"Items are to be alike by {kind}, and none are given. Run the stages that make "
                f"them, or take {kind!r} out of `alike`."
            )
        if len(rows) != n_items:
            raise DataError(f"There are {kind} of {len(rows)} items, and {n_items} items.")


def _columns(had: Relation, items: np.ndarray) -> Relation:
    """The edges to some of the targets, which are numbered by their place among these."""
    places = np.full(had.n_targets, -1, dtype=np.int32)
    places[items] = np.arange(len(items), dtype=np.int32)
    to = places[had.targets]
    kept = to >= 0
    return Relation(
        offsets_of(had.sources[kept], len(had)),
        to[kept],
        len(items),
        had.moments[kept],
        None if had.weights is None else had.weights[kept],
    )


def _known_at(relation: Relation, time: int) -> Relation:
    """The same edges, which a seed sees that stands after this time."""
    times = np.full(len(relation.targets), time, dtype=np.int64)
    return Relation(relation.offsets, relation.targets, relation.n_targets, times, relation.weights)


def _attributes(
    schema: Schema, members: dict[str, np.ndarray], about: About
) -> dict[str, dict[str, Values]]:
    made: dict[str, dict[str, Any]] = {}
    for kind in schema.types:
        items = members.get(kind)
        if items is None:
            made[kind] = {"id": tuple(about.user_ids)} if len(about.user_ids) else {}
            continue
        made[kind] = {"item": items.astype(np.int64)}
        for name, texts in (("id", about.item_ids), ("label", about.titles)):
            if len(texts):
                made[kind][name] = tuple(texts[item] for item in items.tolist())
    return made
