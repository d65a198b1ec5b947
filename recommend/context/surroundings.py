"""What is around a user: the graph of training interactions, and the part of it that is sampled.

A user who is asked about has edges of a type of their own, `had`: those of the history that is
asked about, or of the part of it before the item to predict. All others have their training edges,
and no hop leads back to the user who is asked about, so that what the history lacks is nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from data.dataset import Histories
from data.errors import ConfigError
from data.relation import Relation, offsets_of
from graph import EdgeType, HeteroGraph, LatentGraph, NodeType, Query, Sampler, Schema
from graph.query.parts import Hop, Start
from graph.sample.rows import Rows
from graph.sample.strategies import Chosen, Strategy
from recommend.settings.contextgnn import ContextGnnConfig

Time = Literal["clock", "order", "none"]
DAY = 86_400
"""Seconds of a day."""
HAD = ("user", "had", "item")
MET = ("user", "interacts", "item")
FOLLOWED = ("item", "followed", "item")
_SELF = "asked"
_SPREAD = "spread"
_OTHERS = "others"


@dataclass(frozen=True)
class Past:
    """Training interactions, and the factors of items where they are read.

    Attributes:
        histories: Of all users.
        n_items: In the catalogue.
        item_factors: (n_items, T) int64 factor nodes of each item; T is 0 where none are read.
        n_factors: How many factor nodes there are.
    """

    histories: Histories
    n_items: int
    item_factors: np.ndarray
    n_factors: int

    @classmethod
    def of(cls, histories: Histories, n_items: int, graph: LatentGraph | None) -> Past:
        """Of training histories, and a graph of which the items' factors are read."""
        if graph is None:
            return cls(histories, n_items, np.zeros((n_items, 0), np.int64), 0)
        factors = graph.factors("item").astype(np.int64)
        return cls(histories, n_items, factors, graph.size("item_factor"))

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Past:
        """As stored."""
        parts = (arrays[name] for name in ("offsets", "items", "times"))
        factors = arrays["item_factors"]
        return cls(Histories(*parts), len(factors), factors, int(arrays["n_factors"][0]))

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, by name."""
        of = self.histories
        told = {"offsets": of.offsets, "items": of.items, "times": of.times}
        return {
            **told,
            "item_factors": self.item_factors,
            "n_factors": np.array([self.n_factors]),
        }

    @property
    def n_users(self) -> int:
        """Users that were trained with."""
        return len(self.histories)

    @cached_property
    def owners(self) -> np.ndarray:
        """(m,) user of every interaction."""
        return np.repeat(np.arange(self.n_users), self.histories.lengths)

    @cached_property
    def places(self) -> np.ndarray:
        """(m,) place of every interaction in its user's history, from 0."""
        return _places(self.histories)

    @cached_property
    def ends(self) -> np.ndarray:
        """(n_users,) int64 seconds of each user's last interaction; without any, of all."""
        of = self.histories
        last = np.full(self.n_users, int(of.times.max(initial=0)), dtype=np.int64)
        some = of.lengths > 0
        last[some] = of.times[of.offsets[1:][some] - 1]
        return last

    def time_of(self, config: ContextGnnConfig) -> Time:
        """What decides what a user may see."""
        return self._own_time if config.time == "auto" else config.time

    @cached_property
    def _own_time(self) -> Time:
        """What the times themselves are fit for."""
        firsts = self.histories.times[self.histories.offsets[:-1].clip(max=len(self.owners) - 1)]
        since = self.histories.times - firsts[self.owners]
        if not since.any():
            return "none"
        return "order" if (since == self.places).all() else "clock"

    def moments(self, asked: Histories) -> np.ndarray:
        """(m,) int64 seconds of every interaction of histories that are asked about.

        Those asked about may be made up, so only training says when: what is there for the k-th
        time counts as had when the user had it for the k-th time in training, any other at the
        user's end; never before the one before it. A history of training has its own times.
        """
        owners = np.repeat(np.arange(len(asked)), asked.lengths)
        codes, known = self._pairs
        wanted = owners * np.int64(self.n_items) + asked.items
        order = np.argsort(wanted, kind="stable")
        again = np.empty_like(order)
        again[order] = np.arange(len(order)) - np.searchsorted(wanted[order], wanted[order])
        at = (np.searchsorted(codes, wanted) + again).clip(max=len(codes) - 1)
        times = np.where(codes[at] == wanted, known[at], self.ends[owners])
        low, high = int(times.min(initial=0)), int(times.max(initial=0))
        ahead = owners * np.int64(high - low + 1)
        rising: np.ndarray = np.maximum.accumulate(times - low + ahead) - ahead + low
        return rising

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(m,) sorted numbers of users and items together, and (m,) the times of each."""
        codes = self.owners * np.int64(self.n_items) + self.histories.items
        order = np.argsort(codes, kind="stable")
        return codes[order], self.histories.times[order]

    def had(self, time: Time) -> Relation:
        """Training edges of users who are asked about; without times each pair once."""
        of = self.histories
        if time == "none":
            once = np.unique(self.owners * np.int64(self.n_items) + of.items)
            ends = once // self.n_items, once % self.n_items
            return Relation.between(*ends, self.n_users, self.n_items)
        times = of.times if time == "clock" else self.places
        return Relation(of.offsets, of.items, self.n_items, times.astype(np.int64))

    def asked(
        self, histories: Histories, time: Time, moment: int | None = None
    ) -> tuple[Relation, np.ndarray | None]:
        """Edges of users after histories, and (n_users,) the time at which each stands.

        With a clock that is `moment`, or else right after each one's end.
        """
        ends = histories.offsets, histories.items.astype(np.int32), self.n_items
        if time == "none":
            return Relation(*ends), None
        if time == "order":
            return Relation(*ends, _places(histories)), histories.lengths.astype(np.int64)
        stands = self.ends + 1 if moment is None else np.full(self.n_users, moment)
        return Relation(*ends, self.moments(histories)), stands

    def graph(self, had: Relation, time: Time, followed: int = 0) -> HeteroGraph:
        """The graph, with edges of those who are asked about.

        Args:
            had: Their edges.
            time: What decides what they may see.
            followed: Places within which an item follows another; 0 for no such edges.
        """
        met, back = self._timed if time == "clock" else self._untimed
        edges = {HAD: had, MET: met, schema_of(0).edge(MET).reverse_key: back}
        offsets = np.arange(self.n_items + 1, dtype=np.int64)
        for level, column in enumerate(self.item_factors.T):
            nodes = np.ascontiguousarray(column, dtype=np.int32)
            edges[_has(level)] = Relation(offsets, nodes, self.n_factors)
        sizes = {"user": self.n_users, "item": self.n_items, "item_factor": self.n_factors}
        if followed:
            edges[FOLLOWED] = self.followed(followed, time)[0]
        schema = schema_of(self.item_factors.shape[1], followed > 0)
        return HeteroGraph(schema, {k: sizes[k] for k in schema.types}, edges, trusted=True)

    def followed(self, places: int, time: Time) -> tuple[Relation, np.ndarray]:
        """From items to those that somebody had up to so many places later, and (m,) int64 whose.

        An edge has the time of the later one. Without a clock, rows are in the order of users.

        Raises:
            ConfigError: histories have no order.
        """
        if time == "none":
            raise ConfigError(
                "model.backbone.followed walks over what came after what, and these histories are "
                "in no order (time = 'none'). Set it to 0, or model.backbone.time to order where "
                "the order of rows means something."
            )
        if (places, time) not in self._follow:
            self._follow[places, time] = self._followed(places, time)
        return self._follow[places, time]

    @cached_property
    def _follow(self) -> dict[tuple[int, Time], tuple[Relation, np.ndarray]]:
        return {}

    def _followed(self, places: int, time: Time) -> tuple[Relation, np.ndarray]:
        items, times = self.histories.items.astype(np.int64), self.histories.times
        pairs = [
            np.flatnonzero(self.owners[later:] == self.owners[:-later])
            for later in range(1, min(places, len(items) - 1) + 1)
        ]
        first = np.concatenate([np.zeros(0, np.int64), *pairs])
        then = np.concatenate([np.zeros(0, np.int64), *(n + k for k, n in enumerate(pairs, 1))])
        by = times[then] if time == "clock" else self.owners[then]
        order = np.lexsort((by, items[first]))
        first, then = first[order], then[order]
        offsets = offsets_of(items[first], self.n_items)
        seen = times[then].astype(np.int64) if time == "clock" else None
        relation = Relation(offsets, items[then].astype(np.int32), self.n_items, seen)
        return relation, self.owners[then].astype(np.int64)

    @cached_property
    def _timed(self) -> tuple[Relation, Relation]:
        """Training edges both ways, made once for all who ask."""
        of = self.histories
        met = Relation(of.offsets, of.items, self.n_items, of.times.astype(np.int64))
        return met, met.transpose()

    @cached_property
    def _untimed(self) -> tuple[Relation, Relation]:
        met = Relation(self.histories.offsets, self.histories.items, self.n_items)
        return met, met.transpose()


def _places(of: Histories) -> np.ndarray:
    """(m,) int64 place of every interaction in its history."""
    places: np.ndarray = np.arange(len(of.items)) - np.repeat(of.offsets[:-1], of.lengths)
    return places


def _has(level: int) -> tuple[str, str, str]:
    return "item", f"has_level_{level}", "item_factor"


def schema_of(levels: int, followed: bool = False) -> Schema:
    """Users, items and, with levels of codes, the items' factors; and what followed what."""
    nodes = (NodeType("user"), NodeType("item"))
    factor = (NodeType("item_factor", letter="I", groups="item"),) if levels else ()
    has = (EdgeType(*_has(level), level=level) for level in range(levels))
    then = (EdgeType(*FOLLOWED),) if followed else ()
    return Schema((*nodes, *factor), (EdgeType(*HAD), EdgeType(*MET), *then, *has))


def query_of(config: ContextGnnConfig, time: Time, schema: Schema) -> Query:
    """The hops around a user.

    The first draws `neighbours` items, every further one half as many a node. With factors, the
    items of the first hop also lead over all their factors to other items; and, where that is
    walked, to twice `neighbours` that followed each of them.
    """
    back = schema.edge(MET).reverse_key
    hops = []
    for place in range(config.hops):
        key = HAD if place == 0 else (back, MET)[(place + 1) % 2]
        timed = time == "clock" or (time == "order" and place == 0)
        by = "latest" if config.draws == "latest" and timed else _SPREAD
        count = max(1, config.neighbours >> place)
        away = _SELF if key == back else ""
        hops.append(Hop(place, key[2], (key,), count, by, without=away))
    if config.followed:
        by = _SPREAD if time == "clock" else _OTHERS
        hops.append(Hop(1, "item", (FOLLOWED,), 2 * config.neighbours, by))
    has = [edge for edge in schema.edges if edge.target == "item_factor"]
    if has:
        many = max(1, config.neighbours >> 2)
        hops.append(Hop(1, "item_factor", tuple(edge.key for edge in has)))
        turned = tuple(edge.reverse_key for edge in has)
        hops.append(Hop(len(hops), "item", turned, many, _SPREAD))
    return Query(Start("user", alias=_SELF), tuple(hops), schema=schema)


def sampler_of(
    config: ContextGnnConfig, past: Past, graph: HeteroGraph, salt: int | None
) -> Sampler:
    """What draws the surroundings of users, each with nodes of its own.

    Args:
        config: How far, and how many.
        past: Training interactions.
        graph: With their edges.
        salt: By which what is spread is drawn, whoever else is asked about; None for others every
            time.
    """
    time = past.time_of(config)
    query = query_of(config, time, graph.schema)
    drawn: dict[str, Strategy] = {_SPREAD: Spread(salt)}
    if config.followed and time != "clock":
        drawn[_OTHERS] = Spread(salt, past.followed(config.followed, time)[1])
    return Sampler(graph, query, strategies=drawn)


@dataclass(frozen=True, slots=True)
class Spread:
    """Draws one edge from each of as many parts of a row, in no order of theirs; a strategy.

    Which one depends on the seed, the row, the part and the salt alone, so that a user has the
    same sample whoever is asked about beside.

    Attributes:
        salt: None takes another one from chance every time.
        makers: (m,) int64 user whose history every edge of the relation is from, rising within each
            row; none that the seed itself made is drawn then, whenever that was.
    """

    salt: int | None
    makers: np.ndarray | None = None

    def __call__(self, rows: Rows, count: int, rng: np.random.Generator) -> Chosen:
        """The draws: places of rows, and of edges in the relation."""
        salt = int(rng.integers(1 << 62)) if self.salt is None else self.salt
        seeds = rows.seeds[rows.owners]
        own, many = self._own(rows, seeds)
        free = rows.lengths - many
        taken = np.minimum(free, count)
        places = np.repeat(np.arange(len(taken)), taken)
        part = np.arange(len(places)) - np.repeat(np.cumsum(taken) - taken, taken)
        lengths = free[places]
        mixed = _mix(_mix(_mix(np.uint64(salt), seeds[places]), rows.rows[places]), part)
        low = part * lengths // taken[places]
        high = (part + 1) * lengths // taken[places]
        within = low + (_share(mixed) * (high - low)).astype(np.int64)
        chosen = rows.begins[places] + within
        chosen += np.where(chosen >= own[places], many[places], 0)
        order = np.lexsort((_mix(mixed, 1), places))
        return places, chosen[order]

    def _own(self, rows: Rows, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in the relation the edges begin that a row's seed made, and how many there are."""
        if self.makers is None:
            return rows.begins, np.zeros_like(rows.lengths)
        span = np.int64(max(self.makers.max(initial=0), seeds.max(initial=0)) + 1)
        codes = rows.reach.relation.sources * span + self.makers
        sought = rows.rows * span + seeds
        own = np.searchsorted(codes, sought)
        return own, np.searchsorted(codes, sought, side="right") - own


def _mix(state: np.ndarray | np.uint64, value: np.ndarray | int) -> np.ndarray:
    """uint64 of a state and a value, by the finaliser of SplitMix64.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    with np.errstate(over="ignore"):
        z = (np.asarray(value).astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = z + state
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: np.ndarray = z ^ (z >> np.uint64(31))
    return mixed


def _share(mixed: np.ndarray) -> np.ndarray:
    """float64 from 0 up to, and without, 1."""
    share: np.ndarray = (mixed >> np.uint64(11)).astype(np.float64) / (1 << 53)
    return share


@dataclass(frozen=True, slots=True)
class Seeds:
    """Users of a step, when they stand, and the items that are to be predicted.

    Attributes:
        users: (b,) numbers.
        times: (b,) int64 at which each stands; None where there are no times.
        rows: (p,) place among the users, of every item to predict.
        items: (p,) int64 these items.
        hidden: (x,) numbers of `had` edges that nobody of the step may see; None where times hide.
    """

    users: np.ndarray
    times: np.ndarray | None
    rows: np.ndarray
    items: np.ndarray
    hidden: np.ndarray | None


class Targets:
    """What training predicts.

    Without times it is all that users had, some of it at a time with the rest in view. With times
    it is an item in view of all before it, or all items of a window in view of all before that.

    Attributes:
        starts: (m,) int64 moments at which the users of `had` edges stand when they are predicted;
            None without times.

    Raises:
        ConfigError: nobody has anything to predict, or windows are set where there is no clock.
    """

    def __init__(self, past: Past, config: ContextGnnConfig) -> None:
        self.past, self.config = past, config
        self.time = past.time_of(config)
        if config.window_days is not None and self.time != "clock":
            raise ConfigError(
                "model.backbone.window_days counts days, and what a user may see is decided by "
                f"{self.time!r}; leave it out, or set model.backbone.time to clock where the "
                "interactions have times."
            )
        self.had = past.had(self.time)
        self.owners = self.had.sources.astype(np.int64)
        times = self.had.times
        self.starts = None if times is None else _window_starts(times, config.window_days)
        if self.starts is None:
            self.open = np.flatnonzero(self.had.degrees[self.owners] > 1)
        else:
            firsts = self.had.moments[self.had.offsets[:-1].clip(max=len(self.owners) - 1)]
            self.open = np.flatnonzero(self.starts > firsts[self.owners])
        if not len(self.open):
            raise ConfigError(
                "Nobody has an interaction that something else came before, so there is nothing "
                f"to predict with time = {self.time!r}. If times are the same throughout, set "
                "model.backbone.time to order or none."
            )

    def epoch(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Numbers of `had` edges to predict: an array for every seed of an epoch, in any order."""
        shuffled = self.open[rng.permutation(len(self.open))]
        if self.config.window_days is not None:
            assert self.starts is not None
            shuffled = shuffled[np.lexsort((self.starts[shuffled], self.owners[shuffled]))]
            groups = _runs(shuffled, self.owners, self.starts)
            return self._some([groups[place] for place in rng.permutation(len(groups))])
        shuffled = shuffled[np.argsort(self.owners[shuffled], kind="stable")]
        if self.starts is not None:
            found = self._some(list(shuffled[:, None]))
            return [self._onward(found[place]) for place in rng.permutation(len(found))]
        owners = self.owners[shuffled]
        degrees = np.bincount(owners, minlength=self.past.n_users)
        rank = np.arange(len(owners)) - (np.cumsum(degrees) - degrees)[owners]
        size = np.minimum(self.config.labels, np.maximum(1, degrees // 2))[owners]
        groups = np.split(shuffled, np.flatnonzero(rank % size == 0)[1:])
        return [groups[place] for place in rng.permutation(len(groups))]

    def _onward(self, group: np.ndarray) -> np.ndarray:
        """An edge, and those that follow it in its user's history, `ahead` in all at most."""
        first = int(group[0])
        end = min(first + self.config.ahead, int(self.had.offsets[self.owners[first] + 1]))
        return np.arange(first, end)

    def _some(self, groups: list[np.ndarray]) -> list[np.ndarray]:
        """As many of each user as an epoch predicts, the first of them."""
        if self.config.positions is None:
            return groups
        owners = self.owners[np.array([group[0] for group in groups])]
        order = np.argsort(owners, kind="stable")
        counts = np.bincount(owners)
        rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[owners[order]]
        return [groups[place] for place in np.sort(order[rank < self.config.positions])]

    def step(self, groups: list[np.ndarray]) -> Seeds:
        """The users of some seeds, a group of edges to predict each; an item counts once a seed."""
        numbers = np.concatenate(groups)
        firsts = np.array([group[0] for group in groups])
        rows = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        pairs = np.unique(rows * np.int64(self.past.n_items) + self.had.targets[numbers])
        return Seeds(
            self.owners[firsts],
            None if self.starts is None else self.starts[firsts],
            pairs // self.past.n_items,
            pairs % self.past.n_items,
            numbers if self.starts is None else None,
        )


def _window_starts(times: np.ndarray, days: float | None) -> np.ndarray:
    """(m,) int64 moments at which what came at (m,) `times` is predicted.

    Without windows that is the time itself. Windows (t, t + Δ] end at the last time and at every Δ
    before it, and all in one is predicted at its t.

    Source: RelBench (Robinson et al., 2024), training tables: seed times every `timedelta`.
    """
    if days is None:
        return times
    width, last = max(1, round(days * DAY)), times.max(initial=0)
    starts: np.ndarray = last - ((last - times) // width + 1) * width
    return starts


def _runs(numbers: np.ndarray, *columns: np.ndarray) -> list[np.ndarray]:
    """`numbers` cut wherever one of the columns, looked up by them, changes."""
    changes = np.zeros(max(len(numbers) - 1, 0), dtype=bool)
    for column in columns:
        changes |= np.diff(column[numbers]) != 0
    return np.split(numbers, np.flatnonzero(changes) + 1)
