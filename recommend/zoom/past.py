"""What ZOOMER is built of: who is next to whom, what was asked when, and what is known of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.columns import ITEM, LEAST_CLOCK, TIME, TITLE, USER
from data.dataset import Histories
from data.errors import ConfigError
from data.log import QUERY, TEXT
from data.names import item_names
from data.relation import Relation, offsets_of
from graph.hetero import HeteroGraph
from recommend.features import Bags
from recommend.protocols import World
from recommend.settings.zoomer import ZoomerConfig
from recommend.zoom.features import TERMS, Features, attributes_of, words_of

KINDS = ("user", "query", "item")
"""The types of nodes."""
Pair = tuple[str, str]
"""A type of nodes, and one that is next to it."""
ALWAYS = np.iinfo(np.int64).min
"""The time of an edge that was always there."""


@dataclass(frozen=True, slots=True)
class Past:
    """All of training that the recommender knows.

    Attributes:
        next_to: From nodes of a type to those of another, each once: where edges have times the
            earliest first, otherwise the lightest first.
        features: What is known of nodes.
        histories: Training interactions; None where the graph alone says who had what.
        codes: (n_items,) the query that stands for what each item means; None where queries are
            those of a log.
        asks: From users to what they asked for, with times, the same as often as it was asked for;
            None where queries are codes.
        took: (2, m) int64 users times the size of the catalogue plus items, rising, and the query
            with which each was taken last; None where queries are codes.
        clock: Whether times are times, so that what others did may be known to be later.
    """

    next_to: Mapping[Pair, Relation]
    features: Features
    histories: Histories | None = None
    codes: np.ndarray | None = None
    asks: Relation | None = None
    took: np.ndarray | None = None
    clock: bool = False

    @classmethod
    def of(cls, own: ZoomerConfig, world: World) -> Past:
        """Of training interactions alone.

        Raises:
            ConfigError: settings read codes or a log that are not there.
        """
        return _of_factors(own, world) if own.queries == "factors" else _of_log(world)

    @classmethod
    def of_graph(cls, graph: HeteroGraph) -> Past:
        """Of the graph of a log, which says who had what as well.

        Args:
            graph: Of users, queries and items; what it knows of nodes, beside ids and labels, are
                their words.
        """
        pairs = {
            (a, b): relation for a in KINDS for b in KINDS if (relation := joined(graph, a, b))
        }
        texts = {kind: _texts_of(graph, kind) for kind in KINDS}
        words = words_of({kind: text for kind, text in texts.items() if any(text)})
        sizes = {kind: graph.size(kind) for kind in KINDS}
        about = {kind: {TERMS: words[kind]} if kind in words else {} for kind in KINDS}
        return cls(pairs, Features(sizes, about))

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return self.features.sizes["item"]

    @property
    def had(self) -> Relation:
        """From users to the items that they had in training, each once."""
        return self.next_to["user", "item"]

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array, by name."""
        told = {**self.features.arrays(), "clock": np.array([self.clock])}
        parts = {" ".join(pair): relation for pair, relation in self.next_to.items()}
        parts |= {} if self.asks is None else {"asks": self.asks}
        for name, relation in parts.items():
            told |= {f"{name}.offsets": relation.offsets, f"{name}.targets": relation.targets}
            told |= {f"{name}.n": np.array([relation.n_targets])}
            more = {"times": relation.times, "weights": relation.weights}
            told |= {f"{name}.{what}": some for what, some in more.items() if some is not None}
        if self.histories is not None:
            for what in ("offsets", "items", "times"):
                told[f"histories.{what}"] = getattr(self.histories, what)
        kept = {"codes": self.codes, "took": self.took}
        return told | {name: array for name, array in kept.items() if array is not None}

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray]) -> Past:
        """That of which `arrays` are."""

        def relation(name: str) -> Relation:
            parts = (
                arrays[f"{name}.offsets"],
                arrays[f"{name}.targets"],
                int(arrays[f"{name}.n"][0]),
            )
            return Relation(*parts, arrays.get(f"{name}.times"), arrays.get(f"{name}.weights"))

        pairs = {(a, b): f"{a} {b}" for a in KINDS for b in KINDS if f"{a} {b}.offsets" in arrays}
        past = None
        if "histories.items" in arrays:
            past = Histories(*(arrays[f"histories.{it}"] for it in ("offsets", "items", "times")))
        return cls(
            {pair: relation(name) for pair, name in pairs.items()},
            Features.read(arrays),
            past,
            arrays.get("codes"),
            relation("asks") if "asks.offsets" in arrays else None,
            arrays.get("took"),
            bool(arrays["clock"][0]),
        )

    def query_after(self, histories: Histories, users: np.ndarray) -> np.ndarray:
        """(b,) int64 what users ask for who say nothing: see `ZoomerConfig.asked`."""
        starts, ends = histories.offsets[:-1][users], histories.offsets[1:][users]
        latest = histories.items[(ends - 1).clip(0, max(len(histories.items) - 1, 0))]
        return self.query_before(users, np.where(ends > starts, latest, -1))

    def query_before(
        self, users: np.ndarray, latest: np.ndarray, times: np.ndarray | None = None
    ) -> np.ndarray:
        """(b,) int64 the query of each user's latest item, or that was asked for last.

        Where there is none, it is the one that was asked for most.

        Args:
            users: (b,) numbers.
            latest: (b,) the latest item of each, -1 for none.
            times: (b,) seconds before which a query was asked for; any time unless given.
        """
        if self.codes is not None:
            found = self.codes[latest].astype(np.int64)
            most = int(np.bincount(self.codes[self.had.targets], minlength=1).argmax())
            return np.where(latest >= 0, found, most)
        assert self.asks is not None
        lows, ends = self.asks.offsets[:-1][users], self.asks.offsets[1:][users]
        if times is not None:
            moments = self.asks.moments
            ends = np.array(
                [
                    low + np.searchsorted(moments[low:end], time)
                    for low, end, time in zip(lows, ends, times, strict=True)
                ],
                dtype=np.int64,
            ).reshape(len(users))
        most = int(np.bincount(self.asks.targets, minlength=1).argmax())
        last = self.asks.targets[(ends - 1).clip(0, max(len(self.asks.targets) - 1, 0))]
        return np.where(ends > lows, last, most).astype(np.int64)

    def query_of(self, users: np.ndarray, items: np.ndarray, others: np.ndarray) -> np.ndarray:
        """(b,) int64 what each user asked for who took an item; another query where it is not told.

        Args:
            users: (b,) numbers.
            items: (b,) what each took.
            others: (b,) queries that stand in.
        """
        if self.codes is not None:
            found: np.ndarray = self.codes[items].astype(np.int64)
            return found
        assert self.took is not None
        n_items, took = np.int64(self.n_items), self.took
        at = np.searchsorted(took[0], users * n_items + items).clip(max=max(took.shape[1] - 1, 0))
        if not took.shape[1]:
            return others
        return np.where(took[0][at] == users * n_items + items, took[1][at], others)


def _of_factors(own: ZoomerConfig, world: World) -> Past:
    graph = world.sources.graph
    if graph is None:
        raise ConfigError(
            "model.backbone.queries is factors, and there are no factors. Describe the items so "
            "that codes can be made, or set it to log for a data set that has a log."
        )
    if own.level >= graph.levels("item"):
        raise ConfigError(
            f"model.backbone.level is {own.level}, and items have {graph.levels('item')} levels of "
            f"codes; set it to 0 to {graph.levels('item') - 1}."
        )
    codes = graph.item_codes[:, own.level].astype(np.int64)
    n_queries, past = graph.item_k, world.histories
    owners = np.repeat(np.arange(len(past)), past.lengths)
    n_users, n_items = world.dataset.n_users, world.dataset.n_items
    clock = is_clock(past)
    times = past.times if clock else None
    every = np.arange(n_items)
    counts = np.bincount(past.items, minlength=n_items)
    means = once(every, codes, n_items, n_queries)
    pairs: dict[Pair, Relation] = {
        ("user", "item"): once(owners, past.items, n_users, n_items, times),
        ("item", "user"): once(past.items, owners, n_items, n_users, times),
        ("query", "user"): once(codes[past.items], owners, n_queries, n_users, times),
        ("user", "query"): once(owners, codes[past.items], n_users, n_queries, times),
        ("item", "query"): means,
        ("query", "item"): once(codes, every, n_queries, n_items, weights=counts),
        ("item", "item"): _then(past, n_items, clock),
    }
    labels = graph.item_labels[own.level * n_queries : (own.level + 1) * n_queries]
    return Past(pairs, _features(world, labels, {}), past, codes, clock=clock)


def _of_log(world: World) -> Past:
    log, past = world.dataset.log, world.histories
    if log is None:
        raise ConfigError(
            "model.backbone.queries is log, and the data set has no log of what users asked for. "
            "Set it to factors, so that what items mean is asked for."
        )
    n_users, n_items = world.dataset.n_users, world.dataset.n_items
    owners = np.repeat(np.arange(len(past)), past.lengths)
    had = np.unique(owners * np.int64(n_items) + past.items)
    last = np.full(n_users, ALWAYS)
    np.maximum.at(last, owners, past.times)
    users, queries, items = (log.rows[name].to_numpy() for name in (USER, QUERY, ITEM))
    times = log.rows[TIME].to_numpy()
    codes = users.astype(np.int64) * n_items + items
    at = np.searchsorted(had, codes).clip(max=max(len(had) - 1, 0))
    kept = (had[at] == codes) & (times <= last[users]) if len(had) else np.zeros(len(at), bool)
    users, queries, items, times = (one[kept] for one in (users, queries, items, times))
    clock, n_queries = is_clock(past), log.n_queries
    seen, counted = (past.times, times) if clock else (None, None)
    pairs: dict[Pair, Relation] = {
        ("user", "item"): once(owners, past.items, n_users, n_items, seen),
        ("item", "user"): once(past.items, owners, n_items, n_users, seen),
        ("query", "user"): once(queries, users, n_queries, n_users, counted),
        ("user", "query"): once(users, queries, n_users, n_queries, counted),
        ("item", "query"): once(items, queries, n_items, n_queries, counted),
        ("query", "item"): once(queries, items, n_queries, n_items, counted),
        ("item", "item"): _then(past, n_items, clock),
    }
    asks = Relation.between(users, queries, n_users, n_queries, times)
    about = attributes_of(log.queries.drop("query_id", TEXT))
    done, rows = np.unique(codes[kept][::-1], return_index=True)
    took = np.stack([done, queries[::-1][rows].astype(np.int64)])
    known = _features(world, log.queries[TEXT].to_list(), about)
    return Past(pairs, known, past, asks=asks, took=took, clock=clock)


def joined(graph: HeteroGraph, source: str, target: str) -> Relation | None:
    """All edges from one type of nodes to another as one relation; None where there are none.

    Each pair is there once: since its earliest time, or always where one of its edges has none, and
    with the sum of weights.
    """
    parts = [relation for _, _, relation in graph.joining(source, target)]
    if not any(len(one.targets) for one in parts):
        return None
    timed = any(one.times is not None for one in parts)
    sources = np.concatenate([one.sources for one in parts])
    targets = np.concatenate([one.targets for one in parts])
    times = None
    if timed:
        always = (np.full(len(one.targets), ALWAYS) for one in parts)
        times = np.concatenate(
            [
                rest if one.times is None else one.times
                for one, rest in zip(parts, always, strict=True)
            ]
        )
    weights = np.concatenate(
        [np.ones(len(one.targets)) if one.weights is None else one.weights for one in parts]
    )
    return once(sources, targets, len(parts[0]), parts[0].n_targets, times, weights)


def once(
    sources: np.ndarray,
    targets: np.ndarray,
    n_sources: int,
    n_targets: int,
    times: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Relation:
    """Edges, each pair once, as `Past.next_to` has them.

    Args:
        sources: (m,) numbers.
        targets: (m,) numbers.
        n_sources: How many there are.
        n_targets: How many there are.
        times: (m,) seconds; of a pair the earliest counts.
        weights: (m,) of which a pair has the sum; 1 each unless given.

    >>> once(np.array([0, 0, 0]), np.array([2, 1, 2]), 1, 3).of(0).tolist()
    [1, 2]
    """
    codes = sources.astype(np.int64) * n_targets + targets
    pairs, place = np.unique(codes, return_inverse=True)
    heavy = np.bincount(place, weights, minlength=len(pairs))
    first = None
    if times is not None:
        first = np.full(len(pairs), np.iinfo(np.int64).max)
        np.minimum.at(first, place, times)
    own, others = pairs // n_targets, pairs % n_targets
    order = np.lexsort((heavy, *(() if first is None else (first,)), own))
    return Relation(
        offsets_of(own, n_sources),
        others[order].astype(np.int32),
        n_targets,
        None if first is None else first[order],
        heavy[order].astype(np.float32),
    )


def is_clock(histories: Histories) -> bool:
    """Whether times are dates, and users' interactions are told apart by them."""
    if not len(histories.times) or int(histories.times.max()) < LEAST_CLOCK:
        return False
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    return bool((np.diff(histories.times)[np.diff(owners) == 0] > 0).any())


def _then(past: Histories, n_items: int, clock: bool) -> Relation:
    """From each item to those that somebody had right after or right before it."""
    owners = np.repeat(np.arange(len(past)), past.lengths)
    same = owners[1:] == owners[:-1]
    before, after = past.items[:-1][same], past.items[1:][same]
    times = np.tile(past.times[1:][same], 2) if clock else None
    ends = np.concatenate([before, after]), np.concatenate([after, before])
    return once(*ends, n_items, n_items, times)


def _features(world: World, texts: Sequence[str], about: Mapping[str, Bags]) -> Features:
    """Of users, of queries that are called so and have these attributes, and of items."""
    dataset = world.dataset
    titles = item_names(dataset.items).to_list() if TITLE in dataset.items.columns else []
    told = {"query": list(texts), "item": titles}
    words = words_of({kind: own for kind, own in told.items() if any(own)})
    sizes = {"user": dataset.n_users, "query": len(texts), "item": dataset.n_items}
    known = {
        "user": attributes_of(dataset.users),
        "query": dict(about),
        "item": attributes_of(dataset.items),
    }
    return Features(
        sizes,
        {
            kind: own | ({TERMS: words[kind]} if kind in words else {})
            for kind, own in known.items()
        },
    )


def _texts_of(graph: HeteroGraph, kind: str) -> list[str]:
    """What is said of nodes: their words where it knows them, otherwise what they are called."""
    about = graph.attributes.get(kind, {})
    found = about.get("terms", about.get("label", ()))
    return [str(one) for one in found]
