"""What ZOOMER is built of: who is next to whom, what was asked when, and what is known of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from data.behaviours import asked
from data.columns import ITEM, LEAST_CLOCK, TIME, USER
from data.dataset import Histories
from data.errors import ConfigError
from data.log import ASK, QUERY, QUERY_ID, TEXT, Log
from data.relation import Relation, offsets_of
from graph.build.log import ASKS, HAD, LED_TO, THEN, factor_log, log_graph
from graph.hetero import HeteroGraph
from graph.values import Lists
from quantize.codes import Codes
from recommend.protocols import World
from recommend.settings import ModelConfig
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
            with which each was taken first, as interactions are; None where queries are codes.
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
    def of(cls, config: ModelConfig, world: World) -> Past:
        """Of training interactions alone.

        Raises:
            ConfigError: settings read codes or a log that are not there.
        """
        dataset, histories, codes = world.dataset, world.histories, None
        own, clock = own_settings(config), is_clock(world.histories)
        if own.queries == "factors":
            log, codes = _factors(own, world)
        else:
            log = asked(dataset, histories)
            if log.rows.is_empty():
                raise ConfigError(
                    f"The log of {dataset.name!r} says of no training interaction what it was "
                    "asked for, so no query can be learnt. Give a log of more of them, or set "
                    "model.backbone.queries to factors."
                )
            log = _since_had(log, histories, dataset.n_items) if clock else log
        graph = log_graph(dataset, histories, log, queries_of=codes)
        past = cls.of_graph(_one_by_one(graph, histories, log) if clock else graph, clock)
        about = {
            "user": attributes_of(dataset.users) if config.user_features else {},
            "query": attributes_of(log.queries.drop(QUERY_ID, TEXT)),
            "item": attributes_of(dataset.items) if config.item_features else {},
        }
        bags = {kind: {**some, **past.features.bags[kind]} for kind, some in about.items()}
        asks = took = None
        if codes is None:
            users, queries, items, times = (
                log.rows[name].to_numpy().astype(np.int64) for name in (USER, QUERY, ITEM, TIME)
            )
            asks = Relation.between(users, queries, dataset.n_users, log.n_queries, times)
            by_time = np.argsort(times, kind="stable")
            pairs = (users * dataset.n_items + items)[by_time]
            done, rows = np.unique(pairs, return_index=True)
            took = np.stack([done, queries[by_time][rows]])
        features = Features(past.features.sizes, bags)
        return cls(past.next_to, features, histories, codes, asks, took, clock)

    @classmethod
    def of_graph(cls, graph: HeteroGraph, clock: bool = False) -> Past:
        """Of the graph of a log, as `graph.build.log` makes it, which says who had what as well.

        Args:
            graph: Of users, queries and items, with words where there are some.
            clock: Whether asks stand at moments, so that edges are seen by their times.
        """
        pairs = {
            (a, b): relation for a in KINDS for b in KINDS if (relation := joined(graph, a, b))
        }
        words = words_of({kind: _words(graph, kind) for kind in KINDS})
        sizes = {kind: graph.size(kind) for kind in KINDS}
        about = {kind: {TERMS: words[kind]} if kind in words else {} for kind in KINDS}
        return cls(pairs, Features(sizes, about), clock=clock)

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

    def query_said(self, said: np.ndarray) -> np.ndarray:
        """(b,) int64 the latest of (b, h) queries, -1 for none, or what is asked for most."""
        assert self.asks is not None
        most = int(np.bincount(self.asks.targets, minlength=1).argmax())
        first = said[np.arange(len(said)), (said >= 0).argmax(1)]
        return np.where(first >= 0, first, most)

    def query_of(self, users: np.ndarray, items: np.ndarray, others: np.ndarray) -> np.ndarray:
        """(...) int64 what users asked for who took items; another query where it is not told.

        Args:
            users: (...) numbers.
            items: (...) what each took.
            others: (...) queries that stand in.
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


def own_settings(config: ModelConfig) -> ZoomerConfig:
    """Settings of ZOOMER, of those of a model that is one."""
    assert isinstance(config.backbone, ZoomerConfig)
    return config.backbone


def _factors(own: ZoomerConfig, world: World) -> tuple[Log, np.ndarray]:
    """Factors of items as what users asked for, and (n_items,) that of each item."""
    graph = world.sources.graph
    if graph is None:
        raise ConfigError(
            "model.backbone.queries is factors, and there are no factors. Describe the items so "
            "that codes can be made, or set it to log for a data set that has a log."
        )
    levels, k = graph.levels("item"), graph.item_k
    if own.level >= levels:
        raise ConfigError(
            f"model.backbone.level is {own.level}, and items have {levels} levels of codes; set it "
            f"to 0 to {levels - 1}."
        )
    books = np.zeros((levels, k, 1), dtype=np.float32)  # what codes mean is in their labels
    codes = Codes(world.dataset.item_ids.external, graph.item_codes, books)
    labels = graph.item_labels[own.level * k : (own.level + 1) * k]
    log = factor_log(world.histories, codes, own.level, labels if any(labels) else ())
    return log, graph.item_codes[:, own.level].astype(np.int64)


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


def _since_had(log: Log, histories: Histories, n_items: int) -> Log:
    """The same, where nothing was asked for before its item was had, of rows in histories.

    A film may be given its tags before its stars. Nothing says so of an item that is held out, so
    in training it must not foretell one either.
    """
    owners = np.repeat(np.arange(len(histories), dtype=np.int64), histories.lengths)
    pairs = owners * n_items + histories.items
    order = np.argsort(pairs, kind="stable")
    users, items, times = (
        log.rows[name].to_numpy().astype(np.int64) for name in (USER, ITEM, TIME)
    )
    had = histories.times[order][np.searchsorted(pairs[order], users * n_items + items)]
    since = pl.Series(TIME, np.maximum(times, had))
    return Log(log.rows.with_columns(since), log.queries)


def _one_by_one(graph: HeteroGraph, histories: Histories, log: Log) -> HeteroGraph:
    """The same with an edge for each time that something was had or asked for.

    An edge that counts all of them stands at the latest, and would be seen too late.
    """
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    asks, users, queries, items, times = (
        log.rows[name].to_numpy() for name in (ASK, USER, QUERY, ITEM, TIME)
    )
    same = np.flatnonzero(asks[1:] == asks[:-1])
    done = {
        HAD: (owners, histories.items, histories.times),
        ASKS: (users, queries, times),
        LED_TO: (queries, items, times),
        THEN: (items[same], items[same + 1], np.maximum(times[same], times[same + 1])),
    }
    edges = dict(graph.edges)
    for key, (sources, targets, moments) in done.items():
        if graph.schema.edge(key).timed:
            ends = graph.size(key[0]), graph.size(key[2])
            edges[key] = Relation.between(sources, targets, *ends, moments)
    return HeteroGraph(graph.schema, graph.sizes, edges, graph.attributes)


def _words(graph: HeteroGraph, kind: str) -> Sequence[Sequence[str]]:
    """What is said of each node of a type, word by word."""
    words = graph.attributes.get(kind, {}).get("words")
    if not isinstance(words, Lists):
        return [()] * graph.size(kind)
    return [tuple(map(str, words[row])) for row in range(len(words))]
