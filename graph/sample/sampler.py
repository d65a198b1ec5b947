"""The sampler: walks a query from seeds, each hop drawing from rows that it never expands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np

from data.errors import ConfigError, DataError
from data.seconds import Times, moments_of
from graph.hetero import HeteroGraph
from graph.query.console import query_of
from graph.query.gsl import Chain
from graph.query.query import Condition, Hop, Query
from graph.sample.assemble import assemble
from graph.sample.bars import Avoid, Bars, Numbers, among, draw_past
from graph.sample.conditions import holds_of_edges, holds_of_nodes
from graph.sample.draws import Ask, Draws
from graph.sample.induce import with_induced
from graph.sample.negatives import Negatives
from graph.sample.numbers import twins, whole
from graph.sample.rows import Reach, Rows, reach
from graph.sample.sample import Sample
from graph.sample.strategies import STRATEGIES, Chosen, Strategy, draw_all
from graph.sample.walks import check_walk, take_walks
from graph.schema import Key


class Sampler:
    """Draws the surroundings of seeds, nothing of them as young as its seed.

    An edge is visible to a seed if its time is strictly before the seed's, and so is a node whose
    type has the attribute "time"; what has no time is always visible. Nothing that is not visible
    has any influence on what is drawn. A hop along several types of edges draws its count from all
    of them together.

    Args:
        graph: To walk.
        query: What to walk; also as text or as a chain.
        disjoint: Whether each seed has nodes of its own; otherwise they are merged, which is
            refused for seeds of different times, because one would see what another may.
        strict: Whether negatives are never neighbours that their seed can see.
        strategies: Further ones, by the name that a hop calls them.
        most: Edges that a hop without a count may lead to, of all seeds together.
        limit: What a hop with a count may draw, of all seeds together; None is without a limit.

    Raises:
        ConfigError: the query names what there is not.

    >>> from data.relation import Relation
    >>> from graph.hetero import HeteroGraph
    >>> from graph.schema import EdgeType, NodeType, Schema
    >>> shop = Schema((NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item"),))
    >>> buys = Relation.between(*np.array([[0, 0, 1], [1, 2, 0]]), 2, 3, times=np.array([5, 9, 7]))
    >>> graph = HeteroGraph(shop, {"user": 2, "item": 3}, {("user", "buys", "item"): buys})
    >>> sampler = Sampler(graph, Query.parse("user > item:4 latest", shop))
    >>> sampler.sample(np.array([0, 1]), times=np.array([9, 9])).nodes["item"].tolist()
    [1, 0]
    """

    def __init__(
        self,
        graph: HeteroGraph,
        query: Query | Chain | str,
        *,
        disjoint: bool = True,
        strict: bool = True,
        strategies: Mapping[str, Strategy] | None = None,
        most: int = 1_000_000,
        limit: int | None = None,
    ) -> None:
        self.graph = graph
        self.query = query = query_of(query, graph.schema)
        query.check(graph)
        self.disjoint = disjoint
        self.most, self.limit = most, limit
        self.strategies = {**STRATEGIES, **(strategies or {})}
        self._reaches: dict[tuple[tuple[Key, ...], tuple[Condition, ...]], Reach] = {}
        self._twins: dict[Key, np.ndarray | None] = {}
        self._by_number: dict[Key, tuple[np.ndarray, np.ndarray]] = {}
        for hop in query.hops:
            self._check(hop)
        self._negatives = {
            number: Negatives(
                graph,
                hop,
                self._reach(hop) if hop.edges else None,
                strict,
                query.types[hop.origin],
            )
            for number, hop in enumerate(query.hops)
            if hop.negative
        }

    def _check(self, hop: Hop) -> None:
        check_walk(hop)
        if not hop.edges and not hop.end and not hop.negative:
            raise ConfigError(f"The hop to {hop.type} names no edges; name some, or an end.")
        drawn = hop.count is not None and not hop.negative and hop.walk is None
        if drawn and hop.by not in self.strategies:
            raise ConfigError(
                f"There is no strategy {hop.by!r}; there are {', '.join(self.strategies)}. Give "
                "one of your own to the sampler by its name."
            )

    def _reach(self, hop: Hop) -> Reach:
        return self.reach(hop.edges, () if hop.negative else hop.where)

    def reach(self, keys: tuple[Key, ...], where: tuple[Condition, ...] = ()) -> Reach:
        """The edges of some types that meet conditions; what is looked up in them is kept."""
        if (keys, where) not in self._reaches:
            self._reaches[keys, where] = reach(self.graph, keys, where)
        return self._reaches[keys, where]

    def seeds(self) -> np.ndarray:
        """(n,) int64 every seed that the query may start from: those that meet its conditions."""
        start = self.query.start
        if start.edge is not None:
            return self._seed_edges(start.edge, start.where)
        kept = np.ones(self.graph.size(start.type), dtype=bool)
        for condition in start.where:
            kept &= holds_of_nodes(self.graph, start.type, condition)
        return np.flatnonzero(kept)

    def _seed_edges(self, key: Key, where: tuple[Condition, ...]) -> np.ndarray:
        """(n,) int64 numbers of the edges of a type that meet conditions."""
        declared = self.graph.schema.edge(key).key
        kept = np.ones(len(self.graph.relation(declared).targets), dtype=bool)
        for condition in where:
            kept &= holds_of_edges(self.graph, declared, condition)
        places, numbers = np.flatnonzero(kept), self.graph.relation(declared).numbers
        return places if numbers is None else np.sort(numbers[places]).astype(np.int64)

    def _places(self, declared: Key, numbers: np.ndarray) -> np.ndarray:
        """(x,) int64 where edges of a number stand in their relation; -1 where it has none."""
        known = self.graph.relation(declared).numbers
        if known is None:
            return numbers
        if declared not in self._by_number:
            order = np.argsort(known, kind="stable")
            self._by_number[declared] = order, known[order]
        order, ordered = self._by_number[declared]
        if not len(ordered):
            return np.full(len(numbers), -1)
        at = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
        return np.where(ordered[at] == numbers, order[at], -1)

    def _with_twins(self, key: Key, numbers: np.ndarray) -> np.ndarray:
        """(x,) int64 numbers of edges of a declared type, and of the same ones turned round."""
        if key[0] != key[2] or not len(numbers):
            return numbers
        known = self.graph.relation(key).numbers
        if key not in self._twins:
            every = np.arange(self._edge_count(key)) if known is None else known
            ends, times = self._ends(key, every), self._edge_times(key, every)
            self._twins[key] = twins(**ends, times=times, n=self.graph.size(key[0]))
        twin = self._twins[key]
        if twin is None:
            return numbers
        turned = twin[self._places(key, numbers)]
        return np.union1d(numbers, turned if known is None else known[turned])

    def _edge_count(self, key: Key) -> int:
        """How many edges of a type there are."""
        return len(self.graph.relation(self.graph.schema.edge(key).key).targets)

    def _edge_times(self, key: Key, numbers: np.ndarray) -> np.ndarray | None:
        """(n,) int64 seconds of edges of a number, where they have times."""
        times = self.graph.relation(self.graph.schema.edge(key).key).times
        places = self._places(self.graph.schema.edge(key).key, numbers)
        return None if times is None else times[places]

    def sample(
        self,
        seeds: np.ndarray,
        times: Times | None = None,
        rng: np.random.Generator | int = 0,
        exclude: Numbers | None = None,
        trace: list[float] | None = None,
    ) -> Sample:
        """The subgraph around seeds.

        Args:
            seeds: (b,) numbers of nodes of the type that the query starts from, or of edges; or a
                mask of all there are.
            times: (b,) at which each stands, or one for all; seconds, or whatever `seconds_of`
                reads. Without, all edges are visible, unless the seeds are edges with times: each
                then stands at its own.
            rng: Where chance comes from: the same one gives the same sample.
            exclude: Numbers of edges, by type, or a mask of all, that are to be predicted: they are
                on no sample, and what they join are no negatives. Seeds that are edges are among
                them; they stay on the samples of others only where none could see itself. Where
                every edge between nodes of one type also stands the other way round, as those do
                that are not directed, both are left out.
            trace: Gets the seconds that each hop took.

        Raises:
            DataError: a seed is not there, there is not a time for each, or there are not enough
                negatives.
            ConfigError: a hop leads to too many edges, or seeds of different times are to be
                merged.
        """
        walk = self._draw_hops(seeds, times, rng, exclude, trace)
        sample = assemble(
            self.graph,
            self.query,
            walk.seeds,
            walk.nodes[0],
            walk.times,
            walk.draws,
            walk.owners,
            self.disjoint,
        )
        if not self.query.induced:
            return sample
        return with_induced(sample, self.graph.schema, self.reach, walk.exclude, self.disjoint)

    def _check_limit(self, hop: Hop, origins: int) -> None:
        many = origins * (hop.count or 0) * (hop.walk.length if hop.walk else 1)
        if self.limit is not None and many > self.limit:
            raise ConfigError(
                f"The hop to {hop.type} draws up to {many:,} from {origins:,} nodes, and at most "
                f"{self.limit:,} are drawn; begin with fewer nodes, or draw fewer of each."
            )

    def draw(
        self,
        seeds: np.ndarray,
        times: Times | None = None,
        rng: np.random.Generator | int = 0,
        exclude: Numbers | None = None,
    ) -> tuple[Draws, ...]:
        """What every hop draws, of which `sample` makes one subgraph; arguments are the same."""
        return tuple(self._draw_hops(seeds, times, rng, exclude).draws)

    def _draw_hops(
        self,
        seeds: np.ndarray,
        times: Times | None,
        rng: np.random.Generator | int,
        exclude: Numbers | None,
        trace: list[float] | None = None,
    ) -> _Walk:
        walk = self._begin(seeds, times, exclude or {}, np.random.default_rng(rng))
        for number, hop in enumerate(self.query.hops):
            begin = perf_counter()
            self._check_limit(hop, len(walk.nodes[hop.origin]))
            draws = self._draw(number, hop, walk)
            if trace is not None:
                trace.append(perf_counter() - begin)
            walk.owners.append(walk.owners[hop.origin][draws.origins])
            walk.nodes.append(draws.nodes)
            walk.draws.append(draws)
        return walk

    def _begin(
        self,
        seeds: np.ndarray,
        times: Times | None,
        exclude: Numbers,
        rng: np.random.Generator,
    ) -> _Walk:
        start, schema = self.query.start, self.graph.schema
        out = {
            schema.edge(key).key: self._excluded(schema.edge(key).key, numbers)
            for key, numbers in exclude.items()
        }
        seeds = self.numbers(seeds)
        if start.edge is None:
            self._check_seeds(seeds, self.graph.size(start.type), f"{start.type} number", seeds)
            return _Walk(seeds, self._times(seeds, times), out, out, rng, [seeds])
        declared, n = schema.edge(start.edge).key, self._edge_count(start.edge)
        where = "edge {} -{}-> {} number".format(*declared)
        self._check_seeds(self._places(declared, seeds), n, where, seeds)
        own = self._edge_times(start.edge, seeds)
        stand = self._times(seeds, own if times is None else times)
        both = self._with_twins(declared, np.unique(seeds))
        predicted = {**out, declared: np.union1d(out.get(declared, both), both)}
        if own is None or stand is None or bool((own < stand).any()):
            out = predicted
        first = self._ends(start.edge, seeds)["source"]
        return _Walk(seeds, stand, out, predicted, rng, [first])

    def _ends(self, key: Key, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """Nodes at both ends of edges of a number, in the direction of `key`."""
        declared = self.graph.schema.edge(key).key
        edges = self.graph.relation(declared)
        places = self._places(declared, numbers)
        sources = np.searchsorted(edges.offsets, places, side="right") - 1
        ends = [sources, edges.targets[places].astype(np.int64)]
        return dict(zip(("source", "target"), ends if key == declared else ends[::-1], strict=True))

    def numbers(self, seeds: Any) -> np.ndarray:
        """(b,) int64 numbers of seeds, which may be whole numbers or a mask of all there are.

        Raises:
            DataError: they are neither.
        """
        start = self.query.start
        if start.edge is None:
            return whole(seeds, self.graph.size(start.type), "seeds")
        declared = self.graph.schema.edge(start.edge).key
        names = self.graph.relation(declared).numbers
        return whole(seeds, self._edge_count(start.edge), "seeds", names)

    def _excluded(self, key: Key, given: Any) -> np.ndarray:
        """(x,) int64 sorted numbers of edges of a declared type that are to be left out."""
        n, known = self._edge_count(key), self.graph.relation(key).numbers
        numbers = np.unique(whole(given, n, "edges to leave out", known))
        if known is not None:
            return self._with_twins(key, numbers[self._places(key, numbers) >= 0])
        odd = numbers[(numbers < 0) | (numbers >= n)]
        if len(odd):
            raise DataError(
                "Edge {} -{}-> {} number {} is to be left out, and there is none; the numbers are "
                "0 to {}.".format(*key, odd[0], n - 1)
            )
        return self._with_twins(key, numbers)

    def _check_seeds(self, places: np.ndarray, n: int, what: str, seeds: np.ndarray) -> None:
        odd = np.flatnonzero((places < 0) | (places >= n))
        if len(odd):
            raise DataError(
                f"Seed {odd[0]} is {what} {seeds[odd[0]]}, which there is not among {n}; "
                "numbers begin at 0."
            )

    def _times(self, seeds: np.ndarray, times: Times | None) -> np.ndarray | None:
        if times is None:
            return None
        times = moments_of(times)
        if len(times) == 1:
            times = np.repeat(times, len(seeds))
        if len(times) != len(seeds):
            raise DataError(f"There are {len(times)} times for {len(seeds)} seeds; give one each.")
        if not self.disjoint and len(times) and (times != times[0]).any():
            raise ConfigError(
                "Seeds of different times cannot be merged: one would see what only another may. "
                "Sample them disjoint, or those of one time together."
            )
        return times

    def _draw(self, number: int, hop: Hop, walk: _Walk) -> Draws:
        if hop.end:
            return self._draw_end(hop, walk)
        nodes, whose = walk.nodes[hop.origin], walk.owners[hop.origin]
        ask = Ask(
            number, nodes, whose, walk.limits(whose), walk.seeds, walk.exclude,
            self._avoided(hop, walk),
        )  # fmt: skip
        if hop.negative:
            like = None
            if hop.like is not None and hop.like.alias:
                count = self._negatives[number].count
                like = self._like(hop, self._called(hop.like.alias), count, walk)
            pairs = self._excluded_pairs(hop, self.graph.size(hop.type), walk)
            ask = replace(ask, pairs=pairs, like=like)
        return self.answer(ask, walk.rng)

    def answer(self, ask: Ask, rng: np.random.Generator) -> Draws:
        """What one hop draws from some nodes; nothing else of the walk enters.

        Args:
            ask: From where, and what must not be drawn.
            rng: Where chance comes from.
        """
        hop = self.query.hops[ask.hop]
        if hop.negative:
            return self._draw_negatives(self._negatives[ask.hop], hop, ask, rng)
        edges = self._reach(hop)
        counted = hop.by == "in_degree"
        schema = self.graph.schema
        bars = Bars.of(schema, hop.edges, edges, ask.exclude, ask.avoided, counted)
        rows = Rows.of(edges, ask.nodes, ask.limits, ask.owners, ask.seeds)
        if hop.walk is None:
            return _drawn(edges, *self._choose(hop, rows, bars, rng))
        origins = np.repeat(np.arange(len(ask.nodes)), hop.count or 1)
        nodes, places = take_walks(hop, rows.take(origins), bars, rng)
        of, step = np.nonzero(nodes >= 0)
        return _drawn(edges, origins[of], places[of, step], step)

    def _choose(self, hop: Hop, rows: Rows, bars: Bars | None, rng: np.random.Generator) -> Chosen:
        if hop.count is None:
            places, positions = draw_all(rows, self.most, hop.type)
            if bars is None:
                return places, positions
            free = ~bars.hit(rows, places, positions)
            return places[free], positions[free]
        strategy = self.strategies[hop.by]
        if bars is not None:
            return draw_past(bars, hop.by, strategy, rows, hop.count, rng)
        if hop.by in STRATEGIES:
            return strategy(rows, hop.count, rng)
        return _checked(hop, rows, *strategy(rows, hop.count, rng))

    def _avoided(self, hop: Hop, walk: _Walk) -> np.ndarray | None:
        """Nodes that a hop keeps away from: place of the seed times number of nodes, and node."""
        if not hop.without:
            return None
        at = self._called(hop.without)
        codes: np.ndarray = walk.owners[at] * self.graph.size(hop.type) + walk.nodes[at]
        return codes

    def _called(self, alias: str) -> int:
        """Which draws have an alias; 0 is the start."""
        called = [self.query.start.alias, *(hop.alias for hop in self.query.hops)]
        if alias not in called:
            raise ConfigError(f"Nothing in the query is called {alias!r}.")
        return called.index(alias)

    def _draw_end(self, hop: Hop, walk: _Walk) -> Draws:
        """An end of the edges that are seeds, or that a hop walked."""
        origins = np.arange(len(walk.nodes[hop.origin]))
        if hop.origin:
            walked = walk.draws[hop.origin - 1]
            source = walk.nodes[self.query.hops[hop.origin - 1].origin][walked.origins]
            nodes = source if hop.end == "source" else walked.nodes
        else:
            assert self.query.start.edge is not None
            nodes = self._ends(self.query.start.edge, walk.seeds)[hop.end]
        kept = np.ones(len(nodes), dtype=bool)
        for condition in hop.where:
            kept &= holds_of_nodes(self.graph, hop.type, condition)[nodes]
        avoided = self._avoided(hop, walk)
        if avoided is not None:
            codes = walk.owners[hop.origin] * self.graph.size(hop.type) + nodes
            kept &= ~np.isin(codes, avoided)
        return _unjoined(origins[kept], nodes[kept])

    def _draw_negatives(
        self, negatives: Negatives, hop: Hop, ask: Ask, rng: np.random.Generator
    ) -> Draws:
        origins, whose = ask.nodes, ask.owners
        n = np.int64(self.graph.size(hop.type))
        avoid: list[Avoid] = []
        pairs = ask.pairs
        if pairs is not None and len(pairs):
            avoid.append(lambda rows, nodes: among(origins[rows] * n + nodes, pairs))
        if ask.avoided is not None:
            kept = np.sort(ask.avoided)
            avoid.append(lambda rows, nodes: among(whose[rows] * n + nodes, kept))
        apart = None if ask.avoided is None else whose
        drawn = negatives.draw(origins, ask.limits, avoid, ask.like, rng, apart)
        return _unjoined(np.repeat(np.arange(len(origins)), drawn.shape[1]), drawn.ravel())

    def _excluded_pairs(self, hop: Hop, n: int, walk: _Walk) -> np.ndarray:
        """(x,) sorted: the origin times the number of nodes, and the node, of excluded edges."""
        pairs = [np.zeros(0, dtype=np.int64)]
        for key in hop.edges:
            out = walk.predicted.get(self.graph.schema.edge(key).key)
            if out is not None:
                ends = self._ends(key, out)
                pairs.append(ends["source"] * n + ends["target"])
        return np.sort(np.concatenate(pairs))

    def _like(self, hop: Hop, at: int, count: int, walk: _Walk) -> np.ndarray:
        """(r, count) the nodes that negatives of each origin are to be like, in turn; -1 for none.

        They are the origins themselves, what they were drawn from, or what was drawn from one of
        those.
        """
        origin, place = hop.origin, np.arange(len(walk.nodes[hop.origin]))
        while True:
            if origin == at:
                return np.repeat(walk.nodes[at][place][:, None], count, axis=1)
            if at and self.query.hops[at - 1].origin == origin:
                break
            if origin == 0:
                raise ConfigError(
                    f"Negatives of type {hop.type} cannot be like what stands on another branch of "
                    "the query; name what they start from, or what is drawn from there."
                )
            place = walk.draws[origin - 1].origins[place]
            origin = self.query.hops[origin - 1].origin
        drawn = walk.draws[at - 1]
        counts = np.bincount(drawn.origins, minlength=len(walk.nodes[origin]))
        first = np.cumsum(counts) - counts
        turn = np.arange(count) % np.maximum(counts[place], 1)[:, None]
        like = np.full((len(place), count), -1, dtype=np.int64)
        some = counts[place] > 0
        like[some] = drawn.nodes[(first[place][:, None] + turn)[some]]
        return like


@dataclass
class _Walk:
    """What one call of `sample` has drawn so far; nodes and owners begin with the start's.

    Of edges that are to be predicted all join what must not be negatives, and those that a seed
    could see are excluded from hops.
    """

    seeds: np.ndarray
    times: np.ndarray | None
    exclude: dict[Key, np.ndarray]
    predicted: dict[Key, np.ndarray]
    rng: np.random.Generator
    nodes: list[np.ndarray]
    draws: list[Draws] = field(default_factory=list)
    owners: list[np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.owners = [np.arange(len(self.seeds))]

    def limits(self, owners: np.ndarray) -> np.ndarray | None:
        """(e,) int64 seconds of the seed of each."""
        return None if self.times is None else self.times[owners]


def _checked(hop: Hop, rows: Rows, places: np.ndarray, positions: np.ndarray) -> Chosen:
    """What a strategy of somebody else drew, if it is what its rows may show."""
    within = positions - rows.begins[places]
    if ((within < 0) | (within >= rows.lengths[places])).any() or (np.diff(places) < 0).any():
        raise ConfigError(
            f"The strategy {hop.by!r} answered edges that its rows do not show, or not row by row; "
            "let it draw places from `begins` up to `lengths` further on, in the order of the rows."
        )
    return places, positions


def _unjoined(origins: np.ndarray, nodes: np.ndarray) -> Draws:
    """Draws to which no edge led."""
    none = np.full(len(nodes), -1, dtype=np.int64)
    return Draws(origins, nodes.astype(np.int32), none, np.zeros(len(nodes), dtype=np.int8))


def _drawn(
    edges: Reach, places: np.ndarray, positions: np.ndarray, steps: np.ndarray | None = None
) -> Draws:
    kinds = edges.kinds
    return Draws(
        places,
        edges.relation.targets[positions],
        edges.numbers_of(positions),
        np.zeros(len(places), dtype=np.int8) if kinds is None else kinds[positions],
        None if edges.moments is None else edges.moments[positions],
        steps,
    )
